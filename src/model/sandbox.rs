//! What is known of a sandbox.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

/// What the server said about a sandbox. A field that it left out is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct SandboxInfo {
    /// The sandbox's id.
    pub id: String,
    /// The runtime that it runs, such as `python3.11`.
    pub runtime: Option<String>,
    /// The template that it was made from.
    pub template: Option<String>,
    /// Whether it runs.
    pub state: SandboxState,
    /// When it was started.
    pub started_at: Option<SystemTime>,
    /// When it ends unless its timeout is moved. Of one that is paused, when that was.
    pub end_at: Option<SystemTime>,
    /// What was noted about it when it was created.
    pub metadata: BTreeMap<String, String>,
    /// How many processors it has.
    pub cpu_count: Option<u32>,
    /// How much memory it has, in MiB.
    pub memory_mb: Option<u64>,
    /// How much disk it has, in MiB.
    pub disk_size_mb: Option<u64>,
    /// What keeps its code away from the machine, on the embedded engine: `namespaces`, `landlock` or `none`. Absent on
    /// servers that say nothing of it.
    pub confinement: Option<String>,
    /// What runs Python in it, on the embedded engine: `standard`, or `ipython` with its version. Absent on servers
    /// that say nothing of it.
    pub shell: Option<String>,
}

/// Whether a sandbox runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    /// It runs.
    #[default]
    Running,
    /// It is paused: it keeps its state, and goes on when it is resumed.
    Paused,
    /// A state that this crate does not know, as the server wrote it.
    Other(String),
}

impl fmt::Display for SandboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Other(name) => name,
        })
    }
}
