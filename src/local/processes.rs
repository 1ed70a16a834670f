//! What the processes of sandboxes are and use, as the operating system counts it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// All processes of the machine at one moment, as far as this user may see them. Empty where there is no /proc.
#[derive(Default)]
pub(super) struct Snapshot {
    processes: HashMap<u32, Process>,
    children: HashMap<u32, Vec<u32>>,
}

/// One process of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) parent: u32,
    /// With that of the children that it has waited for, in ticks of the clock.
    ticks: u64,
    threads: u64,
    /// Resident, in pages. What it shares with others counts in full.
    pages: u64,
    /// In ticks since the machine started. With the number it tells a process from a later one.
    started: u64,
    pub(super) is_stopped: bool,
    /// It has ended, or sleeps in a system call that no signal breaks off: it runs no code before it has obeyed.
    pub(super) cannot_run: bool,
    /// Its parent has not collected it yet.
    pub(super) has_ended: bool,
}

/// What a process and all that descends from it use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// In bytes; what processes share counts for each of them.
    pub(super) memory: u64,
    /// Processes and threads.
    pub(super) tasks: u64,
}

impl Snapshot {
    /// Reads /proc once. Takes some microseconds for each process of the machine.
    pub(super) fn take() -> Self {
        let mut snapshot = Self::default();
        // All numbers come first: who forks faster than processes are read would keep the end away.
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        for id in ids {
            let Some(process) = Process::read(id) else { continue };
            snapshot.children.entry(process.parent).or_default().push(id);
            snapshot.processes.insert(id, process);
        }
        snapshot
    }

    pub(super) fn get(&self, id: u32) -> Option<&Process> {
        self.processes.get(&id)
    }

    pub(super) fn children(&self, id: u32) -> &[u32] {
        self.children.get(&id).map_or(&[], Vec::as_slice)
    }

    /// A process and all that descends from it.
    pub(super) fn tree(&self, root: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut seen = HashSet::from([root]);
        let mut queue = vec![root];
        while let Some(id) = queue.pop() {
            if self.processes.contains_key(&id) {
                found.push(id);
            }
            queue.extend(self.children(id).iter().filter(|child| seen.insert(**child)));
        }
        found
    }

    pub(super) fn usage(&self, root: u32) -> Usage {
        let all = self.tree(root);
        let sum = |of: fn(&Process) -> u64| all.iter().filter_map(|id| self.get(*id)).map(of).sum::<u64>();
        let ticks = sum(|process| process.ticks);
        Usage {
            cpu: Duration::from_millis(ticks.saturating_mul(1000) / ticks_per_second()),
            memory: sum(|process| process.pages).saturating_mul(page_size()),
            tasks: sum(|process| process.threads),
        }
    }

    /// Whether one of these processes is not there any more, so that what it had may be another's.
    pub(super) fn has_lost_one(&self, ids: &[u32]) -> bool {
        !ids.iter().all(|id| self.has_still(*id))
    }

    fn has_still(&self, id: u32) -> bool {
        let started = |process: &Process| process.started;
        Process::read(id).as_ref().map(started) == self.get(id).map(started)
    }

    /// Sends a signal to a process of this snapshot, and never to one that has its number by now.
    pub(super) fn signal(&self, id: u32, signal: Signal) {
        let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
        send(pid, signal, || self.has_still(id));
    }

    /// The memory of these processes in bytes, where what they share with each other counts once, unless they hide it.
    /// `nameless` is what files without a name take, which the processes may have mapped.
    pub(super) fn proportional_memory(&self, ids: &[u32], nameless: u64) -> u64 {
        let of_one = |id: &u32| match proportional_memory(*id) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => [self.memory(*id), 0],
            memory => memory.unwrap_or_default(),
        };
        let sum = |[a, b]: [u64; 2], [c, d]: [u64; 2]| [a.saturating_add(c), b.saturating_add(d)];
        let [all, files] = ids.iter().map(of_one).fold([0, 0], sum);
        all.saturating_sub(files).saturating_add(files.max(nameless))
    }

    /// The memory of one process, in bytes.
    pub(super) fn memory(&self, id: u32) -> u64 {
        self.get(id).map_or(0, |process| process.pages.saturating_mul(page_size()))
    }
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let process = Self::parse(&std::fs::read(format!("/proc/{id}/stat")).ok()?)?;
        if process.threads > 1 && process.cannot_run && process.pages == 0 {
            // Its first thread may have ended before the others, which go on and keep the memory.
            return Some(threads(id).into_iter().find_map(|thread| process.as_seen_by(id, thread)).unwrap_or(process));
        }
        Some(process)
    }

    /// What a thread that has not ended tells of it.
    fn as_seen_by(self, id: u32, thread: u32) -> Option<Self> {
        let seen = Self::parse(&std::fs::read(format!("/proc/{id}/task/{thread}/stat")).ok()?)?;
        let Self { pages, is_stopped, .. } = seen;
        (pages > 0).then_some(Self { pages, is_stopped, cannot_run: false, ..self })
    }

    /// Parses `/proc/<id>/stat`; see proc_pid_stat(5).
    fn parse(stat: &[u8]) -> Option<Self> {
        // The name of the program stands in parentheses and may hold anything, parentheses included.
        let end = stat.iter().rposition(|&byte| byte == b')')?;
        let fields: Vec<&str> = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace().collect();
        // The fields are counted from 1, and the first one here is the third.
        let field = |number: usize| fields.get(number - 3).copied();
        let number = |field_number: usize| field(field_number)?.parse::<u64>().ok();
        // One that has ended and waits to be collected has one thread; more are left when only the first has ended.
        let has_ended = matches!(field(3)?, "Z" | "X");
        if has_ended && number(20).is_none_or(|threads| threads < 2) {
            let parent = u32::try_from(number(4)?).ok()?;
            // It still takes a number, of which a machine has not very many.
            return Some(Self { parent, threads: 1, cannot_run: true, has_ended: true, ..Self::default() });
        }
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            ticks: [14, 15, 16, 17].into_iter().filter_map(number).sum(),
            threads: number(20)?,
            pages: number(24)?,
            started: number(22)?,
            is_stopped: matches!(field(3), Some("T" | "t")),
            cannot_run: has_ended || field(3) == Some("D"),
            has_ended: false,
        })
    }
}

