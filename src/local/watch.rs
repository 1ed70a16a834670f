//! Looks after what the operating system does not limit for a sandbox as a whole: its memory, processes and files.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::carriers::Carriers;
use super::look::{self, Look};
use super::pace::Pace;
use super::policy::Policy;
use super::processes::{Snapshot, Usage};
use super::registry::Registry;
use super::sandbox::Sandbox;
use super::tally::{self, Doubt, Tally};

/// The time between two rounds while something goes on in a sandbox, and when nothing does.
const BUSY: Duration = Duration::from_millis(150);
const IDLE: Duration = Duration::from_secs(1);
/// What takes no time that a clock shows can still take memory and disk, so each sandbox is looked at this often.
const ANYWAY: Duration = Duration::from_secs(5);
/// Looking and counting take no more than one part in this many of the time, unless sandboxes make them slow: they would
/// not be looked at for long.
const SHARE: u32 = 20;
/// The time between two counts, at most.
const COUNT: Duration = Duration::from_secs(10);
/// A look that takes longer is a slow one.
const QUICK_LOOK: Duration = Duration::from_millis(10);
/// And so is a count that takes longer.
const QUICK_COUNT: Duration = Duration::from_secs(1);

/// What is remembered of a sandbox.
#[derive(Default)]
struct Seen {
    /// At the last look, unless it has to be looked at again in any case.
    usage: Option<Usage>,
    looked_at: Option<Instant>,
    look_took: Duration,
    is_looked_at: bool,
    carriers: Carriers,
    /// Something happened since the files were counted.
    has_new_files: bool,
    counted_at: Option<Instant>,
    count_took: Duration,
    is_counted: bool,
    doubt: Doubt,
    /// So many looks in a row may not have seen all memory.
    missed: u32,
}

impl Seen {
    fn is_due_for_look(&self, policy: &Policy, usage: Usage) -> bool {
        let is_rested = |at: Instant| at.elapsed() >= (self.look_took * SHARE).min(IDLE);
        !self.is_looked_at
            && self.looked_at.is_none_or(is_rested)
            && (self.is_busy(policy, usage) || self.is_forgotten())
    }

    /// What uses nothing more takes nothing more either, as far as can be seen.
    fn is_busy(&self, policy: &Policy, usage: Usage) -> bool {
        self.usage != Some(usage) || usage.tasks > policy.processes || self.carriers.are_there()
    }

    fn is_forgotten(&self) -> bool {
        self.looked_at.is_none_or(|at| at.elapsed() >= ANYWAY)
    }

    fn is_due_for_count(&self) -> bool {
        let longest = if self.doubt.unsure > 0 { IDLE } else { COUNT };
        let is_rested = |at: Instant| at.elapsed() >= (self.count_took * SHARE).min(longest);
        !self.is_counted && self.has_new_files && self.counted_at.is_none_or(is_rested)
    }

    fn looked(&mut self, outcome: look::Outcome) {
        self.is_looked_at = false;
        (self.carriers, self.missed) = (outcome.carriers, outcome.missed);
        // One quick look does not make it quick.
        self.look_took = outcome.took.max(self.look_took / 2);
        self.looked_at = Some(Instant::now());
        if outcome.has_ended {
            // One process that is ended may not be enough, and the others may be asleep.
            self.usage = None;
        }
    }

    fn counted(&mut self, outcome: &tally::Outcome) {
        (self.is_counted, self.doubt, self.count_took) = (false, outcome.doubt, outcome.took);
        self.counted_at = Some(Instant::now());
        // Whatever it missed is there still.
        self.has_new_files |= outcome.doubt.unsure > 0;
    }
}

struct Watch {
    registry: Arc<Registry>,
    policy: Arc<Policy>,
    seen: HashMap<String, Seen>,
    eye: Eye,
    looks: JoinSet<look::Outcome>,
    pace_of_looks: Pace,
    /// What looks took since the last round, of slow ones only so much as a quick one does.
    looks_took: Duration,
    counts: JoinSet<tally::Outcome>,
    pace_of_counts: Pace,
}

/// Watches all sandboxes, for as long as the engine runs.
pub(super) async fn watch(registry: Arc<Registry>) {
    let Some(policy) = registry.place.confinement.policy().cloned() else { return };
    let mut watch = Watch {
        registry,
        policy: Arc::new(policy),
        seen: HashMap::new(),
        eye: Eye::open(),
        looks: JoinSet::new(),
        pace_of_looks: Pace::new(QUICK_LOOK),
        looks_took: Duration::ZERO,
        counts: JoinSet::new(),
        pace_of_counts: Pace::new(QUICK_COUNT),
    };
    let mut next = Instant::now() + IDLE;
    loop {
        tokio::select! {
            () = sleep_until(next) => next = watch.round().await,
            Some(Ok(outcome)) = watch.looks.join_next() => if watch.looked(outcome) {
                next = next.min(Instant::now() + BUSY);
            },
            Some(Ok(outcome)) = watch.counts.join_next() => watch.counted(&outcome),
        }
    }
}

