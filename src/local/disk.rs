//! How much disk the files of a sandbox take.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::stopwatch::Stopwatch;

/// The unit of `st_blocks`, whatever the file system's own is.
pub(super) const BLOCK: u64 = 512;
/// A file takes some room even when it is empty.
const LEAST: u64 = 1024;
/// The names of directories that are still to be looked at take no more memory than this: there can be many.
const MOST_WAITING: usize = 64 << 20;
/// What a name takes besides its bytes, at most.
const NAME: usize = 128;
/// So many directories are kept open on the way down to one.
const MOST_OPEN: usize = 32;
/// File systems note the time of changes by a clock that is behind by no more than this.
const TICK: Duration = Duration::from_millis(20);
/// Nobody has so many files within a limit who does not want to keep the engine busy.
const LONGEST: Duration = Duration::from_secs(20);

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// The largest number there is if the directories are too many, or take too long, to be counted.
    pub(super) bytes: u64,
    /// Nothing got, lost or changed its name meanwhile, and all could be looked at.
    pub(super) is_sure: bool,
    /// A file was changed meanwhile: what it lost may have gone to one that had been looked at.
    pub(super) has_changes: bool,
}

/// The bytes that a directory takes with all that is in it. A file that has several names counts once; links are not
/// followed, and code that changes the tree meanwhile does not lead out of it. Blocks, and takes some microseconds a file.
pub(super) fn count(directory: &Path) -> Count {
    let stopwatch = Stopwatch::start();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(TICK);
    let first = Walk::through(directory, &stopwatch);
    // What has changed since a directory was listed shows when it is listed again.
    let second = Walk::through(directory, &stopwatch);
    match (first, second) {
        (Some(first), Some(second)) => {
            let is_sure = second.changed < start && !first.has_missed && !second.has_missed;
            Count { bytes: first.bytes.max(second.bytes), is_sure, has_changes: second.written >= start }
        }
        _ => Count { bytes: u64::MAX, is_sure: true, has_changes: false },
    }
}

/// A walk through a tree of directories, depth first.
#[derive(Default)]
struct Walk {
    bytes: u64,
    /// A directory could not be looked at, such as one that has gone meanwhile.
    has_missed: bool,
    /// When a directory was last changed, since 1970. No code can set that time.
    changed: Duration,
    /// And when a file was.
    written: Duration,
    /// The files that have several names.
    several: HashSet<(rustix::fs::Dev, u64)>,
    /// The way from the root to where the walk is.
    way: Vec<Level>,
    /// What the names of directories take that are not done, in bytes.
    waiting: usize,
}

/// A directory on the way.
struct Level {
    name: CString,
    /// None when many have been opened below it, or when nothing is left to be opened.
    opened: Option<Opened>,
    /// The directories in it that are still to be walked through.
    below: Vec<CString>,
}

impl Walk {
    /// None if there is too much of it.
    fn through(directory: &Path, stopwatch: &Stopwatch) -> Option<Self> {
        let mut walk = Self::default();
        let Ok(root) = CString::new(directory.as_os_str().as_encoded_bytes()) else { return Some(walk) };
        match Opened::at(CWD, &root) {
            Ok(opened) => {
                // Others count where they are listed.
                walk.bytes = rustix::fs::fstat(opened.as_fd()).map_or(0, |about| taken(&about));
                walk.enter(root, opened);
            }
            Err(_) => walk.has_missed = true,
        }
        while let Some(level) = walk.way.last_mut() {
            if walk.waiting > MOST_WAITING || stopwatch.has_run_for(LONGEST) {
                return None;
            }
            let Some(name) = level.below.pop() else {
                let done = walk.way.pop();
                walk.waiting = walk.waiting.saturating_sub(done.map_or(0, |level| room(&level.name)));
                continue;
            };
            let opened = level.opened.take().or_else(|| walk.reopen());
            let next = opened.as_ref().and_then(|opened| Opened::at(opened.as_fd(), &name).ok());
            if let Some(level) = walk.way.last_mut().filter(|level| !level.below.is_empty()) {
                level.opened = opened;
            }
            match next {
                Some(next) => walk.enter(name, next),
                None => {
                    walk.has_missed = true;
                    walk.waiting = walk.waiting.saturating_sub(room(&name));
                }
            }
        }
        Some(walk)
    }

    /// Takes one more step down.
    fn enter(&mut self, name: CString, opened: Opened) {
        let listed = self.list(opened.as_fd());
        self.has_missed |= listed.is_err();
        let below = listed.unwrap_or_default();
        let opened = (!below.is_empty()).then_some(opened);
        self.way.push(Level { name, opened, below });
        if let Some(far) = self.way.len().checked_sub(MOST_OPEN + 1).and_then(|index| self.way.get_mut(index)) {
            far.opened = None;
        }
    }

    /// Opens the directory where the walk is once more.
    fn reopen(&self) -> Option<Opened> {
        let mut names = self.way.iter().map(|level| level.name.as_c_str());
        let root = Opened::at(CWD, names.next()?).ok()?;
        names.try_fold(root, |above, name| Opened::at(above.as_fd(), name)).ok()
    }

    /// Counts what is in a directory, and tells the directories in it.
    fn list(&mut self, directory: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
        self.changed = self.changed.max(changed(&rustix::fs::fstat(directory)?));
        let mut below = Vec::new();
        for entry in Dir::read_from(directory)?.flatten() {
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let Ok(about) = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let is_directory = FileType::from_raw_mode(about.st_mode) == FileType::Directory;
            if is_directory {
                self.waiting = self.waiting.saturating_add(room(name));
                if self.waiting > MOST_WAITING {
                    break;
                }
                below.push(name.to_owned());
            } else {
                self.written = self.written.max(changed(&about));
            }
            if about.st_nlink < 2 || is_directory || self.several.insert((about.st_dev, about.st_ino)) {
                self.bytes = self.bytes.saturating_add(taken(&about));
            }
        }
        Ok(below)
    }
}

