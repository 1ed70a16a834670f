//! How long a thread is kept from going on by something else than a want of processors.

use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Stopwatch {
    /// What the system tells of the thread's turns, where it does.
    turns: PathBuf,
    start: Instant,
    /// How long it had run, or waited for a processor, before.
    before: Duration,
}

impl Stopwatch {
    /// Of the thread that calls it.
    pub(super) fn start() -> Self {
        let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        let mut stopwatch = Self {
            turns: PathBuf::from("/proc").join(thread).join("schedstat"),
            start: Instant::now(),
            before: Duration::ZERO,
        };
        stopwatch.before = stopwatch.went_on().unwrap_or_default();
        stopwatch
    }

    /// How long the thread has been kept since the start; zero where the system does not tell.
    pub(super) fn kept(&self) -> Duration {
        self.start.elapsed().saturating_sub(self.gone_on())
    }

    /// Whether the thread has gone on for longer, which is how long it has been where the system does not tell.
    pub(super) fn has_gone_on_for(&self, time: Duration) -> bool {
        self.start.elapsed() > time && self.gone_on() > time
    }

    fn gone_on(&self) -> Duration {
        self.went_on().map_or_else(|| self.start.elapsed(), |total| total.saturating_sub(self.before))
    }

    /// See proc_pid_schedstat(5): the time that it has run, and that it has waited to run, in nanoseconds.
    fn went_on(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(&self.turns).ok()?;
        let mut times = text.split_ascii_whitespace().map_while(|number| number.parse().ok());
        Some(Duration::from_nanos(times.next()?) + Duration::from_nanos(times.next()?))
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
        assert!(kept < time / 2 && stopwatch.has_gone_on_for(time / 2), "{kept:?}");
        std::thread::sleep(time);
        assert!(stopwatch.kept() > kept + time / 2 && !stopwatch.has_gone_on_for(time * 3 / 2), "{stopwatch:?}");
    }
}
