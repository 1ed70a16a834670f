//! Looks after what the operating system does not limit for a sandbox as a whole: its memory, processes and files.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use super::look::{self, Carriers, Look};
use super::policy::Policy;
use super::processes::{Snapshot, Usage};
use super::registry::Registry;
use super::sandbox::Sandbox;
use super::tally::{self, Tally};

/// The time between two rounds while something goes on in a sandbox, and when nothing does.
const BUSY: Duration = Duration::from_millis(150);
const IDLE: Duration = Duration::from_secs(1);
/// What takes no time that a clock shows can still take memory and disk, so each sandbox is looked at this often.
const ANYWAY: Duration = Duration::from_secs(5);
/// Looking and counting take no more than one part in this many of the time, unless sandboxes make them slow: they would
/// not be looked at for long.
const SHARE: u32 = 20;
/// What takes longer is not waited for: others are looked at meanwhile.
const QUICK: Duration = Duration::from_millis(10);
/// The time between two counts, at most.
const COUNT: Duration = Duration::from_secs(10);
/// So many slow looks, and so many counts of files, are made at a time.
const MOST: usize = 4;

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
    unsure: u32,
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

    fn is_slow(&self) -> bool {
        self.look_took > QUICK
    }

    fn is_due_for_count(&self) -> bool {
        let longest = if self.unsure > 0 { IDLE } else { COUNT };
        let is_rested = |at: Instant| at.elapsed() >= (self.count_took * SHARE).min(longest);
        !self.is_counted && self.has_new_files && self.counted_at.is_none_or(is_rested)
    }

    fn looked(&mut self, outcome: look::Outcome) {
        self.is_looked_at = false;
        self.carriers = outcome.carriers;
        // One quick look does not make it quick.
        self.look_took = outcome.took.max(self.look_took / 2);
        self.looked_at = Some(Instant::now());
        if outcome.has_ended {
            // One process that is ended may not be enough, and the others may be asleep.
            self.usage = None;
        }
    }

    fn counted(&mut self, outcome: &tally::Outcome) {
        (self.is_counted, self.unsure, self.count_took) = (false, outcome.unsure, outcome.took);
        self.counted_at = Some(Instant::now());
        // Whatever it missed is there still.
        self.has_new_files |= outcome.unsure > 0;
    }
}

struct Watch {
    registry: Arc<Registry>,
    policy: Arc<Policy>,
    seen: HashMap<String, Seen>,
    /// What goes on beside the rounds.
    slow_looks: JoinSet<look::Outcome>,
    counts: JoinSet<tally::Outcome>,
}

/// Watches all sandboxes, for as long as the engine runs.
pub(super) async fn watch(registry: Arc<Registry>) {
    let Some(policy) = registry.place.confinement.policy().cloned() else { return };
    let mut watch = Watch {
        registry,
        policy: Arc::new(policy),
        seen: HashMap::new(),
        slow_looks: JoinSet::new(),
        counts: JoinSet::new(),
    };
    let mut rest = IDLE;
    loop {
        sleep(rest).await;
        rest = watch.round().await;
    }
}

impl Watch {
    /// Looks at every sandbox where something happened. Tells the time until the next round.
    async fn round(&mut self) -> Duration {
        let mut has_ended = self.collect();
        let mut sandboxes: Vec<_> = self.registry.list();
        sandboxes.retain(|sandbox| sandbox.supervisor.process().is_some());
        self.seen.retain(|id, _| sandboxes.iter().any(|sandbox| sandbox.id == *id));
        if sandboxes.is_empty() {
            return IDLE;
        }
        let start = Instant::now();
        let Ok(found) = spawn_blocking(move || Found::now(sandboxes)).await else { return IDLE };
        let (is_busy, quick) = self.begin_looks(&found);
        let looks = spawn_blocking(move || quick.into_iter().map(Look::run).collect::<Vec<_>>());
        for outcome in looks.await.unwrap_or_default() {
            has_ended |= outcome.has_ended;
            self.looked(outcome);
        }
        let took = start.elapsed();
        self.begin_counts(&found);
        match (has_ended, is_busy) {
            (true, _) => BUSY,
            (false, true) => (took * SHARE).clamp(BUSY, IDLE),
            (false, false) => IDLE,
        }
    }

