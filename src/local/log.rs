//! What happened to a sandbox, line by line, with its time. `sandbox.log.note(..)` adds to it. Neither code nor what it printed is written down: both may hold secrets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::lock;

/// How many lines of a sandbox are kept.
const MOST_LINES: usize = 1000;
/// How many characters of a line are kept.
const LONGEST: usize = 1000;
/// How many logs of sandboxes that have ended are kept.
const MOST_LOGS: usize = 64;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    pub(super) severity: Severity,
    pub(super) message: String,
}

/// The log of one sandbox.
#[derive(Default)]
pub(super) struct Log {
    lines: Mutex<Lines>,
    executions: AtomicU64,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<Line>,
    dropped: u64,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|severity| severity.name() == name)
    }
}

impl Log {
    pub(super) fn note(&self, severity: Severity, message: impl Into<String>) {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(end);
        }
        let line = Line { at: Timestamp::now(), severity, message };
        let mut lines = lock(&self.lines);
        if lines.kept.len() >= MOST_LINES {
            lines.kept.pop_front();
            lines.dropped += 1;
        }
        lines.kept.push_back(line);
    }

    /// All lines, the oldest first. Where older ones were dropped, the first line says how many.
    pub(super) fn lines(&self) -> Vec<Line> {
        let lines = lock(&self.lines);
        let first = lines.kept.front().filter(|_| lines.dropped > 0).map(|oldest| Line {
            at: oldest.at,
            severity: Severity::Warn,
            message: format!("{} older lines were dropped", lines.dropped),
        });
        first.into_iter().chain(lines.kept.iter().cloned()).collect()
    }

    /// The number of a new execution, from 1 on.
    pub(super) fn number_execution(&self) -> u64 {
        self.executions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The logs of the latest sandboxes that have ended: what ended them is asked for afterwards.
#[derive(Default)]
pub(super) struct Archive(Mutex<VecDeque<(String, Arc<Log>)>>);

impl Archive {
    pub(super) fn keep(&self, id: &str, log: &Arc<Log>) {
        let mut all = lock(&self.0);
        if all.iter().all(|(kept, _)| kept != id) {
            all.truncate(MOST_LOGS - 1);
            all.push_front((id.to_owned(), Arc::clone(log)));
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Log>> {
        lock(&self.0).iter().find(|(kept, _)| kept == id).map(|(_, log)| Arc::clone(log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_and_are_counted() {
        let log = Log::default();
        log.note(Severity::Info, "é".repeat(LONGEST + 1));
        assert_eq!(log.lines().first().map(|line| line.message.chars().count()), Some(LONGEST));
        for number in 0..MOST_LINES + 4 {
            log.note(Severity::Info, number.to_string());
        }
        let lines = log.lines();
        let messages: Vec<_> = lines.iter().take(2).map(|line| line.message.as_str()).collect();
        assert_eq!((lines.len(), messages), (MOST_LINES + 1, vec!["5 older lines were dropped", "4"]));
        assert_eq!((log.number_execution(), log.number_execution()), (1, 2));
    }

    #[test]
    fn only_the_latest_logs_are_kept_and_each_once() {
        let archive = Archive::default();
        let log = Arc::new(Log::default());
        for number in 0..MOST_LOGS + 1 {
            archive.keep(&number.to_string(), &log);
            archive.keep(&number.to_string(), &log);
        }
        assert!(archive.get("0").is_none() && archive.get("1").is_some());
        assert_eq!(Severity::parse("warn"), Some(Severity::Warn));
        assert_eq!(Severity::parse("loud"), None);
    }
}
