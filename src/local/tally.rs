//! A count of the files of one sandbox, which ends it if there are too many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::disk;
use super::nameless::nameless;
use super::pace::impatiently;
use super::policy::Policy;
use super::registry::Registry;
use super::sandbox::Sandbox;
use super::stopwatch::Latest;

/// After so many counts in a row that could have missed something, the next one is made while nothing runs.
const UNSURE: u32 = 3;
/// After so many in a row, these included, nothing can be said of the files any more.
const MOST_UNSURE: u32 = 12;

/// A count has an end of its own. One that is kept from it for so long is so by code that keeps a directory locked. In seconds.
const KEPT: u32 = 45;

/// A sandbox whose files are to be counted.
pub(super) struct Tally {
    pub(super) policy: Arc<Policy>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) root: u32,
    /// Its processes, the supervisor included.
    pub(super) processes: Vec<u32>,
    pub(super) doubt: Doubt,
}

/// What counts could have missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// So many in a row were not sure.
    pub(super) unsure: u32,
    /// So many in a row were made while files changed, as they do in any program.
    changing: u32,
}

impl Doubt {
    fn is_large(self) -> bool {
        self.unsure >= UNSURE || self.changing >= UNSURE
    }

    fn after(self, count: Option<disk::Count>) -> Self {
        match count {
            Some(count) => Self {
                unsure: if count.is_sure { 0 } else { self.unsure + 1 },
                changing: if count.has_changes { self.changing + 1 } else { 0 },
            },
            None => Self { unsure: self.unsure + 1, ..self },
        }
    }
}

pub(super) struct Outcome {
    pub(super) id: String,
    pub(super) doubt: Doubt,
    pub(super) took: Duration,
}

impl Tally {
    /// Begins the end of the sandbox if its files take too much, or are kept from being counted.
    pub(super) async fn run(
        self,
        place: impl Future<Output = Option<OwnedSemaphorePermit>>,
        registry: Arc<Registry>,
    ) -> Outcome {
        let _place = place.await;
        let (sandbox, disk) = (Arc::clone(&self.sandbox), self.policy.disk);
        let stopwatch = Latest::default();
        let counting = self.count(Arc::clone(&registry), stopwatch.clone());
        let mut is_ended = false;
        impatiently(counting, |seconds| {
            if !is_ended && seconds >= KEPT && stopwatch.is_kept_for(KEPT) {
                is_ended = true;
                registry.limit_disk(Arc::clone(&sandbox), u64::MAX, disk);
            }
        })
        .await
    }

    async fn count(self, registry: Arc<Registry>, stopwatch: Latest) -> Outcome {
        let Self { policy, sandbox, root, processes, doubt } = self;
        let directory = sandbox.directory.clone();
        let start = Instant::now();
        let count = Arc::new(move || {
            stopwatch.start();
            let nameless = nameless(&processes, &directory).on_disk;
            let count = disk::count(&directory);
            disk::Count { bytes: count.bytes.saturating_add(nameless), ..count }
        });
        let held = if doubt.is_large() {
            let count = Arc::clone(&count);
            sandbox.supervisor.pause.hold(root, move || count()).await
        } else {
            None
        };
        let counted = match held {
            Some(count) => Some(disk::Count { is_sure: true, has_changes: false, ..count }),
            // What can be seen counts at least.
            None => tokio::task::spawn_blocking(move || count()).await.ok(),
        };
        let doubt = doubt.after(counted);
        let used = counted.map_or(0, |count| count.bytes);
        let used = if doubt.unsure > MOST_UNSURE { u64::MAX } else { used };
        let id = sandbox.id.clone();
        registry.limit_disk(sandbox, used, policy.disk);
        Outcome { id, doubt, took: start.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_grows_and_ends() {
        let count = |is_sure, has_changes| Some(disk::Count { bytes: 1, is_sure, has_changes });
        let after = |counts: &[Option<disk::Count>]| counts.iter().fold(Doubt::default(), |doubt, it| doubt.after(*it));
        assert!(!after(&[count(false, true); 2]).is_large());
        for doubtful in [count(false, false), count(true, true), None] {
            assert!(after(&[doubtful; 3]).is_large(), "{doubtful:?}");
            assert_eq!(after(&[doubtful, doubtful, count(true, false)]), Doubt::default());
        }
    }
}