/// What a file takes, or a directory, without what is in it.
fn taken(about: &Stat) -> u64 {
    u64::try_from(about.st_blocks).unwrap_or(0).saturating_mul(BLOCK).max(LEAST)
}

/// What a name that waits takes in memory.
fn room(name: &CStr) -> usize {
    name.to_bytes().len() + NAME
}

/// The time of the last change to a file or directory.
fn changed(about: &Stat) -> Duration {
    let seconds = u64::try_from(about.st_ctime).unwrap_or(0);
    Duration::new(seconds, u32::try_from(about.st_ctime_nsec).unwrap_or(0))
}

/// A directory that can be listed.
struct Opened {
    directory: OwnedFd,
    /// It was closed, and is so again when this is dropped.
    _closed: Option<Closed>,
}

impl Opened {
    const LISTING: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    fn at(above: BorrowedFd<'_>, name: &CStr) -> Result<Self, Errno> {
        match rustix::fs::openat(above, name, Self::LISTING, Mode::empty()) {
            // What may be listed may still not say more than names.
            Ok(directory) if !matches!(rustix::fs::statat(&directory, c".", AtFlags::empty()), Err(Errno::ACCESS)) => {
                Ok(Self { directory, _closed: None })
            }
            Ok(_) | Err(Errno::ACCESS) => Closed::open(above, name),
            Err(error) => Err(error),
        }
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// A directory that code has taken the rights from. They are taken again when it has been looked at.
#[cfg(target_os = "linux")]
struct Closed {
    name: String,
    before: Mode,
    _handle: OwnedFd,
}

#[cfg(target_os = "linux")]
impl Closed {
    fn open(above: BorrowedFd<'_>, name: &CStr) -> Result<Opened, Errno> {
        use std::os::fd::AsRawFd;

        let handle = rustix::fs::openat(above, name, Opened::LISTING | OFlags::PATH, Mode::empty())?;
        let before = Mode::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode);
        // A handle has no rights of its own to change; its name in /proc leads nowhere but to what it is.
        let name = format!("/proc/self/fd/{}", handle.as_raw_fd());
        rustix::fs::chmod(&name, before | Mode::RWXU)?;
        let closed = Self { name, before, _handle: handle };
        let directory = rustix::fs::open(&closed.name, Opened::LISTING.difference(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(Opened { directory, _closed: Some(closed) })
    }
}

#[cfg(target_os = "linux")]
impl Drop for Closed {
    fn drop(&mut self) {
        // It fails on what is gone.
        let _ = rustix::fs::chmod(&self.name, self.before);
    }
}

#[cfg(not(target_os = "linux"))]
struct Closed;

#[cfg(not(target_os = "linux"))]
impl Closed {
    fn open(_: BorrowedFd<'_>, _: &CStr) -> Result<Opened, Errno> {
        Err(Errno::ACCESS)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn files_count_once_and_links_are_not_followed() -> std::io::Result<()> {
        let root = std::env::temp_dir().join(format!("disk-{}", std::process::id()));
        fs::create_dir_all(root.join("below"))?;
        fs::write(root.join("below/file"), vec![1; 1 << 20])?;
        fs::hard_link(root.join("below/file"), root.join("again"))?;
        std::os::unix::fs::symlink("/usr", root.join("far"))?;
        let taken = count(&root).bytes;
        assert!((1 << 20..(1 << 20) + (64 << 10)).contains(&taken), "{taken}");
        fs::remove_dir_all(&root)
    }

    #[test]
    fn a_tree_deeper_than_any_path_counts() -> std::io::Result<()> {
        let root = std::env::temp_dir().join(format!("deep-{}", std::process::id()));
        fs::create_dir_all(&root)?;
        // Of two directories one goes on, and both are looked at, though not all can be open.
        let mut at = Opened::at(CWD, &CString::new(root.as_os_str().as_encoded_bytes())?)?;
        let deep = CString::new("d".repeat(200))?;
        for _ in 0..100 {
            for name in [c"a", &deep] {
                rustix::fs::mkdirat(&at.directory, name, Mode::RWXU)?;
            }
            let file = rustix::fs::openat(&at.directory, c"a/f", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU)?;
            rustix::io::write(file, &[1; 1 << 16])?;
            at = Opened::at(at.as_fd(), &deep)?;
        }
        let taken = count(&root).bytes;
        crate::local::removal::remove(&root)?;
        assert!((100 << 16..120 << 16).contains(&taken), "{taken}");
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_directory_without_rights_counts_and_stays_without() -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let root = std::env::temp_dir().join(format!("closed-{}", std::process::id()));
        let closed = root.join("closed");
        fs::create_dir_all(&closed)?;
        fs::write(closed.join("file"), vec![1; 1 << 20])?;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0))?;
        let taken = count(&root).bytes;
        assert!(taken >= 1 << 20, "{taken}");
        assert_eq!(fs::metadata(&closed)?.mode() & 0o777, 0);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700))?;
        fs::remove_dir_all(&root)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_root_without_rights_counts() -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let root = std::env::temp_dir().join(format!("shut-{}", std::process::id()));
        fs::create_dir_all(&root)?;
        fs::write(root.join("file"), vec![1; 1 << 20])?;
        for mode in [0o300, 0] {
            fs::set_permissions(&root, fs::Permissions::from_mode(mode))?;
            let taken = count(&root).bytes;
            assert!(taken >= 1 << 20, "{taken}");
            assert_eq!(fs::metadata(&root)?.mode() & 0o777, mode);
        }
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700))?;
        fs::remove_dir_all(&root)
    }
}
