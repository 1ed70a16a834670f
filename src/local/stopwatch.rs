//! How long a thread is kept from going on by something else than a want of processors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::lock;

#[derive(Debug)]
pub(super) struct Stopwatch {
    /// What the system tells of the thread's turns, where it does.
    turns: PathBuf,
    start: Instant,
    before: Turns,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    ran: Duration,
    /// For a processor.
    waited: Duration,
}

impl Stopwatch {
    /// Of the thread that calls it.
    pub(super) fn start() -> Self {
        let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        let turns = PathBuf::from("/proc").join(thread).join("schedstat");
        let before = Turns::read(&turns).unwrap_or_default();
        Self { turns, start: Instant::now(), before }
    }

    /// How long the thread has been kept since the start; zero where the system does not tell.
    pub(super) fn kept(&self) -> Duration {
        let went_on = |turns: Turns| (turns.ran + turns.waited).saturating_sub(self.before.ran + self.before.waited);
        let elapsed = self.start.elapsed();
        Turns::read(&self.turns).map_or(Duration::ZERO, |turns| elapsed.saturating_sub(went_on(turns)))
    }

    /// Whether the thread has run for longer; where the system does not tell, all the time since the start counts.
    pub(super) fn has_run_for(&self, time: Duration) -> bool {
        let ran = |turns: Turns| turns.ran.saturating_sub(self.before.ran);
        self.start.elapsed() > time && Turns::read(&self.turns).is_none_or(|turns| ran(turns) > time)
    }
}

impl Turns {
    /// See proc_pid_schedstat(5): nanoseconds.
    fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut times = text.split_ascii_whitespace().map_while(|number| number.parse().ok().map(Duration::from_nanos));
        Some(Self { ran: times.next()?, waited: times.next()? })
    }
}

/// The stopwatch of the thread that works on something now, for who waits for it. There may be several, one after the other.
#[derive(Clone, Default)]
pub(super) struct Latest(Arc<Mutex<Option<Stopwatch>>>);

impl Latest {
    /// As [`Stopwatch::start`].
    pub(super) fn start(&self) {
        *lock(&self.0) = Some(Stopwatch::start());
    }

    pub(super) fn is_kept_for(&self, seconds: u32) -> bool {
        lock(&self.0).as_ref().is_some_and(|it| it.kept() >= Duration::from_secs(seconds.into()))
    }

    pub(super) fn has_run_for(&self, seconds: u32) -> bool {
        lock(&self.0).as_ref().is_some_and(|it| it.has_run_for(Duration::from_secs(seconds.into())))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_does_not_count_and_waiting_does() {
        let time = Duration::from_millis(200);
        let stopwatch = Stopwatch::start();
        while stopwatch.start.elapsed() < time {
            std::hint::spin_loop();
        }
        let kept = stopwatch.kept();
        assert!(kept < time / 2 && stopwatch.has_run_for(time / 4), "{kept:?}");
        std::thread::sleep(time);
        assert!(stopwatch.kept() > kept + time / 2 && !stopwatch.has_run_for(time * 3 / 2), "{stopwatch:?}");
    }
}
