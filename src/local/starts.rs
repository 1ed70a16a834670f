//! How many interpreters start at a time. An interpreter must be ready within a time, and all at once would each take as
//! long as all of them.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

/// Some of a start is waiting for the kernel.
const PER_PROCESSOR: usize = 2;

#[derive(Clone)]
pub(super) struct Starts(Arc<Semaphore>);

/// To be held until the interpreter is ready.
pub(super) type Turn = OwnedSemaphorePermit;

impl Starts {
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(PER_PROCESSOR * processors)))
    }

    /// First come, first served.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        turn.map_err(|_| Error::engine("the engine is stopping"))
    }

    /// Nobody gets a turn any more.
    pub(super) fn close(&self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_when_it_closes_is_told() {
        let starts = Starts(Arc::new(Semaphore::new(1)));
        let first = starts.turn().await.unwrap();
        let (second, ()) = tokio::join!(starts.turn(), async { starts.close() });
        assert!(second.unwrap_err().to_string().contains("stopping"));
        drop(first);
    }
}
