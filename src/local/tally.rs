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

/// After so many counts in a row that could have missed something, the next one is made while nothing runs.
const UNSURE: u32 = 3;
/// After so many in a row, these included, nothing can be said of the files any more.
const MOST_UNSURE: u32 = 12;

/// A count has an end of its own. One that takes longer is kept from it, by code that keeps a directory locked. In seconds.
const LATE: u32 = 45;

/// A sandbox whose files are to be counted.
pub(super) struct Tally {
    pub(super) policy: Arc<Policy>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) root: u32,
    /// Its processes, the supervisor included.
    pub(super) processes: Vec<u32>,
    /// How many counts in a row were not sure.
    pub(super) unsure: u32,
}

pub(super) struct Outcome {
    pub(super) id: String,
    pub(super) unsure: u32,
    pub(super) took: Duration,
}

impl Tally {
    /// Begins the end of the sandbox if its files take too much, or too long.
    pub(super) async fn run(
        self,
        place: impl Future<Output = Option<OwnedSemaphorePermit>>,
        registry: Arc<Registry>,
    ) -> Outcome {
        let _place = place.await;
        let (sandbox, disk) = (Arc::clone(&self.sandbox), self.policy.disk);
        let counting = self.count(Arc::clone(&registry));
        impatiently(counting, |seconds| {
            if seconds == LATE {
                registry.limit_disk(Arc::clone(&sandbox), u64::MAX, disk);
            }
        })
        .await
    }

    async fn count(self, registry: Arc<Registry>) -> Outcome {
        let Self { policy, sandbox, root, processes, unsure } = self;
        let directory = sandbox.directory.clone();
        let start = Instant::now();
        let count = Arc::new(move || {
            let nameless = nameless(&processes, &directory).on_disk;
            let count = disk::count(&directory);
            disk::Count { bytes: count.bytes.saturating_add(nameless), ..count }
        });
        let held = if unsure < UNSURE {
            None
        } else {
            let count = Arc::clone(&count);
            sandbox.supervisor.pause.hold(root, move || count()).await
        };
        let counted = match held {
            Some(count) => Some(disk::Count { is_sure: true, ..count }),
            // What can be seen counts at least.
            None => tokio::task::spawn_blocking(move || count()).await.ok(),
        };
        let unsure = if counted.is_some_and(|count| count.is_sure) { 0 } else { unsure + 1 };
        let used = counted.map_or(0, |count| count.bytes);
        let used = if unsure > MOST_UNSURE { u64::MAX } else { used };
        let id = sandbox.id.clone();
        registry.limit_disk(sandbox, used, policy.disk);
        Outcome { id, unsure, took: start.elapsed() }
    }
}
