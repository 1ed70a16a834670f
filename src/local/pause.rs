//! A sandbox that stands still: its processes are stopped and keep their memory, and the clocks of its runs stop with
//! them.
//!
//! The supervisor itself goes on. Nothing of the user's runs in it, it forks nothing while nobody asks it to, and it has
//! to see the end of its engine, at which it kills everything below it, stopped or not.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use axum::http::StatusCode;
use rustix::process::Signal;
use tokio::sync::{Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::time::Instant;

use super::processes::{Snapshot, threads};
use super::server::Problem;

/// What forks before it is stopped, or is made to go on by what is not, is found by the next round. They come to an end: what
/// wants a processor stops when it gets one.
const ROUNDS: Duration = Duration::from_secs(3);
/// What was told to stop has done so after this time as a rule, and if not the next round comes later.
const ROUND: Duration = Duration::from_millis(1);
const LONGEST_ROUND: Duration = Duration::from_millis(20);

/// Whether a sandbox is paused, and what is needed to go on.
#[derive(Default)]
pub(super) struct Pause {
    /// Read by what a pause must not cut in two, written as long as it lasts.
    going: Arc<RwLock<()>>,
    still: Arc<Mutex<Option<Still>>>,
    stood: watch::Sender<Stood>,
}

/// What holds a sandbox still.
struct Still {
    _guard: OwnedRwLockWriteGuard<()>,
    /// The processes that were stopped for it; others were stopped before, by the user's own doing.
    stopped: HashSet<u32>,
}

/// How long a sandbox has stood still.
#[derive(Clone, Copy, Default)]
struct Stood {
    before: Duration,
    since: Option<Instant>,
    /// Nobody asked for a pause, and nobody else is told of it.
    is_held: bool,
}

/// Programs are not held longer for what is begun before.
const PATIENCE: Duration = Duration::from_secs(1);

/// As long as there is one, there is no pause.
pub(super) type Going = OwnedRwLockReadGuard<()>;

impl Pause {
    pub(super) fn is_paused(&self) -> bool {
        let stood = *self.stood.borrow();
        stood.since.is_some() && !stood.is_held
    }

    /// Waits until there is no pause, and keeps it so.
    pub(super) async fn going(&self) -> Going {
        Arc::clone(&self.going).read_owned().await
    }

    /// What a clock needs that stands still in a pause.
    pub(super) fn clock(&self) -> PauseClock {
        let mut stood = self.stood.subscribe();
        let seen = stood.borrow_and_update().total(Instant::now());
        PauseClock { stood, seen }
    }

    /// Stops everything below the supervisor. False when that was so already.
    pub(super) async fn begin(&self, supervisor: u32) -> Result<bool, Problem> {
        let mut still = self.still.lock().await;
        if still.is_some() {
            return Ok(false);
        }
        let guard = Arc::clone(&self.going).write_owned().await;
        let stopping = tokio::task::spawn_blocking(move || stop_below(supervisor));
        let stopped = stopping.await.unwrap_or_else(|error| Err(failed(&error.to_string())))?;
        *still = Some(Still { _guard: guard, stopped });
        self.stood.send_modify(|stood| stood.begin(false));
        Ok(true)
    }

    /// Lets go on what was stopped. False when nothing was.
    pub(super) async fn end(&self, supervisor: u32) -> bool {
        let Some(still) = self.still.lock().await.take() else { return false };
        let stopped = still.stopped.clone();
        let _ = tokio::task::spawn_blocking(move || go_on_below(supervisor, &stopped)).await;
        self.stood.send_modify(Stood::end);
        true
    }

    /// Does something while nothing below the supervisor runs, which is not a pause to anyone else. None when it does not
    /// come to rest, or not stay there: code can have a timer wake it. What was in the middle of a system call stays there
    /// when that is done, so it is tried more than once.
    pub(super) async fn hold<T: Send + 'static>(
        &self,
        supervisor: u32,
        work: impl Fn() -> T + Send + 'static,
    ) -> Option<T> {
        let still = Arc::clone(&self.still).lock_owned().await;
        let going = Arc::clone(&self.going);
        let guard = match *still {
            Some(_) => None,
            None => Some(tokio::time::timeout(PATIENCE, going.write_owned()).await.ok()?),
        };
        let stood = self.stood.clone();
        let holding = tokio::task::spawn_blocking(move || {
            // Nobody else makes anything stop or go on meanwhile, also when the caller waits no longer.
            let _still = still;
            if guard.is_none() {
                return Some(work());
            }
            let stopped = stop_below(supervisor).ok()?;
            stood.send_modify(|stood| stood.begin(true));
            let mut held = Held { supervisor, stopped, stood };
            let start = Instant::now();
            loop {
                let before = turns_below(supervisor);
                let done = work();
                if turns_below(supervisor) == before {
                    return Some(done);
                }
                if start.elapsed() > PATIENCE {
                    return None;
                }
                held.stopped.extend(stop_below(supervisor).ok()?);
            }
        });
        holding.await.ok().flatten()
    }
}

