//! What the processes of a sandbox have in memory and on disk that no directory shows.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::descriptor::{self, About};
use super::disk::BLOCK;
use super::processes::{page_size, page_tables, threads};
use super::queues;

/// No more of what tells of a process's mappings is read, in bytes. The most mappings that there can be take half of it if
/// their files have names of usual length; with the longest names they would take seconds.
const MOST_MAPS: usize = 16 << 20;
/// What the system takes for one mapping, lock, or thing that is watched, in bytes.
const ENTRY: u64 = 256;
/// What it takes for each process that has a mapping by a fork, in bytes. Programs have about so many mappings.
const LINK: u64 = 64;
const USUAL_MAPPINGS: u64 = 1000;
/// What an event takes in the queue of an `inotify`, with the longest name.
const EVENT: u64 = 512;
/// What a pipe may hold at least, in pages. The system limits for each user how many may hold more.
const PIPE: u64 = 2;

/// Files and directories that have no name any more, so that no directory shows them. In bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Nameless {
    /// Deleted ones.
    pub(super) on_disk: u64,
    /// Those of memfd_create(2), and others that never were on a disk.
    pub(super) in_memory: u64,
    /// What the system has of it: the tables of where memory is, locks, and what sockets and pipes may hold that has not been
    /// read. As much as they can, since nothing tells how much they do.
    pub(super) in_system: u64,
    /// What of both is there by each process; files, sockets and pipes that several have, by the first of them.
    by_process: HashMap<u32, u64>,
    /// What of it is in the network, and not of one process.
    in_queues: u64,
    /// Sockets that hold open files on their way to another process, which are in no process's table meanwhile.
    pub(super) carriers: Vec<Carrier>,
    /// Processes with more mappings, or more locks and watches, than are looked at.
    pub(super) untold: Vec<u32>,
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

    /// What would be let go of with a process, as far as can be told.
    pub(super) fn memory_by(&self, process: u32) -> u64 {
        self.by_process.get(&process).map_or(0, |own| own.saturating_add(self.in_queues))
    }
}

/// What these processes have open or mapped without a name; `directory` tells which device is the disk. Blocks, and takes
/// some microseconds for each descriptor.
pub(super) fn nameless(processes: &[u32], directory: &Path) -> Nameless {
    let disk = fs::metadata(directory).map_or(0, |metadata| metadata.dev());
    let queue = setting("fs/inotify/max_queued_events", 16_384).saturating_mul(EVENT);
    let (seen, found) = (HashSet::new(), Nameless::default());
    let mut search = Search { disk, room: room_of_socket(), queue, seen, found };
    for process in processes.iter().copied() {
        search.go_through(process, processes.len() as u64);
    }
    search.found.in_queues = queues::waiting(processes, search.room);
    search.add(search.found.in_queues);
    search.found
}

struct Search {
    /// The number of the device.
    disk: u64,
    /// What a socket holds at most.
    room: u64,
    /// What the queue of an `inotify` holds at most.
    queue: u64,
    seen: HashSet<(u64, u64)>,
    found: Nameless,
}

impl Search {
    fn go_through(&mut self, process: u32, processes: u64) {
        let before = self.found.memory();
        let maps = maps(process);
        let mut entries = lines(&maps).count() as u64;
        let links = entries.saturating_sub(USUAL_MAPPINGS).saturating_mul(processes.saturating_mul(LINK));
        let mut told = 0;
        for path in descriptors(process) {
            let about = if told < descriptor::MOST { About::read(&path) } else { About::default() };
            entries = entries.saturating_add(about.entries);
            told += about.told;
            if let Some(socket) = self.note(&path)
                && about.carries
            {
                self.found.carriers.push(Carrier { process, socket });
            }
        }
        for path in mapped(process, &maps).into_iter().chain(working_directories(process)) {
            self.note(&path);
        }
        if maps.len() == MOST_MAPS || told >= descriptor::MOST {
            self.found.untold.push(process);
        }
        self.add(page_tables(process).saturating_add(entries.saturating_mul(ENTRY)).saturating_add(links));
        self.found.by_process.insert(process, self.found.memory().saturating_sub(before));
    }

    /// Takes in what is open or mapped, once. Tells the number of a socket.
    fn note(&mut self, path: &Path) -> Option<u64> {
        let file = fs::metadata(path).ok()?;
        let kind = file.file_type();
        // Each time that it is open it is another.
        self.add(descriptor::kept(path, &file, self.queue));
        let is_nameless = (kind.is_file() || kind.is_dir()) && file.nlink() == 0;
        if !(is_nameless || kind.is_socket() || kind.is_fifo()) || !self.seen.insert((file.dev(), file.ino())) {
            return None;
        }
        if kind.is_socket() {
            self.add(self.room);
            return Some(file.ino());
        }
        if kind.is_fifo() {
            self.add(PIPE * page_size());
            return None;
        }
        let place = if file.dev() == self.disk { &mut self.found.on_disk } else { &mut self.found.in_memory };
        *place = place.saturating_add(file.blocks().saturating_mul(BLOCK));
        None
    }

    fn add(&mut self, in_system: u64) {
        self.found.in_system = self.found.in_system.saturating_add(in_system);
    }
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

/// What a socket holds at most, in bytes: code cannot change it.
fn room_of_socket() -> u64 {
    ["wmem_default", "rmem_default"]
        .map(|name| setting(&format!("net/core/{name}"), 212_992))
        .into_iter()
        .fold(0, u64::max)
}

/// A number that the system was set to, and what it is as a rule.
fn setting(name: &str, usual: u64) -> u64 {
    let text = fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
    text.trim().parse().unwrap_or(usual)
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
