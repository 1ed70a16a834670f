//! A kill that goes on by itself, whatever becomes of its caller.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use super::{Transport, driver};
use crate::{
    error::Result,
    model::MARK,
    protocol::{Listing, Target, decode_list},
};

/// When a sandbox is looked for that is maybe still being made: seconds between the attempts.
const LOOKS: [u64; 4] = [0, 1, 4, 15];

impl Transport {
    /// Kills from the driver thread over connections of its own, since the caller's runtime may be ending with all its
    /// tasks and sockets. `keep` is held until then; the receiver's other end closes after the first attempt. How it
    /// went, nobody is left to be told.
    pub(crate) fn kill_apart(&self, target: Target, keep: impl Send + 'static) -> Result<mpsc::Receiver<()>> {
        let transport = Self::new(Arc::clone(&self.config), None);
        let (done, finished) = mpsc::channel();
        driver()?.spawn(async move {
            match target {
                Target::Id(id) => {
                    transport.kill(&id).await;
                    drop(done);
                }
                Target::Mark(mark) => transport.kill_marked(&mark, done).await,
            }
            // What is kept may be the last handle of an embedded engine, and to stop that takes a moment that this
            // thread, which serves everyone, does not have.
            tokio::task::spawn_blocking(move || drop(keep));
        });
        Ok(finished)
    }

    async fn kill(&self, id: &str) {
        if let Ok(request) = self.config.endpoint.kill(id) {
            let _ = self.call(request).await;
        }
    }

    async fn kill_marked(&self, mark: &str, looked: mpsc::Sender<()>) {
        let mut looked = Some(looked);
        for seconds in LOOKS {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let mut listing = Listing::default();
            listing.metadata.insert(MARK.to_owned(), mark.to_owned());
            let answer = self.call(self.config.endpoint.list(&listing)).await;
            let found = answer.and_then(|answer| decode_list(&answer.body)).unwrap_or_default();
            // A service that does not know the filter lists them all.
            let ids: Vec<_> = found.into_iter().filter(|info| listing.has(info)).map(|info| info.id).collect();
            for id in &ids {
                self.kill(id).await;
            }
            drop(looked.take());
            if !ids.is_empty() {
                return;
            }
        }
    }
}
