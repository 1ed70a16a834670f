//! How many connections there may be at a time; more wait.

use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many a sandbox may have.
const MOST: usize = 256;
/// Nor more than one part in this many of those that all may have.
const SHARE: usize = 4;

/// How many all may have, each with two descriptors: a quarter of what this program may have open.
static OF_ALL: LazyLock<Shared> = LazyLock::new(|| {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = descriptors.and_then(|most| usize::try_from(most / 8).ok()).unwrap_or(usize::MAX);
    Shared::new(most.clamp(16, 4096))
});

/// The places of all sandboxes.
struct Shared {
    most: usize,
    room: Arc<Semaphore>,
}

impl Shared {
    fn new(most: usize) -> Self {
        Self { most, room: Arc::new(Semaphore::new(most)) }
    }
}

/// The places of one sandbox.
#[derive(Clone)]
pub(super) struct Places {
    own: Arc<Semaphore>,
    of_all: Arc<Semaphore>,
}

/// Taken until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Places {
    pub(super) fn new() -> Self {
        Self::among(&OF_ALL)
    }

    fn among(shared: &Shared) -> Self {
        Self { own: Arc::new(Semaphore::new(MOST.min(shared.most / SHARE))), of_all: Arc::clone(&shared.room) }
    }

    /// One of the sandbox's own, to be taken before there is a connection.
    pub(super) async fn own(&self) -> Option<Place> {
        Arc::clone(&self.own).acquire_owned().await.ok()
    }

    /// One of all, to be taken when there is a connection: nobody keeps others from a place that is not used.
    pub(super) async fn of_all(&self) -> Option<Place> {
        Arc::clone(&self.of_all).acquire_owned().await.ok()
    }

    pub(super) fn are_taken(&self) -> bool {
        self.own.available_permits() == 0 || self.of_all.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_sandbox_has_its_share() {
        let shared = Shared::new(16);
        let (one, other) = (Places::among(&shared), Places::among(&shared));
        let mut taken = Vec::new();
        for _ in 0..4 {
            assert!(!one.are_taken());
            taken.push((one.own().await, one.of_all().await));
        }
        assert!(one.are_taken() && !other.are_taken());
        assert!(timeout(SOON, one.own()).await.is_err());
        assert!(timeout(SOON, other.own()).await.is_ok());
        taken.pop();
        assert!(timeout(SOON, one.own()).await.is_ok());
    }

    #[tokio::test]
    async fn all_have_no_more_than_there_are() {
        let shared = Shared::new(16);
        let mut taken = Vec::new();
        for _ in 0..4 {
            let places = Places::among(&shared);
            for _ in 0..4 {
                taken.push((places.own().await, places.of_all().await));
            }
        }
        let last = Places::among(&shared);
        assert!(last.are_taken());
        assert!(timeout(SOON, last.own()).await.is_ok());
        assert!(timeout(SOON, last.of_all()).await.is_err());
        taken.pop();
        assert!(timeout(SOON, last.of_all()).await.is_ok());
    }
}
