//! What a sandbox uses.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// What a sandbox used at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SandboxMetrics {
    /// When this was so.
    pub timestamp: SystemTime,
    /// How many processors it has.
    pub cpu_count: u32,
    /// How much of all its processors it used, in percent: 100 is all of them. An average over the last seconds.
    pub cpu_used_percent: f64,
    /// The memory that it used, in bytes.
    pub memory_used: u64,
    /// The memory that it has, in bytes.
    pub memory_total: u64,
    /// The memory that holds files which could be read again, in bytes. Always 0 on the embedded engine.
    pub memory_cache: Option<u64>,
    /// What its files took, in bytes.
    pub disk_used: u64,
    /// The room for its files, in bytes.
    pub disk_total: u64,
    /// How many processes and threads it had. The embedded engine tells; E2B does not.
    pub processes: Option<u64>,
}
