//! How much disk the files of a sandbox take.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::processes::threads;

/// The unit of `st_blocks`, whatever the file system's own is.
const BLOCK: u64 = 512;
/// A file takes some room even when it is empty.
const LEAST: u64 = 1024;
/// The paths that are still to be looked at take no more memory than this: they can be long, and many.
const MOST_WAITING: usize = 64 << 20;

/// The bytes that a directory takes with all that is in it. A file that has several names counts once; links are not
/// followed, and code that changes the tree meanwhile does not lead out of it. More than there can be, if directories are
/// nested too deep to look at. Blocks, and takes about a microsecond a file.
pub(super) fn usage(directory: &Path) -> u64 {
    let opened = rustix::fs::open(directory, LISTING, Mode::empty());
    let Ok((root, _closed)) = or_closed(opened, || Closed::at(directory)) else { return 0 };
    let mut total = 0_u64;
    let mut several = HashSet::new();
    let mut queue = vec![PathBuf::from(".")];
    let mut waiting = 0_usize;
    while let Some(path) = queue.pop() {
        waiting = waiting.saturating_sub(path.as_os_str().len());
        let entries = match list(root.as_fd(), &path) {
            Ok(entries) => entries,
            // Nested deeper than a path can be long, which nobody does who does not want to hide something.
            Err(Errno::NAMETOOLONG) => return u64::MAX,
            // What has gone meanwhile takes nothing.
            Err(_) => continue,
        };
        for (name, about) in entries {
            let is_directory = FileType::from_raw_mode(about.st_mode) == FileType::Directory;
            if is_directory {
                let below = path.join(&name);
                waiting = waiting.saturating_add(below.as_os_str().len());
                if waiting > MOST_WAITING {
                    return u64::MAX;
                }
                queue.push(below);
            }
            if about.st_nlink < 2 || is_directory || several.insert((about.st_dev, about.st_ino)) {
                let taken = u64::try_from(about.st_blocks).unwrap_or(0).saturating_mul(BLOCK);
                total = total.saturating_add(taken.max(LEAST));
            }
        }
    }
    total
}

const LISTING: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is in a directory below a root.
fn list(root: BorrowedFd<'_>, path: &Path) -> Result<Vec<(OsString, Stat)>, Errno> {
    let (directory, _closed) = or_closed(open_below(root, path, LISTING), || Closed::open(root, path))?;
    let mut found = Vec::new();
    for entry in Dir::read_from(&directory)?.flatten() {
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if let Ok(about) = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            found.push((OsString::from_vec(name.to_bytes().to_vec()), about));
        }
    }
    Ok(found)
}

/// What was opened, or what only opens as a closed one.
fn or_closed(
    opened: Result<OwnedFd, Errno>,
    open: impl FnOnce() -> Result<(OwnedFd, Closed), Errno>,
) -> Result<(OwnedFd, Option<Closed>), Errno> {
    match opened {
        Err(Errno::ACCESS) => open().map(|(directory, closed)| (directory, Some(closed))),
        outcome => outcome.map(|directory| (directory, None)),
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
    const HANDLE: OFlags = LISTING.union(OFlags::PATH);

    fn at(path: &Path) -> Result<(OwnedFd, Self), Errno> {
        rustix::fs::open(path, Self::HANDLE, Mode::empty()).and_then(Self::of)
    }

    fn open(root: BorrowedFd<'_>, path: &Path) -> Result<(OwnedFd, Self), Errno> {
        open_below(root, path, Self::HANDLE).and_then(Self::of)
    }

    fn of(handle: OwnedFd) -> Result<(OwnedFd, Self), Errno> {
        use std::os::fd::AsRawFd;

        let before = Mode::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode);
        // A handle has no rights of its own to change; its name in /proc leads nowhere but to what it is.
        let name = format!("/proc/self/fd/{}", handle.as_raw_fd());
        rustix::fs::chmod(&name, before | Mode::RWXU)?;
        let closed = Self { name, before, _handle: handle };
        let opened = rustix::fs::open(&closed.name, LISTING.difference(OFlags::NOFOLLOW), Mode::empty())?;
        Ok((opened, closed))
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
    fn at(_: &Path) -> Result<(OwnedFd, Self), Errno> {
        Err(Errno::ACCESS)
    }

    fn open(_: BorrowedFd<'_>, _: &Path) -> Result<(OwnedFd, Self), Errno> {
        Err(Errno::ACCESS)
    }
}

/// Opens without going through a link anywhere on the way.
#[cfg(target_os = "linux")]
fn open_below(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;

    let way = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), way)
}

