//! Places for work on sandboxes: one that makes it slow does not keep others from it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Of work that was quick the last time, so much is done at a time, and so much of other work.
const QUICK: usize = 16;
const SLOW: usize = 4;

pub(super) struct Pace {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    /// What takes longer is slow.
    longest: Duration,
}

impl Pace {
    pub(super) fn new(longest: Duration) -> Self {
        Self { quick: Arc::new(Semaphore::new(QUICK)), slow: Arc::new(Semaphore::new(SLOW)), longest }
    }

    /// Waits for a place, in turn, for work that took so long the last time.
    pub(super) fn place(&self, took: Duration) -> impl Future<Output = Option<OwnedSemaphorePermit>> + use<> {
        let places = if took > self.longest { &self.slow } else { &self.quick };
        let place = Arc::clone(places).acquire_owned();
        async { place.await.ok() }
    }
}

/// Waits for work to end, and tells each second how many it has gone on. When the whole program stood still meanwhile, as
/// one that is stopped does, or one in a virtual machine that is, that is one second.
pub(super) async fn impatiently<T>(work: impl Future<Output = T>, mut late: impl FnMut(u32)) -> T {
    let mut work = std::pin::pin!(work);
    let mut seconds = 0;
    loop {
        match timeout(Duration::from_secs(1), &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                seconds += 1;
                late(seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    const ABOVE: Duration = Duration::from_millis(11);

    #[test]
    fn what_is_slow_keeps_only_what_is_slow_waiting() {
        run(async {
            let pace = Pace::new(Duration::from_millis(10));
            let mut slow = Vec::new();
            for _ in 0..SLOW {
                slow.push(pace.place(ABOVE).await);
            }
            let waits = |took| timeout(Duration::from_millis(1), pace.place(took));
            assert!(waits(ABOVE).await.is_err());
            assert!(waits(Duration::ZERO).await.is_ok());
            slow.pop();
            assert!(waits(ABOVE).await.is_ok());
        });
    }

    #[test]
    fn what_takes_long_is_told_of_each_second() {
        run(async {
            let mut told = Vec::new();
            impatiently(tokio::time::sleep(Duration::from_millis(2500)), |seconds| told.push(seconds)).await;
            assert_eq!(told.first(), Some(&1));
            assert!(told.len() <= 2, "{told:?}");
        });
    }
}
