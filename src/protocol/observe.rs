//! Which metrics and which lines of a log to ask for, as a query.

use std::time::{Duration, SystemTime};

use reqwest::Url;

/// The most lines that a service gives at once.
const MOST_LINES: &str = "1000";

/// From when to when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MetricsQuery {
    pub(crate) start: Option<SystemTime>,
    pub(crate) end: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum LogQuery {
    /// The latest lines, the newest first.
    Latest,
    /// Those from a time on, the oldest first.
    Since(SystemTime),
}

impl MetricsQuery {
    /// Whole seconds, which take in both ends.
    pub(super) fn write(&self, url: &mut Url) {
        if let Some(start) = self.start {
            let seconds = since_epoch(start).as_secs();
            url.query_pairs_mut().append_pair("start", &seconds.to_string());
        }
        if let Some(end) = self.end {
            let end = since_epoch(end);
            let seconds = end.as_secs().saturating_add(u64::from(end.subsec_nanos() > 0));
            url.query_pairs_mut().append_pair("end", &seconds.to_string());
        }
    }
}

impl LogQuery {
    pub(super) fn write(&self, url: &mut Url) {
        let mut query = url.query_pairs_mut();
        match self {
            Self::Latest => query.append_pair("direction", "backward"),
            Self::Since(start) => {
                let cursor = since_epoch(*start).as_millis().to_string();
                query.append_pair("cursor", &cursor).append_pair("direction", "forward")
            }
        };
        query.append_pair("limit", MOST_LINES);
    }
}

/// A time before 1970 is as good as none.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