impl Watch {
    /// Begins to look at every sandbox where something happened, and waits for none of the looks. Tells when the next round
    /// is due.
    async fn round(&mut self) -> Instant {
        let mut sandboxes: Vec<_> = self.registry.list();
        sandboxes.retain(|sandbox| sandbox.supervisor.process().is_some());
        self.seen.retain(|id, _| sandboxes.iter().any(|sandbox| sandbox.id == *id));
        let start = Instant::now();
        if sandboxes.is_empty() {
            return Instant::now() + IDLE;
        }
        let Some(found) = self.eye.see(sandboxes).await else {
            self.eye = Eye::open();
            return Instant::now() + IDLE;
        };
        let took = start.elapsed() + std::mem::take(&mut self.looks_took);
        let is_busy = self.begin_looks(&found);
        self.begin_counts(&found);
        Instant::now() + if is_busy { (took * SHARE).clamp(BUSY, IDLE) } else { IDLE }
    }

    /// Takes in what a look found. Says whether something was ended.
    fn looked(&mut self, outcome: look::Outcome) -> bool {
        self.looks_took += outcome.took.min(QUICK_LOOK);
        // Files that are sent around may be on their way at each count.
        self.registry.limit_disk(Arc::clone(&outcome.sandbox), outcome.on_disk, self.policy.disk);
        let has_ended = outcome.has_ended;
        if let Some(seen) = self.seen.get_mut(&outcome.sandbox.id) {
            seen.looked(outcome);
        }
        has_ended
    }

    fn counted(&mut self, outcome: &tally::Outcome) {
        if let Some(seen) = self.seen.get_mut(&outcome.id) {
            seen.counted(outcome);
        }
    }

    /// Says whether something goes on in a sandbox.
    fn begin_looks(&mut self, found: &Found) -> bool {
        let mut is_busy = false;
        for (sandbox, root, usage) in &found.sandboxes {
            let seen = self.seen.entry(sandbox.id.clone()).or_default();
            is_busy |= seen.is_busy(&self.policy, *usage);
            if look::swept(sandbox, &self.policy, *usage) {
                continue;
            }
            if !seen.is_due_for_look(&self.policy, *usage) {
                continue;
            }
            (seen.usage, seen.is_looked_at, seen.has_new_files) = (Some(*usage), true, true);
            let look = Look {
                policy: Arc::clone(&self.policy),
                snapshot: Arc::clone(&found.snapshot),
                sandbox: Arc::clone(sandbox),
                root: *root,
                all: found.snapshot.tree(*root),
                usage: *usage,
                carriers: std::mem::take(&mut seen.carriers),
                missed: seen.missed,
            };
            self.looks.spawn(look.run(self.pace_of_looks.place(seen.look_took)));
        }
        is_busy
    }

    fn begin_counts(&mut self, found: &Found) {
        let is_due = |seen: &Seen| seen.is_due_for_count().then_some(seen.counted_at);
        let due = found.sandboxes.iter().map(|it| (self.seen.get(&it.0.id).and_then(is_due), it));
        let mut due: Vec<_> = due.filter_map(|(due, it)| Some((due?, it))).collect();
        // What has waited longest comes first.
        due.sort_by_key(|(counted_at, _)| *counted_at);
        for (_, (sandbox, root, _)) in due {
            let seen = self.seen.entry(sandbox.id.clone()).or_default();
            (seen.is_counted, seen.has_new_files) = (true, false);
            let tally = Tally {
                policy: Arc::clone(&self.policy),
                sandbox: Arc::clone(sandbox),
                root: *root,
                processes: found.snapshot.tree(*root),
                doubt: seen.doubt,
            };
            let place = self.pace_of_counts.place(seen.count_took);
            self.counts.spawn(tally.run(place, Arc::clone(&self.registry)));
        }
    }
}

/// A thread that sees what sandboxes use, also when they leave the machine no number for another.
struct Eye(mpsc::Sender<(Vec<Arc<Sandbox>>, oneshot::Sender<Found>)>);

impl Eye {
    /// It is there as long as this.
    fn open() -> Self {
        let (eye, asked) = mpsc::channel::<(_, oneshot::Sender<_>)>();
        spawn_blocking(move || {
            for (sandboxes, answer) in asked {
                let _ = answer.send(Found::now(sandboxes));
            }
        });
        Self(eye)
    }

    async fn see(&self, sandboxes: Vec<Arc<Sandbox>>) -> Option<Found> {
        let (answer, found) = oneshot::channel();
        self.0.send((sandboxes, answer)).ok()?;
        found.await.ok()
    }
}

/// What the sandboxes use at one moment.
struct Found {
    snapshot: Arc<Snapshot>,
    /// With the number of the supervisor's process.
    sandboxes: Vec<(Arc<Sandbox>, u32, Usage)>,
}

impl Found {
    fn now(sandboxes: Vec<Arc<Sandbox>>) -> Self {
        let snapshot = Snapshot::take();
        let with_usage = |sandbox: Arc<Sandbox>| {
            let root = sandbox.supervisor.process()?;
            let usage = snapshot.usage(root);
            Some((sandbox, root, usage))
        };
        let sandboxes = sandboxes.into_iter().filter_map(with_usage).collect();
        Self { snapshot: Arc::new(snapshot), sandboxes }
    }
}
