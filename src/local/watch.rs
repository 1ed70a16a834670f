//! Looks after what the operating system does not limit for a sandbox as a whole: its memory, processes and files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use super::disk::{self, Nameless};
use super::log::Severity;
use super::overuse::Overuse;
use super::policy::Policy;
use super::processes::{self, Snapshot, Usage};
use super::registry::Registry;
use super::sandbox::Sandbox;

/// The time between two looks while something goes on in a sandbox, and when nothing does.
const BUSY: Duration = Duration::from_millis(150);
const IDLE: Duration = Duration::from_secs(1);
/// Looking takes no more than one part in this many of the time, unless sandboxes make it slow: they would not be looked
/// at for long.
const SHARE: u32 = 20;
/// What forks while it is stopped is found by the next round; this many are made at most.
const ROUNDS: usize = 10;
/// Files are counted beside the looks, for no more sandboxes than this at a time.
const COUNTS: usize = 4;

/// What is remembered of a sandbox between two looks.
#[derive(Default)]
struct Seen {
    cpu: Duration,
    /// Something happened since the files were counted.
    has_new_files: bool,
    is_counting: bool,
    /// Counting them can take long, so the next time depends on how long the last one took.
    count_at: Option<Instant>,
}

/// Watches all sandboxes, for as long as the engine runs.
pub(super) async fn watch(registry: Arc<Registry>) {
    let Some(policy) = registry.place.confinement.policy().cloned() else { return };
    let policy = Arc::new(policy);
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut counts = JoinSet::new();
    let mut rest = IDLE;
    loop {
        sleep(rest).await;
        while let Some(counted) = counts.try_join_next() {
            let Ok((id, again_at)) = counted else { continue };
            if let Some(seen) = seen.get_mut(&id) {
                (seen.is_counting, seen.count_at) = (false, again_at);
            }
        }
        let sandboxes = registry.list();
        if sandboxes.is_empty() {
            seen.clear();
            rest = IDLE;
            continue;
        }
        let room = COUNTS.saturating_sub(counts.len());
        let look = Look { policy: Arc::clone(&policy), sandboxes, seen: std::mem::take(&mut seen), room };
        let Ok(outcome) = spawn_blocking(move || look.look()).await else { continue };
        rest = outcome.rest();
        for count in outcome.counts {
            counts.spawn(count.run(Arc::clone(&registry), Arc::clone(&policy)));
        }
        seen = outcome.seen;
    }
}

/// One look at all sandboxes.
struct Look {
    policy: Arc<Policy>,
    sandboxes: Vec<Arc<Sandbox>>,
    seen: HashMap<String, Seen>,
    /// How many counts of files may begin.
    room: usize,
}

#[derive(Default)]
struct Outcome {
    seen: HashMap<String, Seen>,
    counts: Vec<Count>,
    is_busy: bool,
    /// Something was ended, and there may be more of it.
    has_ended: bool,
    took: Duration,
}

impl Outcome {
    /// The time until the next look.
    fn rest(&self) -> Duration {
        match (self.has_ended, self.is_busy) {
            (true, _) => BUSY,
            (false, true) => (self.took * SHARE).clamp(BUSY, IDLE),
            (false, false) => IDLE,
        }
    }
}

impl Look {
    fn look(mut self) -> Outcome {
        let start = Instant::now();
        let snapshot = Snapshot::take();
        let mut outcome = Outcome::default();
        for sandbox in &self.sandboxes {
            let Some(root) = sandbox.supervisor.process() else { continue };
            let usage = snapshot.usage(root);
            let (mut seen, is_new) = match self.seen.remove(&sandbox.id) {
                Some(seen) => (seen, false),
                None => (Seen::default(), true),
            };
            let kept = Kept { policy: &self.policy, snapshot: &snapshot, sandbox, root, all: snapshot.tree(root) };
            // What uses no processor takes nothing more either.
            if is_new || seen.cpu != usage.cpu || usage.tasks > self.policy.processes {
                outcome.is_busy = true;
                seen.has_new_files = true;
                let has_ended = kept.end_what_is_too_much(usage);
                outcome.has_ended |= has_ended;
                // One process that is ended may not be enough, and the others may be asleep.
                seen.cpu = if has_ended { Duration::MAX } else { usage.cpu };
            }
            let is_due = seen.has_new_files && seen.count_at.is_none_or(|at| at <= Instant::now());
            if is_due && !seen.is_counting && outcome.counts.len() < self.room {
                (seen.has_new_files, seen.is_counting) = (false, true);
                outcome.counts.push(Count { sandbox: Arc::clone(sandbox), processes: kept.all });
            }
            outcome.seen.insert(sandbox.id.clone(), seen);
        }
        outcome.took = start.elapsed();
        outcome
    }
}

/// A sandbox whose files are to be counted.
struct Count {
    sandbox: Arc<Sandbox>,
    processes: Vec<u32>,
}

