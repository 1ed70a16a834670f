//! What the machine has, which is what a sandbox without limits of its own has.

use std::path::Path;

/// In the units of the wire; zero where the system does not tell.
pub(super) struct Machine {
    pub(super) cpu_count: usize,
    pub(super) memory_mb: u64,
    pub(super) disk_size_mb: u64,
}

impl Machine {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            cpu_count: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory_bytes() >> 20,
            disk_size_mb: rustix::fs::statvfs(directory)
                .map_or(0, |disk| disk.f_blocks.saturating_mul(disk.f_frsize) >> 20),
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
