//! What the written-once client needs of its flavour: here, awaiting on the caller's tokio runtime.

use std::future::Future;

use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind, Result};

pub(crate) use super::flow::{Flow, flows};

/// A function that a scope runs.
pub(crate) use std::ops::AsyncFnOnce as ScopeFn;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Runtime;

impl Runtime {
    #[allow(clippy::unnecessary_wraps, reason = "the other flavour starts a thread, which can fail")]
    pub(crate) fn start() -> Result<Self> {
        Ok(Self)
    }

    /// Streams are read ahead on the runtime that the call is made on.
    #[allow(clippy::unused_self, reason = "the other flavour has one")]
    pub(crate) fn pump(&self) -> Option<Handle> {
        None
    }

    pub(crate) async fn wait<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Runtime, "the async client was used outside of a tokio runtime")
                .hint("use #[tokio::main], or `code_interpreter::blocking`, which needs no runtime"));
        }
        call.await
    }

    /// Runs something that blocks for a moment.
    #[cfg(feature = "local")]
    pub(crate) async fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let joined = self.wait(async {
            tokio::task::spawn_blocking(work).await.map_err(|cause| {
                Error::new(ErrorKind::Runtime, "a thread of the runtime ended early").with_source(cause)
            })
        });
        joined.await?
    }

    /// Lets a clean-up that was started go on by itself: a destructor cannot await.
    #[allow(clippy::unused_self, reason = "the other flavour waits")]
    pub(crate) fn let_finish(&self, _done: std::sync::mpsc::Receiver<()>) {}
}
