//! What the system tells of an open file of a process.

use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// No more of it is read, in bytes.
pub(super) const MOST: usize = 4 << 20;
/// What stands at the beginning of a line for each lock of a file, and for each thing that one watches.
const ENTRIES: [&[u8]; 3] = [b"lock:", b"tfd:", b"inotify "];
const CARRIED: &[u8] = b"scm_fds:";

/// What `/proc/<pid>/fdinfo` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Locks, and what is watched: the system keeps memory for each.
    pub(super) entries: u64,
    /// It is a socket that holds open files on their way.
    pub(super) carries: bool,
    /// How much was read of it, in bytes.
    pub(super) told: usize,
}

impl About {
    /// Of a descriptor by its path, such as `/proc/7/fd/3` or `/proc/7/task/8/fd/3`.
    pub(super) fn read(descriptor: &Path) -> Self {
        let mut text = Vec::new();
        let (Some(task), Some(number)) = (descriptor.parent().and_then(Path::parent), descriptor.file_name()) else {
            return Self::default();
        };
        if let Ok(file) = fs::File::open(task.join("fdinfo").join(number)) {
            let _ = file.take(MOST as u64).read_to_end(&mut text);
        }
        Self::parse(&text)
    }

    fn parse(text: &[u8]) -> Self {
        let lines = || text.split(|byte| *byte == b'\n');
        let is_entry = |line: &&[u8]| ENTRIES.iter().any(|entry| line.starts_with(entry));
        let carried = lines().find_map(|line| line.strip_prefix(CARRIED));
        Self {
            entries: lines().filter(is_entry).count() as u64,
            carries: carried.is_some_and(|count| count.trim_ascii() != b"0"),
            told: text.len(),
        }
    }
}

/// What the system keeps of a file each time that it is open, in bytes, where that is much: the `queue` of an inotify, and
/// the whole text of a file such as `/proc/<pid>/fdinfo/3`.
pub(super) fn kept(descriptor: &Path, file: &Metadata, queue: u64) -> u64 {
    const KIND: u32 = 0o170_000;
    let has_no_kind = file.mode() & KIND == 0;
    let name = || fs::read_link(descriptor).unwrap_or_default();
    if has_no_kind && name() == Path::new("anon_inode:inotify") {
        return queue;
    }
    let is_text = file.is_file() && file.len() == 0 && file.blocks() == 0;
    let is_told = || name().parent().is_some_and(|directory| directory.ends_with("fdinfo"));
    if is_text && is_told() { MOST as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_proc() {
        let told = |text: &str| About::parse(text.as_bytes());
        let about = |entries, carries| (entries, carries);
        let seen = |text: &str| about(told(text).entries, told(text).carries);
        assert_eq!(seen("pos:\t0\nflags:\t02\nino:\t7\nlock:\t1: POSIX\nlock:\t2: FLOCK\n"), (2, false));
        assert_eq!(seen("pos:\t0\ntfd:        5 events:       19\n"), (1, false));
        assert_eq!(seen("inotify wd:1 ino:2\nscm_fds: 0\n"), (1, false));
        assert_eq!(seen("scm_fds: 3\n"), (0, true));
        assert_eq!(told(""), About::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_of_this_process() -> std::io::Result<()> {
        use std::os::fd::AsRawFd;

        let file = fs::File::open("/proc/self/exe")?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let without = About::read(Path::new(&path));
        assert!(without.entries == 0 && without.told > 0);
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockShared)?;
        assert_eq!(About::read(Path::new(&path)).entries, 1);
        assert_eq!(About::read(Path::new("/")), About::default());
        Ok(())
    }
}
