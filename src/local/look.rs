//! A look at the processes of one sandbox, which ends those that are over a limit.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::log::Severity;
use super::nameless::{Carrier, Nameless, nameless};
use super::overuse::Overuse;
use super::pace::impatiently;
use super::policy::Policy;
use super::processes::{self, Snapshot, Usage};
use super::sandbox::Sandbox;
use super::stopwatch::Stopwatch;

/// What forks while it is stopped is found by the next round; this many are made at most.
const ROUNDS: usize = 10;
/// What programs hand to each other arrives sooner than this.
const ARRIVAL: Duration = Duration::from_secs(4);

/// So many more processes than are allowed are too many to be told apart: what stops them has to be quick.
const MANY: u64 = 512;
/// A look is not kept from going on for so long, unless by code that changes its memory without end, say. In seconds.
const KEPT: u32 = 3;
/// Nor does it take so long on any machine, whatever it has to look at.
const LONGEST: u32 = 30;

/// So many looks that each found some tell that there always are, if there was as much time between them twice over.
const ENOUGH: u32 = 4;

/// The sockets of a sandbox that hold open files on their way.
#[derive(Default)]
pub(super) struct Carriers {
    /// Since when each look has found them so.
    since: HashMap<u64, Instant>,
    /// Since when each look has found any, and how many looks.
    always: Option<(Instant, u32)>,
}

impl Carriers {
    pub(super) fn are_there(&self) -> bool {
        self.always.is_some()
    }

    /// Takes in what a look found, and tells which of it has been there for too long.
    fn late(&mut self, found: &[Carrier], now: Instant) -> HashSet<u32> {
        self.since.retain(|socket, _| found.iter().any(|carrier| carrier.socket == *socket));
        if found.is_empty() {
            self.always = None;
            return HashSet::new();
        }
        let (since, looks) = self.always.unwrap_or((now, 0));
        self.always = Some((since, looks + 1));
        // Files that go from one socket to the next are nowhere else either.
        let are_always_some = looks >= ENOUGH && now - since >= 2 * ARRIVAL;
        let is_late =
            |carrier: &&Carrier| are_always_some | (now - *self.since.entry(carrier.socket).or_insert(now) >= ARRIVAL);
        found.iter().filter(is_late).map(|carrier| carrier.process).collect()
    }
}

/// A sandbox that has to be kept to its limits.
pub(super) struct Look {
    pub(super) policy: Arc<Policy>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) root: u32,
    /// Its processes, the supervisor included.
    pub(super) all: Vec<u32>,
    pub(super) usage: Usage,
    pub(super) carriers: Carriers,
}

pub(super) struct Outcome {
    pub(super) sandbox: Arc<Sandbox>,
    /// Something was ended, and there may be more of it.
    pub(super) has_ended: bool,
    pub(super) carriers: Carriers,
    /// What deleted files take, in bytes.
    pub(super) on_disk: u64,
    pub(super) took: Duration,
}

impl Look {
    /// Ends all contexts of the sandbox if it takes too long.
    pub(super) async fn run(self, place: impl Future<Output = Option<OwnedSemaphorePermit>>) -> Outcome {
        let _place = place.await;
        let sandbox = Arc::clone(&self.sandbox);
        let stopwatch = Arc::new(OnceLock::<Stopwatch>::new());
        let started = Arc::clone(&stopwatch);
        let looking = spawn_blocking(move || {
            let _ = started.set(Stopwatch::start());
            self.look()
        });
        let is_kept = || stopwatch.get().is_some_and(|it| it.kept() >= Duration::from_secs(KEPT.into()));
        let mut is_told = false;
        let looked = impatiently(looking, |seconds| {
            if seconds >= LONGEST || seconds >= KEPT && is_kept() {
                if !std::mem::replace(&mut is_told, true) {
                    note(&sandbox, &Overuse::Slow);
                }
                sandbox.supervisor.sweep(&Overuse::Slow);
            }
        });
        // A look that found nothing is not the last one, as one that never ended would be.
        looked.await.unwrap_or_else(|_| Outcome {
            sandbox: Arc::clone(&sandbox),
            has_ended: false,
            carriers: Carriers::default(),
            on_disk: 0,
            took: Duration::ZERO,
        })
    }

