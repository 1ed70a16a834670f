//! Processes that outlived the supervisor of their sandbox.
//!
//! A supervisor ends everything below it before it ends itself. When it was killed instead, what had a session of its
//! own lives on, with nothing left above it to tell where it belongs but its environment.

/// Stands in the environment of every supervisor, with the id of the sandbox, and so of all that descends from it.
pub(super) const MARKER: &str = "CODE_INTERPRETER_SANDBOX";

#[cfg(target_os = "linux")]
pub(super) use linux::kill;

/// Kills what is left of a sandbox. Without /proc nothing can be found.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill(_sandbox: &str) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

    use super::MARKER;

    /// What forks between two looks at all processes is found by the next one; this many are made at most.
    const ROUNDS: usize = 50;

    /// Kills what is left of a sandbox: this user's processes that carry its id. Blocks for some milliseconds.
    pub(in crate::local) fn kill(sandbox: &str) {
        let marker = format!("{MARKER}={sandbox}");
        for _ in 0..ROUNDS {
            let found = marked(&marker);
            if found.is_empty() {
                return;
            }
            for pid in found {
                kill_if_marked(pid, &marker);
            }
        }
    }

    fn marked(marker: &str) -> Vec<Pid> {
        let user = rustix::process::geteuid().as_raw();
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?, entry)))
            .filter(|(_, entry)| entry.metadata().is_ok_and(|metadata| metadata.uid() == user))
            .map(|(pid, _)| pid)
            .filter(|pid| is_marked(*pid, marker))
            .collect()
    }

    /// A dead process has an empty environment, and is not marked.
    fn is_marked(pid: Pid, marker: &str) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes())
    }

    /// Looks again once there is a handle on the process: its number may be another's by now.
    fn kill_if_marked(pid: Pid, marker: &str) {
        let handle = pidfd_open(pid, PidfdFlags::empty());
        if !is_marked(pid, marker) {
            return;
        }
        // What cannot be killed has just ended, or is not ours to kill.
        let _ = match handle {
            Ok(handle) => pidfd_send_signal(&handle, Signal::KILL),
            Err(rustix::io::Errno::NOSYS) => kill_process(pid, Signal::KILL),
            Err(_) => Ok(()),
        };
    }
}
