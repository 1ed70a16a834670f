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

/// How much a line of a log matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
