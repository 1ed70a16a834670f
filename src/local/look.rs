//! A look at the processes of one sandbox, which ends those that are over a limit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::carriers::Carriers;
use super::log::Severity;
use super::nameless::{Carrier, Nameless, nameless};
use super::overuse::Overuse;
use super::pace::impatiently;
use super::policy::Policy;
use super::processes::{self, Snapshot, Usage};
use super::sandbox::Sandbox;
use super::stopwatch::Latest;

/// What forks while it is stopped is found by the next round; this many are made at most.
const ROUNDS: usize = 10;
/// So many more processes than are allowed are too many to be told apart: what stops them has to be quick.
const MANY: u64 = 512;
/// A look is not kept from going on for so long, unless by code that changes its memory without end, say. In seconds.
const KEPT: u32 = 3;
/// Nor has it work for so long, whatever it has to look at.
const LONGEST: u32 = 30;
/// After so many looks in a row that may have missed memory, which went on to another process, one is made while nothing runs.
const MISSED: u32 = 2;
/// After so many, these included, nothing can be said of it any more.
const MOST_MISSED: u32 = 8;

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
    /// So many looks in a row may have missed memory.
    pub(super) missed: u32,
}

pub(super) struct Outcome {
    pub(super) sandbox: Arc<Sandbox>,
    /// Something was ended, and there may be more of it.
    pub(super) has_ended: bool,
    pub(super) carriers: Carriers,
    pub(super) missed: u32,
    /// What deleted files take, in bytes.
    pub(super) on_disk: u64,
    pub(super) took: Duration,
}

/// Ends all contexts of a sandbox that has far too many processes, without a look at each. Says whether it has.
pub(super) fn swept(sandbox: &Sandbox, policy: &Policy, usage: Usage) -> bool {
    let is_over = usage.tasks > policy.processes.saturating_mul(2).saturating_add(MANY);
    if is_over {
        let overuse = Overuse::Processes { count: usage.tasks, limit: policy.processes };
        note(sandbox, &overuse);
        sandbox.supervisor.sweep(&overuse);
    }
    is_over
}

struct Found {
    has_ended: bool,
    on_disk: u64,
    /// Memory may have gone on to a process that was not looked at.
    may_miss: bool,
}

impl Look {
    /// Ends all contexts of the sandbox if it takes too long.
    pub(super) async fn run(self, place: impl Future<Output = Option<OwnedSemaphorePermit>>) -> Outcome {
        let _place = place.await;
        let (policy, sandbox, root) = (Arc::clone(&self.policy), Arc::clone(&self.sandbox), self.root);
        let stopwatch = Latest::default();
        let started = stopwatch.clone();
        let looking = spawn_blocking(move || {
            started.start();
            self.look()
        });
        let mut is_told = false;
        let looked = impatiently(looking, |seconds| {
            if seconds >= KEPT && stopwatch.is_kept_for(KEPT) || seconds >= LONGEST && stopwatch.has_run_for(LONGEST) {
                if !std::mem::replace(&mut is_told, true) {
                    note(&sandbox, &Overuse::Slow);
                }
                sandbox.supervisor.sweep(&Overuse::Slow);
            }
        });
        // A look that found nothing is not the last one, as one that never ended would be.
        let mut outcome = looked.await.unwrap_or_else(|_| Outcome {
            sandbox: Arc::clone(&sandbox),
            has_ended: false,
            carriers: Carriers::default(),
            missed: 0,
            on_disk: 0,
            took: Duration::ZERO,
        });
        if outcome.missed >= MISSED {
            let (policy, held) = (Arc::clone(&policy), Arc::clone(&sandbox));
            let again = move || Self::again(&policy, &held, root);
            if sandbox.supervisor.pause.hold(root, again).await.is_some() {
                outcome.missed = 0;
            } else if outcome.missed >= MOST_MISSED {
                note(&sandbox, &Overuse::Slow);
                sandbox.supervisor.sweep(&Overuse::Slow);
            }
        }
        outcome
    }

    /// Looks at the memory of what does not run. Blocks.
    fn again(policy: &Arc<Policy>, sandbox: &Arc<Sandbox>, root: u32) {
        let snapshot = Arc::new(Snapshot::take());
        let (all, usage) = (snapshot.tree(root), snapshot.usage(root));
        let (policy, sandbox) = (Arc::clone(policy), Arc::clone(sandbox));
        let look = Self { policy, snapshot, sandbox, root, all, usage, carriers: Carriers::default(), missed: 0 };
        let unseen = nameless(&look.all, &look.sandbox.directory);
        if look.is_large(&unseen) {
            look.end_largest(&unseen);
        }
    }

    /// Blocks.
    fn look(mut self) -> Outcome {
        let start = Instant::now();
        let mut carriers = std::mem::take(&mut self.carriers);
        let found = self.end_what_is_too_much(&mut carriers);
        let missed = if found.may_miss { self.missed + 1 } else { 0 };
        let (has_ended, on_disk, took) = (found.has_ended, found.on_disk, start.elapsed());
        Outcome { sandbox: self.sandbox, has_ended, carriers, missed, on_disk, took }
    }

    fn end_what_is_too_much(&self, carriers: &mut Carriers) -> Found {
        let hidden = self.all.iter().copied().filter(|id| *id != self.root && processes::is_hidden(*id));
        let hides = hidden.map(|id| self.end(id, Overuse::Hidden)).count() > 0;
        let tasks = self.usage.tasks;
        let has_too_many = tasks > self.policy.processes;
        if has_too_many {
            self.end_most_numerous(tasks);
        }
        let unseen = nameless(&self.all, &self.sandbox.directory);
        let is_untold = unseen.untold.iter().map(|id| self.end(*id, Overuse::Untold)).count() > 0;
        let carries = self.end_carriers(&unseen.carriers, carriers);
        let is_large = self.is_large(&unseen);
        let has_ended = hides | has_too_many | is_untold | carries | (is_large && self.end_largest(&unseen));
        Found { has_ended, on_disk: unseen.on_disk, may_miss: is_large && self.snapshot.has_lost_one(&self.all) }
    }

    /// Whether there is too much memory, if what processes share counts for each of them.
    fn is_large(&self, unseen: &Nameless) -> bool {
        self.usage.memory.saturating_add(unseen.memory()) > self.policy.memory
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
