//! Looks after what the operating system does not limit for a sandbox as a whole: its memory, processes and files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
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
/// Looking takes no more than one part in this many of the time.
const SHARE: u32 = 20;
/// What forks while it is stopped is found by the next round; this many are made at most.
const ROUNDS: usize = 50;

/// What is remembered of a sandbox between two looks.
#[derive(Default)]
struct Seen {
    cpu: Duration,
    /// Something happened since the files were counted.
    has_new_files: bool,
    /// Counting them can take long, so the next time depends on how long the last one took.
    count_at: Option<Instant>,
}

/// Watches all sandboxes, for as long as the engine runs.
pub(super) async fn watch(registry: Arc<Registry>) {
    let Some(policy) = registry.place.confinement.policy().cloned() else { return };
    let policy = Arc::new(policy);
    let mut seen = HashMap::new();
    let mut rest = IDLE;
    loop {
        sleep(rest).await;
        let sandboxes = registry.list();
        if sandboxes.is_empty() {
            seen.clear();
            rest = IDLE;
            continue;
        }
        let look = Look { policy: Arc::clone(&policy), sandboxes, seen: std::mem::take(&mut seen) };
        let Ok(outcome) = tokio::task::spawn_blocking(move || look.look()).await else { continue };
        for (sandbox, overuse) in outcome.over_disk {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move { registry.end(sandbox, overuse).await });
        }
        seen = outcome.seen;
        rest = if outcome.is_busy { BUSY.max(outcome.took * SHARE) } else { IDLE };
    }
}

/// One look at all sandboxes.
struct Look {
    policy: Arc<Policy>,
    sandboxes: Vec<Arc<Sandbox>>,
    seen: HashMap<String, Seen>,
}

struct Outcome {
    seen: HashMap<String, Seen>,
    over_disk: Vec<(Arc<Sandbox>, Overuse)>,
    is_busy: bool,
    took: Duration,
}

impl Look {
    fn look(mut self) -> Outcome {
        let start = Instant::now();
        let snapshot = Snapshot::take();
        let mut outcome = Outcome { seen: HashMap::new(), over_disk: Vec::new(), is_busy: false, took: Duration::ZERO };
        for sandbox in &self.sandboxes {
            let Some(root) = sandbox.supervisor.process() else { continue };
            let usage = snapshot.usage(root);
            let (mut seen, is_new) = match self.seen.remove(&sandbox.id) {
                Some(seen) => (seen, false),
                None => (Seen::default(), true),
            };
            let kept = Kept { policy: &self.policy, snapshot: &snapshot, sandbox, root };
            // What uses no processor takes nothing more either.
            if is_new || seen.cpu != usage.cpu {
                outcome.is_busy = true;
                seen.has_new_files = true;
                // One process that is ended may not be enough, and the others may be asleep.
                seen.cpu = if kept.end_what_is_too_much(usage) { Duration::MAX } else { usage.cpu };
            }
            if seen.has_new_files && seen.count_at.is_none_or(|at| at <= Instant::now()) {
                let start = Instant::now();
                outcome.over_disk.extend(kept.count_files().map(|overuse| (Arc::clone(sandbox), overuse)));
                seen.has_new_files = false;
                seen.count_at = Some(Instant::now() + start.elapsed() * SHARE);
            }
            outcome.seen.insert(sandbox.id.clone(), seen);
        }
        outcome.took = start.elapsed();
        outcome
    }
}

/// A sandbox that has to be kept to its limits.
struct Kept<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    sandbox: &'a Sandbox,
    root: u32,
}

impl Kept<'_> {
    /// Says whether something had to be ended.
    fn end_what_is_too_much(&self, usage: Usage) -> bool {
        let has_too_many = usage.tasks > self.policy.processes;
        if has_too_many {
            self.end_most_numerous(usage.tasks);
        }
        let unseen = self.nameless(&self.snapshot.tree(self.root)).in_memory;
        let is_large = usage.memory.saturating_add(unseen) > self.policy.memory && self.end_largest();
        has_too_many || is_large
    }

    fn count_files(&self) -> Option<Overuse> {
        let nameless = self.nameless(&self.snapshot.tree(self.root)).on_disk;
        let (used, limit) = (disk::usage(&self.sandbox.directory).saturating_add(nameless), self.policy.disk);
        (used > limit).then_some(Overuse::Disk { used, limit })
    }

    fn nameless(&self, processes: &[u32]) -> Nameless {
        disk::nameless(processes, &self.sandbox.directory)
    }

    /// Kills the process that has the most memory, if the sandbox has too much also when what processes share is not
    /// counted for each of them. Says whether it has.
    fn end_largest(&self) -> bool {
        let all = self.snapshot.tree(self.root);
        let unseen = |ids: &[u32]| self.nameless(ids).in_memory;
        let used = processes::proportional_memory(&all).saturating_add(unseen(&all));
        let candidates = all.iter().copied().filter(|id| *id != self.root);
        let largest = candidates.max_by_key(|id| self.snapshot.memory(*id).saturating_add(unseen(&[*id])));
        let is_over = used > self.policy.memory;
        if let (true, Some(largest)) = (is_over, largest) {
            self.judge(largest, Overuse::Memory { used, limit: self.policy.memory });
            self.snapshot.signal(largest, Signal::KILL);
        }
        is_over
    }

    /// Kills the context, or what a context left behind, that has the most processes.
    fn end_most_numerous(&self, count: u64) {
        let children = self.snapshot.children(self.root).iter().copied();
        let Some(most) = children.max_by_key(|child| self.snapshot.usage(*child).tasks) else { return };
        self.judge(most, Overuse::Processes { count, limit: self.policy.processes });
        // Stopped first: what is stopped forks no more.
        let mut stopped = HashSet::new();
        let mut latest = Snapshot::default();
        for _ in 0..ROUNDS {
            latest = Snapshot::take();
            let fresh: Vec<_> = latest.tree(most).into_iter().filter(|id| stopped.insert(*id)).collect();
            if fresh.is_empty() {
                break;
            }
            for id in fresh {
                latest.signal(id, Signal::STOP);
            }
        }
        for id in latest.tree(most) {
            latest.signal(id, Signal::KILL);
        }
    }

    /// Says beforehand why a process is going to be killed, which may be that of a context.
    fn judge(&self, id: u32, overuse: Overuse) {
        self.sandbox.log.note(Severity::Warn, format!("a process is killed: {overuse}"));
        if let Some(inner) = inner_id(id) {
            self.sandbox.supervisor.judge(inner, overuse);
        }
    }
}

/// The number that a process has for the sandbox, which may count its own.
fn inner_id(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().last()?.parse().ok()
}