    /// Takes in what has been done beside the rounds. Says whether something was ended.
    fn collect(&mut self) -> bool {
        let mut has_ended = false;
        while let Some(outcome) = self.slow_looks.try_join_next() {
            let Ok(outcome) = outcome else { continue };
            has_ended |= outcome.has_ended;
            self.looked(outcome);
        }
        while let Some(outcome) = self.counts.try_join_next() {
            let Ok(outcome) = outcome else { continue };
            if let Some(seen) = self.seen.get_mut(&outcome.id) {
                seen.counted(&outcome);
            }
        }
        has_ended
    }

    fn looked(&mut self, outcome: look::Outcome) {
        // Files that are sent around may be on their way at each count.
        self.registry.limit_disk(Arc::clone(&outcome.sandbox), outcome.on_disk, self.policy.disk);
        if let Some(seen) = self.seen.get_mut(&outcome.sandbox.id) {
            seen.looked(outcome);
        }
    }

    /// Begins the slow looks and returns the quick ones, with whether something goes on in a sandbox.
    fn begin_looks(&mut self, found: &Found) -> (bool, Vec<Look>) {
        let (mut quick, mut slow) = (Vec::new(), Vec::new());
        let mut is_busy = false;
        for (sandbox, root, usage) in &found.sandboxes {
            let seen = self.seen.entry(sandbox.id.clone()).or_default();
            is_busy |= seen.is_busy(&self.policy, *usage);
            if seen.is_due_for_look(&self.policy, *usage) {
                if seen.is_slow() { &mut slow } else { &mut quick }.push((sandbox, *root, *usage));
            }
        }
        // What has waited longest comes first.
        slow.sort_by_key(|(sandbox, ..)| self.seen.get(&sandbox.id).and_then(|seen| seen.looked_at));
        slow.truncate(MOST.saturating_sub(self.slow_looks.len()));
        for (sandbox, root, usage) in slow {
            let look = self.look(found, sandbox, root, usage);
            self.slow_looks.spawn_blocking(move || look.run());
        }
        let quick = quick.into_iter().map(|(sandbox, root, usage)| self.look(found, sandbox, root, usage));
        (is_busy, quick.collect())
    }

    fn look(&mut self, found: &Found, sandbox: &Arc<Sandbox>, root: u32, usage: Usage) -> Look {
        let seen = self.seen.entry(sandbox.id.clone()).or_default();
        (seen.usage, seen.is_looked_at, seen.has_new_files) = (Some(usage), true, true);
        Look {
            policy: Arc::clone(&self.policy),
            snapshot: Arc::clone(&found.snapshot),
            sandbox: Arc::clone(sandbox),
            root,
            all: found.snapshot.tree(root),
            usage,
            carriers: std::mem::take(&mut seen.carriers),
        }
    }

    fn begin_counts(&mut self, found: &Found) {
        let is_due = |seen: &Seen| seen.is_due_for_count().then_some(seen.counted_at);
        let due = found.sandboxes.iter().map(|it| (self.seen.get(&it.0.id).and_then(is_due), it));
        let mut due: Vec<_> = due.filter_map(|(due, it)| Some((due?, it))).collect();
        due.sort_by_key(|(counted_at, _)| *counted_at);
        due.truncate(MOST.saturating_sub(self.counts.len()));
        for (_, (sandbox, root, _)) in due {
            let seen = self.seen.entry(sandbox.id.clone()).or_default();
            (seen.is_counted, seen.has_new_files) = (true, false);
            let tally = Tally {
                policy: Arc::clone(&self.policy),
                sandbox: Arc::clone(sandbox),
                root: *root,
                processes: found.snapshot.tree(*root),
                unsure: seen.unsure,
            };
            self.counts.spawn(tally.run(Arc::clone(&self.registry)));
        }
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