/// The threads of a process.
pub(super) fn threads(id: u32) -> Vec<u32> {
    let entries = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Signals a process that is still the one that is meant once there is a handle on it. What cannot be signalled has
/// just ended.
#[cfg(target_os = "linux")]
fn send(pid: Pid, signal: Signal, is_meant: impl FnOnce() -> bool) {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    let handle = pidfd_open(pid, PidfdFlags::empty());
    if is_meant() {
        let _ = match handle {
            Ok(handle) => pidfd_send_signal(&handle, signal),
            Err(_) => kill_process(pid, signal),
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn send(pid: Pid, signal: Signal, is_meant: impl FnOnce() -> bool) {
    if is_meant() {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The memory of a process in bytes, of what it shares with others a fair part; and how much of that are files in memory.
/// Slower than [`Snapshot::memory`], which may be far too much for many forks of one process.
fn proportional_memory(id: u32) -> io::Result<[u64; 2]> {
    let read = |id: u32| std::fs::read_to_string(format!("/proc/{id}/smaps_rollup"));
    // A first thread that has ended has no memory any more; the others may.
    let text = read(id).or_else(|error| threads(id).into_iter().find_map(|thread| read(thread).ok()).ok_or(error))?;
    let value =
        |name| text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok());
    Ok(["Pss:", "Pss_Shmem:"].map(|name| value(name).unwrap_or(0_u64).saturating_mul(1024)))
}

/// What a process takes in the system itself to know where its memory is, in bytes. It can be far more than the memory:
/// what is only read takes none.
pub(super) fn page_tables(id: u32) -> u64 {
    let of = |path: String| -> Option<u64> {
        let status = std::fs::read(path).ok()?;
        let status = String::from_utf8_lossy(&status);
        let size = status.lines().find_map(|line| line.strip_prefix("VmPTE:"))?;
        Some(size.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
    };
    // A first thread that has ended has none any more.
    let of_others = || threads(id).into_iter().find_map(|thread| of(format!("/proc/{id}/task/{thread}/status")));
    of(format!("/proc/{id}/status")).or_else(of_others).unwrap_or(0)
}

/// Whether a process may not be looked at: because it said so, or runs a program that may not be read. Root may as a rule.
pub(super) fn is_hidden(id: u32) -> bool {
    threads(id).into_iter().any(|thread| {
        let task = format!("/proc/{id}/task/{thread}");
        let is_refused = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        let is_shut = std::fs::read_dir(format!("{task}/fd")).is_err_and(is_refused)
            || std::fs::File::open(format!("{task}/maps")).is_err_and(is_refused);
        // The same is said of what has ended.
        is_shut
            && Process::parse(&std::fs::read(format!("{task}/stat")).unwrap_or_default()).is_some_and(|it| it.pages > 0)
    })
}

#[cfg(target_os = "linux")]
fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(not(target_os = "linux"))]
fn ticks_per_second() -> u64 {
    100
}

pub(super) fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc() {
        let line = b"7 (a) b (c) T 3 7 7 0 -1 4194560 1 0 0 0 10 20 3 4 20 0 5 0 100 4096 12 1 2\n";
        let process = Process::parse(line);
        let expected = Process {
            parent: 3,
            ticks: 37,
            threads: 5,
            pages: 12,
            started: 100,
            is_stopped: true,
            cannot_run: false,
            has_ended: false,
        };
        assert_eq!(process, Some(expected));
        let only_first_ended = Process::parse(b"7 (a) Z 3 7 7 0 -1 0 1 0 0 0 10 20 3 4 20 0 2 0 100 0 0 1 2");
        assert!(only_first_ended.is_some_and(|process| process.threads == 2 && process.cannot_run));
        let ended = Process::parse(b"7 (a) Z 3 7 7 0 -1 0 1 0 0 0 10 20 3 4 20 0 1 0 100 0 0 1 2");
        let expected = Process { parent: 3, threads: 1, cannot_run: true, has_ended: true, ..Process::default() };
        assert_eq!(ended, Some(expected));
        for bad in [b"".as_slice(), b"7 (a)", b"7 (a) S x", b"7 (a) S 1 2", b"7 \xff S 1"] {
            assert_eq!(Process::parse(bad), None, "{bad:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_there_and_uses_memory() {
        let snapshot = Snapshot::take();
        let own = std::process::id();
        assert_eq!(snapshot.tree(own).first(), Some(&own));
        let usage = snapshot.usage(own);
        assert!(usage.memory > 100_000 && usage.tasks >= 1, "{usage:?}");
        assert!(snapshot.proportional_memory(&[own], 0) > 100_000 && !is_hidden(own));
        assert!(page_tables(own) >= 4096 && page_tables(u32::MAX) == 0);
        assert_eq!(snapshot.usage(u32::MAX), Usage::default());
        assert!(!snapshot.has_lost_one(&[own]));
        let mut other = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let snapshot = Snapshot::take();
        assert!(!snapshot.has_lost_one(&[own, other.id()]));
        other.kill().and_then(|()| other.wait()).unwrap();
        assert!(snapshot.has_lost_one(&[own, other.id()]));
    }
}