/// Processes that go on when it is dropped.
struct Held {
    supervisor: u32,
    stopped: HashSet<u32>,
    stood: watch::Sender<Stood>,
}

impl Drop for Held {
    fn drop(&mut self) {
        go_on_below(self.supervisor, &self.stopped);
        self.stood.send_modify(Stood::end);
    }
}

impl Stood {
    fn begin(&mut self, is_held: bool) {
        (self.since, self.is_held) = (Some(Instant::now()), is_held);
    }

    fn end(&mut self) {
        *self = Self { before: self.total(Instant::now()), ..Self::default() };
    }

    fn total(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

/// Tells a clock by how much its deadlines have moved.
#[derive(Clone)]
pub(super) struct PauseClock {
    stood: watch::Receiver<Stood>,
    seen: Duration,
}

impl PauseClock {
    pub(super) fn is_paused(&self) -> bool {
        self.stood.borrow().since.is_some()
    }

    /// How much longer the sandbox has stood still than at the last call.
    pub(super) fn passed(&mut self) -> Duration {
        let total = self.stood.borrow().total(Instant::now());
        let passed = total.saturating_sub(self.seen);
        self.seen = total;
        passed
    }

    /// Waits until a pause begins or ends.
    pub(super) async fn changed(&mut self) {
        if self.stood.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a moment that is put off by every pause; for ever if there is none.
    pub(super) async fn until(mut self, moment: Option<Instant>) {
        let Some(mut moment) = moment else { return std::future::pending().await };
        loop {
            moment += self.passed();
            let is_paused = self.is_paused();
            tokio::select! {
                () = self.changed() => {}
                () = tokio::time::sleep_until(moment), if !is_paused => return,
            }
        }
    }
}

/// Stops all processes below the supervisor, and tells which ones it stopped.
fn stop_below(supervisor: u32) -> Result<HashSet<u32>, Problem> {
    let mut stopped = HashSet::new();
    let (start, mut round) = (Instant::now(), ROUND);
    while start.elapsed() < ROUNDS {
        let snapshot = Snapshot::take();
        if !is_ours(&snapshot, supervisor) {
            return Err(failed("its processes cannot be found in /proc"));
        }
        let mut is_still = true;
        let mut queue = snapshot.children(supervisor).to_vec();
        while let Some(id) = queue.pop() {
            let was_told = stopped.contains(&id);
            if snapshot.get(id).is_none_or(|process| process.is_stopped || was_told && process.cannot_run) {
                // Only now its children: a parent that still waits for them, such as a shell, would see them stop.
                queue.extend(snapshot.children(id));
            } else {
                is_still = false;
                stopped.insert(id);
                snapshot.signal(id, Signal::STOP);
            }
        }
        if is_still {
            return Ok(stopped);
        }
        sleep(round);
        round = (round + ROUND).min(LONGEST_ROUND);
    }
    go_on_below(supervisor, &stopped);
    Err(failed("its processes do not come to rest"))
}

/// Lets these go on, children first: no parent finds one of its own stopped.
fn go_on_below(supervisor: u32, stopped: &HashSet<u32>) {
    let snapshot = Snapshot::take();
    if !is_ours(&snapshot, supervisor) {
        return;
    }
    for id in snapshot.tree(supervisor).into_iter().rev() {
        if stopped.contains(&id) {
            snapshot.signal(id, Signal::CONT);
        }
    }
}

/// How often each thread below the supervisor has been given a processor, as text.
fn turns_below(supervisor: u32) -> BTreeMap<(u32, u32), Vec<String>> {
    let below = Snapshot::take().tree(supervisor).into_iter().filter(|id| *id != supervisor);
    let threads = below.flat_map(|id| threads(id).into_iter().map(move |thread| (id, thread)));
    let turns = |(id, thread): (u32, u32)| {
        let status = std::fs::read(format!("/proc/{id}/task/{thread}/status")).unwrap_or_default();
        let status = String::from_utf8_lossy(&status);
        status.lines().filter(|line| line.contains("voluntary_ctxt_switches:")).map(str::to_owned).collect()
    };
    threads.map(|thread| (thread, turns(thread))).collect()
}

/// Whether it is a process of this program, and not one that has its number by now.
fn is_ours(snapshot: &Snapshot, supervisor: u32) -> bool {
    snapshot.children(std::process::id()).contains(&supervisor)
}

fn failed(why: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the sandbox could not be paused: {why}"))
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;

    use super::*;

    fn run<F: Future>(future: F) -> Option<F::Output> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        Some(runtime.block_on(future))
    }

    #[test]
    fn a_clock_stands_still_in_a_pause() {
        let pause = Pause::default();
        let passed = run(async {
            let mut clock = pause.clock();
            let start = Instant::now();
            let due = clock.clone().until(Some(start + Duration::from_millis(60)));
            pause.stood.send_modify(|stood| stood.begin(false));
            let resume = async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                pause.stood.send_modify(Stood::end);
            };
            let ((), ()) = tokio::join!(due, resume);
            assert!(start.elapsed() >= Duration::from_millis(210), "{:?}", start.elapsed());
            let passed = clock.passed();
            assert_eq!((clock.passed(), clock.is_paused()), (Duration::ZERO, false));
            passed
        });
        assert!(passed >= Some(Duration::from_millis(150)), "{passed:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_held_is_not_paused_but_its_clocks_stand_still() -> std::io::Result<()> {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 1000 & wait"]).spawn()?;
        let supervisor = shell.id();
        let below = move || Snapshot::take().children(supervisor).to_vec();
        while below().is_empty() {
            sleep(Duration::from_millis(1));
        }
        let pause = Arc::new(Pause::default());
        let seen = Arc::clone(&pause);
        let work = move || {
            sleep(Duration::from_millis(150));
            let snapshot = Snapshot::take();
            let is_stopped = |id: &u32| snapshot.get(*id).is_some_and(|process| process.is_stopped);
            (below().iter().all(is_stopped), seen.is_paused(), seen.clock().is_paused())
        };
        let held = run(async {
            let start = Instant::now();
            let due = pause.clock().until(Some(start + Duration::from_secs(1)));
            let (held, ()) = tokio::join!(pause.hold(supervisor, work), due);
            assert!(start.elapsed() >= Duration::from_millis(1150), "{:?}", start.elapsed());
            held
        });
        assert_eq!(held.flatten(), Some((true, false, true)));
        for id in Snapshot::take().children(supervisor) {
            assert!(Snapshot::take().get(*id).is_some_and(|process| !process.is_stopped));
            Snapshot::take().signal(*id, Signal::KILL);
        }
        shell.wait().map(drop)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_what_was_stopped_for_it_goes_on() -> std::io::Result<()> {
        let script = "sleep 1000 & echo $!; sleep 1000 & kill -STOP $!; echo $!; wait";
        let mut command = std::process::Command::new("sh");
        let mut shell = command.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn()?;
        let output = shell.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
        let mut lines = std::io::BufReader::new(output).lines();
        let mut next = || lines.next().and_then(Result::ok).and_then(|line| line.parse::<u32>().ok()).unwrap_or(0);
        let (running, halted) = (next(), next());
        let is_stopped = |id| Snapshot::take().get(id).is_some_and(|process| process.is_stopped);
        // Sent is not stopped yet.
        for _ in 0..5_000 {
            if is_stopped(halted) {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        let stopped = stop_below(shell.id()).unwrap_or_default();
        assert_eq!(stopped, HashSet::from([running]));
        assert!(is_stopped(running) && is_stopped(halted) && !is_stopped(shell.id()));
        go_on_below(shell.id(), &stopped);
        assert!(!is_stopped(running) && is_stopped(halted));
        assert!(stop_below(u32::MAX).is_err());
        for id in [running, halted] {
            Snapshot::take().signal(id, Signal::KILL);
        }
        shell.wait().map(drop)
    }
}
