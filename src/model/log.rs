//! What happened to a sandbox.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

/// A line of the log of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SandboxLog {
    /// When it happened.
    pub timestamp: SystemTime,
    /// How much it matters.
    pub level: LogLevel,
    /// What happened.
    pub message: String,
    /// What else the server notes with it, by name.
    pub fields: BTreeMap<String, String>,
}

/// As a line: the time in UTC, the level, what happened, and what else there is, such as `2026-01-01T00:00:00Z info created`.
impl fmt::Display for SandboxLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::try_from(self.timestamp) {
            Ok(timestamp) => write!(f, "{timestamp:.3}")?,
            Err(_) => f.write_str("(at no time)")?,
        }
        write!(f, " {} {}", self.level, self.message)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// How much a line of a log matters. Ordered: an error is more than a warning, and what is not known more than both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For who looks for a fault.
    Debug,
    /// It took its course.
    #[default]
    Info,
    /// It did not go as it should have.
    Warn,
    /// It failed.
    Error,
    /// A level that this crate does not know, as the server wrote it.
    Other(String),
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_line() {
        let fields = BTreeMap::from([("pid".to_owned(), "7".to_owned())]);
        let message = "created".to_owned();
        let log = SandboxLog { timestamp: SystemTime::UNIX_EPOCH, level: LogLevel::Warn, message, fields };
        assert_eq!(log.to_string(), "1970-01-01T00:00:00.000Z warn created pid=7");
        assert!(LogLevel::Error > LogLevel::Warn && LogLevel::Warn > LogLevel::Info);
    }
}