    /// Blocks.
    fn look(mut self) -> Outcome {
        let start = Instant::now();
        let mut carriers = std::mem::take(&mut self.carriers);
        let (has_ended, on_disk) = self.end_what_is_too_much(&mut carriers);
        Outcome { sandbox: self.sandbox, has_ended, carriers, on_disk, took: start.elapsed() }
    }

    /// Says whether something had to be ended, and what deleted files take on the disk.
    fn end_what_is_too_much(&self, carriers: &mut Carriers) -> (bool, u64) {
        let tasks = self.usage.tasks;
        if tasks > self.policy.processes.saturating_mul(2).saturating_add(MANY) {
            let overuse = Overuse::Processes { count: tasks, limit: self.policy.processes };
            note(&self.sandbox, &overuse);
            self.sandbox.supervisor.sweep(&overuse);
            return (true, 0);
        }
        let hidden = self.all.iter().copied().filter(|id| *id != self.root && processes::is_hidden(*id));
        let hides = hidden.map(|id| self.end(id, Overuse::Hidden)).count() > 0;
        let has_too_many = tasks > self.policy.processes;
        if has_too_many {
            self.end_most_numerous(tasks);
        }
        let unseen = nameless(&self.all, &self.sandbox.directory);
        let is_untold = unseen.untold.iter().map(|id| self.end(*id, Overuse::Untold)).count() > 0;
        let carries = self.end_carriers(&unseen.carriers, carriers);
        let memory = self.usage.memory.saturating_add(unseen.memory());
        let is_large = memory > self.policy.memory && self.end_largest(&unseen);
        (hides || has_too_many || is_untold || carries || is_large, unseen.on_disk)
    }

    fn end(&self, id: u32, overuse: Overuse) {
        self.judge(id, overuse);
        self.snapshot.signal(id, Signal::KILL);
    }

    /// Kills those that leave open files in sockets. Says whether there were any.
    fn end_carriers(&self, found: &[Carrier], carriers: &mut Carriers) -> bool {
        carriers.late(found, Instant::now()).into_iter().map(|id| self.end(id, Overuse::Carried)).count() > 0
    }

    /// Kills the processes that have the most memory, if the sandbox has too much also when what processes share is not
    /// counted for each of them. Says whether it has.
    fn end_largest(&self, unseen: &Nameless) -> bool {
        let used = self.snapshot.proportional_memory(&self.all, unseen.in_memory).saturating_add(unseen.in_system);
        let size = |id: u32| self.snapshot.memory(id).saturating_add(unseen.memory_by(id));
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
            None => note(&self.sandbox, &overuse),
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
        note(&self.sandbox, &overuse);
        let parent = self.snapshot.get(id).and_then(|process| inner_id(process.parent));
        if let Some(inner) = inner_id(id) {
            self.sandbox.supervisor.judge(inner, parent, overuse);
        }
    }
}

fn note(sandbox: &Sandbox, overuse: &Overuse) {
    sandbox.log.note(Severity::Warn, format!("a process is killed: {overuse}"));
}

/// The number that a process has for the sandbox, which may count its own.
fn inner_id(id: u32) -> Option<u32> {
    let status = std::fs::read(format!("/proc/{id}/status")).ok()?;
    // The name of the program is in it, which may be any bytes.
    let status = String::from_utf8_lossy(&status);
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_that_stay_and_those_that_change() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let one = |socket: u64| [Carrier { process: 7, socket }];
        let late = HashSet::from([7]);
        let mut carriers = Carriers::default();
        assert!(carriers.late(&one(1), at(0)).is_empty() && carriers.late(&one(1), at(3)).is_empty());
        assert_eq!(carriers.late(&one(1), at(4)), late);
        let mut carriers = Carriers::default();
        for second in 0..8 {
            assert!(carriers.late(&one(second), at(second)).is_empty());
        }
        assert_eq!(carriers.late(&one(8), at(8)), late);
        // One look that finds none, and it begins anew; few looks tell little.
        assert!(carriers.late(&[], at(9)).is_empty() && carriers.late(&one(9), at(10)).is_empty());
        assert!(carriers.late(&one(10), at(30)).is_empty());
    }
}
