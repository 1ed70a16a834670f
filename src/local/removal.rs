//! Removes what code in a sandbox left, which it may have made hard to remove.
//!
//! Directories may have no rights, and may be nested deeper than a path can be long, than a thread can recurse and than
//! a process can hold files open. So each is first moved to a place of its own: no more than two are open at a time, and
//! every path is short. Nothing goes through a link.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::random::random_id;

/// Removes a directory with all that is in it, or a file. That it is not there is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => remove_directory(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_directory(path: &Path) -> io::Result<()> {
    let random = random_id().map_err(io::Error::other)?;
    let mut place = path.as_os_str().to_owned();
    // It goes like what it was made for if this is interrupted: among the sandboxes of an engine, or the engines.
    place.push(format!(".{random}"));
    fs::DirBuilder::new().mode(0o700).create(&place)?;
    let emptied = open(CWD, &place).and_then(|place| {
        let mut work = Work { place: place.as_fd(), next: 0, waiting: Vec::new() };
        work.move_away(CWD, &CString::new(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))?)?;
        work.finish()
    });
    let removed = fs::remove_dir(&place);
    emptied.and(removed)
}

struct Work<'a> {
    /// Has nothing in it but the directories that wait.
    place: BorrowedFd<'a>,
    next: u64,
    waiting: Vec<CString>,
}

impl Work<'_> {
    fn finish(&mut self) -> io::Result<()> {
        while let Some(name) = self.waiting.pop() {
            let directory = open(self.place, name.as_c_str())?;
            self.empty(directory.as_fd())?;
            rustix::fs::unlinkat(self.place, &name, AtFlags::REMOVEDIR)?;
        }
        Ok(())
    }

    /// Removes the files of a directory, and moves its directories away.
    fn empty(&mut self, directory: BorrowedFd<'_>) -> io::Result<()> {
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
                // Systems differ in how they say that it is a directory.
                Err(Errno::ISDIR | Errno::PERM) => self.move_away(directory, name)?,
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn move_away(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        let about = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = Mode::from_raw_mode(about.st_mode);
        if FileType::from_raw_mode(about.st_mode) == FileType::Directory && !mode.contains(Mode::RWXU) {
            // Without rights it can be neither read nor, because its parent is noted in it, moved.
            rustix::fs::chmodat(directory, name, Mode::RWXU, AtFlags::empty())?;
        }
        self.next += 1;
        let moved = CString::new(self.next.to_string())?;
        rustix::fs::renameat(directory, name, self.place, &moved)?;
        self.waiting.push(moved);
        Ok(())
    }
}

fn open(directory: BorrowedFd<'_>, path: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn scratch() -> io::Result<std::path::PathBuf> {
        let path = std::env::temp_dir().join(format!("removal-{}", random_id().map_err(io::Error::other)?));
        fs::create_dir(&path)?;
        Ok(path)
    }

    #[test]
    fn what_is_not_there_is_no_error() -> io::Result<()> {
        let scratch = scratch()?;
        remove(&scratch.join("nothing"))?;
        fs::write(scratch.join("file"), "")?;
        remove(&scratch.join("file"))?;
        remove(&scratch)?;
        assert!(!scratch.exists());
        Ok(())
    }

    #[test]
    fn links_are_not_followed_and_odd_names_and_modes_go() -> io::Result<()> {
        let (scratch, outside) = (scratch()?, scratch()?);
        fs::write(outside.join("kept"), "")?;
        symlink(&outside, scratch.join("link"))?;
        fs::write(scratch.join("new\nline"), "")?;
        for (name, mode) in [("a", 0o000), ("b", 0o500), ("1", 0o100), (".going", 0o700)] {
            fs::create_dir_all(scratch.join(name).join("1/2"))?;
            fs::write(scratch.join(name).join("1/file"), "")?;
            fs::set_permissions(scratch.join(name), fs::Permissions::from_mode(mode))?;
        }
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o000))?;
        remove(&scratch)?;
        assert!(!scratch.exists() && outside.join("kept").exists());
        remove(&outside)
    }

    #[test]
    fn a_tree_deeper_than_any_path() -> io::Result<()> {
        let scratch = scratch()?;
        let mut at = open(CWD, &scratch)?;
        for _ in 0..5_000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU)?;
            at = open(at.as_fd(), "d")?;
        }
        // On a small stack, so that no recursion hides in it.
        let path = scratch.clone();
        let removed = std::thread::Builder::new().stack_size(128 << 10).spawn(move || remove(&path))?.join();
        assert!(removed.is_ok_and(|removed| removed.is_ok()) && !scratch.exists());
        Ok(())
    }
}