#[cfg(not(target_os = "linux"))]
fn open_below(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(root, path, flags, Mode::empty())
}

/// Files that have no name any more, so that no directory shows them. In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nameless {
    /// Deleted ones.
    pub(super) on_disk: u64,
    /// Those of memfd_create(2), and others that never were on a disk.
    pub(super) in_memory: u64,
    /// What sockets may hold that has not been read. As much as they can, since nothing tells how much they do.
    pub(super) in_sockets: u64,
}

impl Nameless {
    /// What of it is in memory.
    pub(super) fn memory(self) -> u64 {
        self.in_memory.saturating_add(self.in_sockets)
    }
}

/// What a socket holds at most, in bytes: code cannot change it.
fn room_of_socket() -> u64 {
    let default = |name| {
        let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).unwrap_or_default();
        text.trim().parse().unwrap_or(212_992)
    };
    default("wmem_default").max(default("rmem_default"))
}

/// Files without a name that a process has mapped, and may have closed. Only root can look at them.
fn mapped(process: u32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    let file = |line: &str| {
        let (first, last) = line.strip_suffix(" (deleted)")?.split_once(' ')?.0.split_once('-')?;
        let [first, last] = [first, last].map(|address| u64::from_str_radix(address, 16));
        Some(PathBuf::from(format!("/proc/{process}/map_files/{:x}-{:x}", first.ok()?, last.ok()?)))
    };
    maps.lines().filter_map(file).collect()
}

/// What these processes have open or mapped without a name; `directory` tells which device is the disk.
pub(super) fn nameless(processes: &[u32], directory: &Path) -> Nameless {
    let disk = fs::metadata(directory).map_or(0, |metadata| metadata.dev());
    let mut seen = HashSet::new();
    let mut found = Nameless::default();
    // Threads may have descriptors that the first one of their process has not.
    let threads = processes.iter().flat_map(|id| threads(*id).into_iter().map(move |thread| (*id, thread)));
    let descriptors =
        threads.flat_map(|(id, thread)| fs::read_dir(format!("/proc/{id}/task/{thread}/fd")).into_iter().flatten());
    let open = descriptors.flatten().map(|entry| entry.path());
    let mut sockets = 0_u64;
    for file in open.chain(processes.iter().flat_map(|id| mapped(*id))).filter_map(|path| fs::metadata(path).ok()) {
        if file.is_file() && file.nlink() == 0 && seen.insert((file.dev(), file.ino())) {
            let kind = if file.dev() == disk { &mut found.on_disk } else { &mut found.in_memory };
            *kind = kind.saturating_add(file.blocks().saturating_mul(BLOCK));
        }
        if file.file_type().is_socket() && seen.insert((file.dev(), file.ino())) {
            sockets += 1;
        }
    }
    found.in_sockets = sockets.saturating_mul(room_of_socket());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_once_and_links_are_not_followed() -> std::io::Result<()> {
        let root = std::env::temp_dir().join(format!("disk-{}", std::process::id()));
        fs::create_dir_all(root.join("below"))?;
        fs::write(root.join("below/file"), vec![1; 1 << 20])?;
        fs::hard_link(root.join("below/file"), root.join("again"))?;
        std::os::unix::fs::symlink("/usr", root.join("far"))?;
        let taken = usage(&root);
        assert!((1 << 20..(1 << 20) + (64 << 10)).contains(&taken), "{taken}");
        fs::remove_dir_all(&root)
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
        let taken = usage(&root);
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
            let taken = usage(&root);
            assert!(taken >= 1 << 20, "{taken}");
            assert_eq!(fs::metadata(&root)?.mode() & 0o777, mode);
        }
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700))?;
        fs::remove_dir_all(&root)
    }

    #[cfg(target_os = "linux")]
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
}
