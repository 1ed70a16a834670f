//! What the processes of a sandbox have in memory and on disk that no directory shows.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::disk::BLOCK;
use super::processes::{page_tables, threads};
use super::queues;

/// No more of what tells of a process's mappings is read, in bytes. The most mappings that there can be take half of it if
/// their files have names of usual length; with the longest names they would take seconds.
const MOST_MAPS: usize = 16 << 20;
/// What the system takes for one mapping, in bytes.
const MAPPING: u64 = 256;

/// Files and directories that have no name any more, so that no directory shows them. In bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Nameless {
    /// Deleted ones.
    pub(super) on_disk: u64,
    /// Those of memfd_create(2), and others that never were on a disk.
    pub(super) in_memory: u64,
    /// What the system has of it: the tables of where memory is, and what sockets may hold that has not been read. As much
    /// as they can, since nothing tells how much they do.
    pub(super) in_system: u64,
    /// Sockets that hold open files on their way to another process, which are in no process's table meanwhile.
    pub(super) carriers: Vec<Carrier>,
    /// Processes with more mappings than are looked at.
    pub(super) overmapped: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carrier {
    pub(super) process: u32,
    /// The number of its file.
    pub(super) socket: u64,
}

impl Nameless {
    /// What of it is in memory.
    pub(super) fn memory(&self) -> u64 {
        self.in_memory.saturating_add(self.in_system)
    }
}

/// What these processes have open or mapped without a name; `directory` tells which device is the disk. Blocks, and takes
/// some microseconds for each descriptor.
pub(super) fn nameless(processes: &[u32], directory: &Path) -> Nameless {
    let disk = fs::metadata(directory).map_or(0, |metadata| metadata.dev());
    let mut seen = HashSet::new();
    let mut found = Nameless::default();
    let mut sockets = 0_u64;
    for process in processes.iter().copied() {
        let maps = maps(process);
        if maps.len() == MOST_MAPS {
            found.overmapped.push(process);
        }
        let in_tables = page_tables(process).saturating_add(lines(&maps).count() as u64 * MAPPING);
        found.in_system = found.in_system.saturating_add(in_tables);
        let mapped = mapped(process, &maps);
        for path in descriptors(process).into_iter().chain(mapped).chain(working_directories(process)) {
            let Ok(file) = fs::metadata(&path) else { continue };
            let has_blocks = file.is_file() || file.is_dir();
            if has_blocks && file.nlink() == 0 && seen.insert((file.dev(), file.ino())) {
                let kind = if file.dev() == disk { &mut found.on_disk } else { &mut found.in_memory };
                *kind = kind.saturating_add(file.blocks().saturating_mul(BLOCK));
            }
            if file.file_type().is_socket() && seen.insert((file.dev(), file.ino())) {
                sockets += 1;
                if carries(&path) {
                    found.carriers.push(Carrier { process, socket: file.ino() });
                }
            }
        }
    }
    let room = room_of_socket();
    let in_sockets = sockets.saturating_mul(room).saturating_add(queues::waiting(processes, room));
    found.in_system = found.in_system.saturating_add(in_sockets);
    found
}

/// What a process has open. Its threads have the same: they are kept from having a table of their own.
fn descriptors(process: u32) -> Vec<PathBuf> {
    let table = |thread: u32| -> Vec<PathBuf> {
        let entries = fs::read_dir(format!("/proc/{process}/task/{thread}/fd")).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    };
    let first = table(process);
    if !first.is_empty() {
        return first;
    }
    // A first thread that has ended has none any more.
    threads(process).into_iter().map(table).find(|table| !table.is_empty()).unwrap_or_default()
}

/// Where the threads of a process are, each by itself.
fn working_directories(process: u32) -> impl Iterator<Item = PathBuf> {
    threads(process).into_iter().map(move |thread| PathBuf::from(format!("/proc/{process}/task/{thread}/cwd")))
}

/// The mappings of a process, a line for each; names in it may be any bytes.
fn maps(process: u32) -> Vec<u8> {
    let mut maps = Vec::new();
    if let Ok(file) = fs::File::open(format!("/proc/{process}/maps")) {
        let _ = file.take(MOST_MAPS as u64).read_to_end(&mut maps);
    }
    maps
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Files without a name that a process has mapped, and may have closed. Only root can look at them.
fn mapped(process: u32, maps: &[u8]) -> Vec<PathBuf> {
    let file = |line: &[u8]| {
        let range = str::from_utf8(line.strip_suffix(b" (deleted)")?.split(|byte| *byte == b' ').next()?).ok()?;
        let (first, last) = range.split_once('-')?;
        let [first, last] = [first, last].map(|address| u64::from_str_radix(address, 16));
        Some(PathBuf::from(format!("/proc/{process}/map_files/{:x}-{:x}", first.ok()?, last.ok()?)))
    };
    lines(maps).filter_map(file).collect()
}

/// Whether a socket holds open files.
fn carries(descriptor: &Path) -> bool {
    let (Some(task), Some(number)) = (descriptor.parent().and_then(Path::parent), descriptor.file_name()) else {
        return false;
    };
    let about = fs::read_to_string(task.join("fdinfo").join(number)).unwrap_or_default();
    about.lines().any(|line| line.strip_prefix("scm_fds:").is_some_and(|count| count.trim() != "0"))
}

/// What a socket holds at most, in bytes: code cannot change it.
fn room_of_socket() -> u64 {
    let default = |name| {
        let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).unwrap_or_default();
        text.trim().parse().unwrap_or(212_992)
    };
    default("wmem_default").max(default("rmem_default"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_file_that_is_open_counts() -> std::io::Result<()> {
        let path = std::env::temp_dir().join(format!("nameless-{}", std::process::id()));
        let file = fs::File::create(&path)?;
        fs::write(&path, vec![1; 1 << 20])?;
        fs::remove_file(&path)?;
        let found = nameless(&[std::process::id()], &std::env::temp_dir());
        assert!(found.on_disk >= 1 << 20, "{found:?}");
        drop(file);
        Ok(())
    }

    #[test]
    fn a_deleted_directory_counts_that_is_open_or_worked_in() -> std::io::Result<()> {
        let path = std::env::temp_dir().join(format!("nameless-directory-{}", std::process::id()));
        fs::create_dir(&path)?;
        let blocks = fs::metadata(&path)?.blocks() * BLOCK;
        let mut inside = std::process::Command::new("sleep").arg("1000").current_dir(&path).spawn()?;
        fs::remove_dir(&path)?;
        assert_eq!(nameless(&[inside.id()], &std::env::temp_dir()).on_disk, blocks);
        inside.kill()?;
        inside.wait().map(drop)
    }
}
