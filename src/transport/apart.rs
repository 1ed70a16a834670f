//! A call that goes on by itself, whatever becomes of its caller.

use std::sync::{Arc, mpsc};

use super::{Transport, driver};
use crate::{error::Result, protocol::Request};

impl Transport {
    /// Sends from the driver thread over a connection of its own, since the caller's runtime may be ending with all its
    /// tasks and sockets. `keep` is held until then; the receiver's other end closes then. How it went, nobody is left
    /// to be told.
    pub(crate) fn send_apart(&self, request: Request, keep: impl Send + 'static) -> Result<mpsc::Receiver<()>> {
        let transport = Self::new(Arc::clone(&self.config), None);
        let (done, finished) = mpsc::channel();
        driver()?.spawn(async move {
            let _ = transport.call(request).await;
            drop(done);
            // What is kept may be the last handle of an embedded engine, and to stop that takes a moment that this
            // thread, which serves everyone, does not have.
            tokio::task::spawn_blocking(move || drop(keep));
        });
        Ok(finished)
    }
}