impl Count {
    /// Ends the sandbox if there are too many. Tells when to count again.
    async fn run(self, registry: Arc<Registry>, policy: Arc<Policy>) -> (String, Option<Instant>) {
        let Self { sandbox, processes } = self;
        let directory = sandbox.directory.clone();
        let counting = spawn_blocking(move || {
            let start = Instant::now();
            let nameless = disk::nameless(&processes, &directory).on_disk;
            let used = disk::usage(&directory).saturating_add(nameless);
            (used, Instant::now() + start.elapsed() * SHARE)
        });
        let id = sandbox.id.clone();
        let Ok((used, again_at)) = counting.await else { return (id, None) };
        if used > policy.disk {
            tokio::spawn(async move { registry.end(sandbox, Overuse::Disk { used, limit: policy.disk }).await });
        }
        (id, Some(again_at))
    }
}

/// A sandbox that has to be kept to its limits.
struct Kept<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    sandbox: &'a Sandbox,
    root: u32,
    /// Its processes, the supervisor included.
    all: Vec<u32>,
}

impl Kept<'_> {
    /// Says whether something had to be ended.
    fn end_what_is_too_much(&self, usage: Usage) -> bool {
        let hidden = self.all.iter().copied().filter(|id| *id != self.root && processes::is_hidden(*id));
        let hides = hidden.map(|id| self.end(id, Overuse::Hidden)).count() > 0;
        let has_too_many = usage.tasks > self.policy.processes;
        if has_too_many {
            self.end_most_numerous(usage.tasks);
        }
        let unseen = self.nameless(&self.all);
        let is_large = usage.memory.saturating_add(unseen.memory()) > self.policy.memory && self.end_largest(unseen);
        hides || has_too_many || is_large
    }

    fn nameless(&self, processes: &[u32]) -> Nameless {
        disk::nameless(processes, &self.sandbox.directory)
    }

    fn end(&self, id: u32, overuse: Overuse) {
        self.judge(id, overuse);
        self.snapshot.signal(id, Signal::KILL);
    }

    /// Kills the processes that have the most memory, if the sandbox has too much also when what processes share is not
    /// counted for each of them. Says whether it has.
    fn end_largest(&self, unseen: Nameless) -> bool {
        let used = self.snapshot.proportional_memory(&self.all, unseen.in_memory).saturating_add(unseen.in_sockets);
        let size = |id: u32| self.snapshot.memory(id).saturating_add(self.nameless(&[id]).memory());
        let candidates = self.all.iter().copied().filter(|id| *id != self.root);
        let mut candidates: Vec<_> = candidates.map(|id| (size(id), id)).collect();
        candidates.sort_unstable();
        let mut left = used;
        while left > self.policy.memory
            && let Some((size, largest)) = candidates.pop()
        {
            self.end(largest, Overuse::Memory { used, limit: self.policy.memory });
            // What it shares with others may be counted too often here. Then the next look finds the rest.
            left = left.saturating_sub(size);
        }
        used > self.policy.memory
    }

    /// Kills the context that has the most processes, or, if they are more, all that contexts left behind.
    fn end_most_numerous(&self, count: u64) {
        let tasks = |id: u32| self.snapshot.usage(id).tasks;
        let is_context = |id: u32| inner_id(id).is_some_and(|inner| self.sandbox.supervisor.is_kernel(inner));
        let (contexts, orphans): (Vec<u32>, Vec<u32>) =
            self.snapshot.children(self.root).iter().partition(|id| is_context(**id));
        let left_behind = orphans.into_iter().map(tasks).sum::<u64>();
        let most = contexts.iter().copied().max_by_key(|id| tasks(*id)).filter(|id| tasks(*id) >= left_behind);
        let overuse = Overuse::Processes { count, limit: self.policy.processes };
        match most {
            Some(context) => self.judge(context, overuse.clone()),
            None => self.note(&overuse),
        }
        let members = |snapshot: &Snapshot| -> Vec<u32> {
            let roots = match most {
                Some(context) => vec![context],
                None => snapshot.children(self.root).iter().copied().filter(|id| !contexts.contains(id)).collect(),
            };
            let all = roots.into_iter().flat_map(|root| snapshot.tree(root));
            all.filter(|id| snapshot.get(*id).is_some_and(|process| !process.has_ended)).collect()
        };
        // Stopped first: what is stopped forks no more.
        let mut stopped = HashSet::new();
        for _ in 0..ROUNDS {
            let latest = Snapshot::take();
            let all = members(&latest);
            let fresh: Vec<_> = all.iter().copied().filter(|id| stopped.insert(*id)).collect();
            if fresh.is_empty() {
                return all.into_iter().for_each(|id| latest.signal(id, Signal::KILL));
            }
            for id in fresh {
                latest.signal(id, Signal::STOP);
            }
        }
        // They are never the same processes for long.
        self.sandbox.supervisor.sweep(&overuse);
    }

    /// Says beforehand why a process is going to be killed, which may be that of a context.
    fn judge(&self, id: u32, overuse: Overuse) {
        self.note(&overuse);
        if let Some(inner) = inner_id(id) {
            self.sandbox.supervisor.judge(inner, overuse);
        }
    }

    fn note(&self, overuse: &Overuse) {
        self.sandbox.log.note(Severity::Warn, format!("a process is killed: {overuse}"));
    }
}

/// The number that a process has for the sandbox, which may count its own.
fn inner_id(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().last()?.parse().ok()
}
