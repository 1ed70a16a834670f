//! What there is for a sandbox: what its policy gives it, or without one what the machine has.

use std::path::Path;

use super::policy::Policy;

/// Memory and disk in bytes; zero where the system does not tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) cpu_count: usize,
    pub(super) memory: u64,
    pub(super) disk: u64,
}

impl Size {
    /// `directory` is where sandboxes have their files.
    pub(super) fn new(policy: Option<&Policy>, directory: &Path) -> Self {
        let disk = || rustix::fs::statvfs(directory).map_or(0, |disk| disk.f_blocks.saturating_mul(disk.f_frsize));
        Self {
            cpu_count: std::thread::available_parallelism().map_or(0, usize::from),
            memory: policy.map_or_else(memory_bytes, |policy| policy.memory),
            disk: policy.map_or_else(disk, |policy| policy.disk),
        }
    }
}

/// How many processes were killed because the machine ran out of memory, since it started.
#[cfg(target_os = "linux")]
pub(super) fn memory_kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn memory_kills() -> u64 {
    0
}

#[cfg(target_os = "linux")]
fn memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"));
    total.and_then(|kilobytes| kilobytes.trim().parse::<u64>().ok()).unwrap_or(0) << 10
}

#[cfg(not(target_os = "linux"))]
fn memory_bytes() -> u64 {
    0
}
