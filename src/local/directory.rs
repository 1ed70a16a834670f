//! Where sandboxes live on disk, and how the leftovers of engines that are gone are found.
//!
//! ```text
//! <temp dir>/code-interpreter-<uid>/   0700, ours
//!     lock                             held while an engine makes its directory or sweeps
//!     engine-<id>/
//!         lock                         held as long as the engine lives
//!         root/                        empty; a new sandbox puts its own root together on it, unseen by others
//!         <sandbox id>/                HOME and working directory of a sandbox
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::random::random_id;
pub(super) use super::removal::remove;
use crate::error::{Error, Result};

const PREFIX: &str = "engine-";
const LOCK: &str = "lock";

/// The directory of one engine; its lock says that the engine lives.
pub(super) struct EngineDirectory {
    path: PathBuf,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    stage: PathBuf,
    /// Where it lies, and the mode that this has.
    root: (PathBuf, Permissions),
    _lock: File,
}

impl EngineDirectory {
    /// Makes a directory for a new engine, below `parent` or the user's own place among temporary files,
    /// and removes those of engines that are gone.
    pub(super) fn create(parent: Option<&Path>) -> Result<Self> {
        let wanted = match parent {
            Some(parent) => parent.to_owned(),
            None => default_root(),
        };
        let root = prepare_root(&wanted).map_err(|error| cannot_use(&wanted, error))?;
        check_root(&root, parent.is_none())?;
        let failed = |error| cannot_use(&root, error);
        let _making = lock_file(&root.join(LOCK), FlockOperation::LockExclusive).map_err(failed)?;
        sweep(&root);
        let path = root.join(format!("{PREFIX}{}", random_id()?));
        let stage = path.join("root");
        make_private(&stage).map_err(failed)?;
        let lock = lock_file(&path.join(LOCK), FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
        let mode = fs::metadata(&root).map_err(failed)?.permissions();
        Ok(Self { path, stage, root: (root, mode), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// See `confinement`.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    pub(super) fn stage(&self) -> &Path {
        &self.stage
    }

    /// Makes the directory of a sandbox.
    pub(super) fn create_sandbox(&self, id: &str) -> io::Result<PathBuf> {
        self.put_modes_right()?;
        let path = self.path.join(id);
        DirBuilder::new().mode(0o700).create(&path)?;
        DirBuilder::new().mode(0o700).create(temporary(&path))?;
        Ok(path)
    }

    /// Removes everything of this engine.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.put_modes_right()?;
        remove(&self.path)
    }

    /// Code that is not confined by namespaces can change the modes of the user's files, so also of these directories:
    /// to let others in, or to keep the engine out.
    fn put_modes_right(&self) -> io::Result<()> {
        let (root, mode) = &self.root;
        fs::set_permissions(root, mode.clone())?;
        fs::set_permissions(&self.path, Permissions::from_mode(0o700))
    }
}

fn default_root() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("code-interpreter-{user}"))
}

fn cannot_use(root: &Path, error: io::Error) -> Error {
    Error::engine(format!("cannot use {:?} for the directories of sandboxes: {error}", root.display()))
        .hint("choose another with LocalEngineBuilder::directory")
        .with_source(error)
}

/// Where a sandbox puts its temporary files.
pub(super) fn temporary(sandbox: &Path) -> PathBuf {
    sandbox.join(".tmp")
}

fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes the root if it is missing. Links on the way to it are followed and then forgotten, because sandboxes see
/// their paths in HOME and in messages, where a link would only confuse. One in its place is left for
/// [`check_root`] to find.
fn prepare_root(root: &Path) -> io::Result<PathBuf> {
    let root = std::path::absolute(root)?;
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return fs::canonicalize(&root);
    };
    make_private(parent)?;
    let place = fs::canonicalize(parent)?.join(name);
    match DirBuilder::new().mode(0o700).create(&place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(place),
    }
}

/// Refuses a place that someone else prepared, or can write to. The default one is tightened; one that the
/// user chose is the user's to change. Looks through one descriptor, so that nobody puts another thing there meanwhile.
fn check_root(root: &Path, is_default: bool) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::engine(format!(
            "cannot use {} for the directories of sandboxes: {why}; {}choose another with LocalEngineBuilder::directory",
            root.display(),
            if is_default { "remove it, or " } else { "" }
        )))
    };
    if root.to_str().is_none() {
        return refused("its path is not UTF-8, which the paths of sandboxes have to be");
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(root, flags, Mode::empty());
    let opened = match open() {
        // Code without namespaces may have taken the rights from it.
        Err(Errno::ACCESS) if give_rights_back(root, 0o700) => open(),
        outcome => outcome,
    };
    let directory = match opened {
        Ok(directory) => File::from(directory),
        Err(_) if root.is_symlink() => return refused("it is a symbolic link"),
        Err(Errno::NOTDIR) => return refused("it is not a directory"),
        Err(error) => return refused(&format!("it cannot be read ({error})")),
    };
    let Ok(metadata) = directory.metadata() else {
        return refused("it cannot be read");
    };
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    let open = metadata.mode() & 0o077;
    if is_default && open != 0 && directory.set_permissions(Permissions::from_mode(0o700)).is_err() {
        return refused("its permissions cannot be set");
    }
    if !is_default && open & 0o022 != 0 {
        return refused("other users can write to it");
    }
    Ok(())
}

fn lock_file(path: &Path, operation: FlockOperation) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && give_rights_back(path, 0o600) => open(),
        outcome => outcome,
    }?;
    rustix::fs::flock(&file, operation)?;
    Ok(file)
}

/// Code that is not confined by namespaces can take the rights from what belongs to the user. True when they are back.
fn give_rights_back(path: &Path, mode: u32) -> bool {
    let is_ours = |about: &fs::Metadata| about.uid() == rustix::process::geteuid().as_raw() && !about.is_symlink();
    fs::symlink_metadata(path).is_ok_and(|about| is_ours(&about))
        && fs::set_permissions(path, Permissions::from_mode(mode)).is_ok()
}

/// Removes the directories whose engine is gone. What cannot be removed now is tried again at the next start.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let lock = entry.path().join(LOCK);
        give_rights_back(&entry.path(), 0o700);
        give_rights_back(&lock, 0o600);
        let is_gone = match OpenOptions::new().write(true).open(&lock) {
            Ok(file) => rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_gone {
            let _ = remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn scratch(name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let path = std::env::temp_dir().join(format!("{name}-{}", random_id()?));
        make_private(&path)?;
        Ok(path)
    }

    #[test]
    fn only_directories_of_gone_engines_are_swept() -> Outcome {
        let root = scratch("sweep")?;
        let alive = EngineDirectory::create(Some(&root))?;
        let gone = EngineDirectory::create(Some(&root))?;
        let sandbox = gone.create_sandbox("s")?;
        fs::write(sandbox.join("file"), "x")?;
        fs::set_permissions(&sandbox, Permissions::from_mode(0o000))?;
        let gone_path = gone.path.clone();
        drop(gone);
        let unrelated = root.join("engineer");
        fs::create_dir(&unrelated)?;

        let next = EngineDirectory::create(Some(&root))?;
        assert!(alive.path.exists() && next.path.exists() && unrelated.exists());
        assert!(!gone_path.exists());
        Ok(remove(&root)?)
    }

    #[test]
    fn rights_that_code_took_away_keep_no_engine_from_starting_or_sweeping() -> Outcome {
        let root = scratch("rights")?;
        let gone = EngineDirectory::create(Some(&root))?.path;
        for (path, mode) in [(gone.join(LOCK), 0), (gone.clone(), 0), (root.join(LOCK), 0), (root.clone(), 0)] {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        let next = EngineDirectory::create(Some(&root))?;
        assert!(next.path.exists() && !gone.exists());
        Ok(remove(&root)?)
    }

    #[test]
    fn a_place_that_others_can_write_to_is_refused() -> Outcome {
        let root = scratch("open")?;
        fs::set_permissions(&root, Permissions::from_mode(0o777))?;
        let error = EngineDirectory::create(Some(&root)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("other users can write"), "{error}");
        Ok(remove(&root)?)
    }

    fn refusal(root: &Path) -> String {
        EngineDirectory::create(Some(root)).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn mode_of(path: &Path) -> io::Result<u32> {
        Ok(fs::metadata(path)?.mode() & 0o777)
    }

    #[test]
    fn a_link_in_the_place_of_the_root_is_refused_and_not_followed() -> Outcome {
        let scratch = scratch("link")?;
        let (target, link) = (scratch.join("target"), scratch.join("link"));
        fs::create_dir(&target)?;
        fs::set_permissions(&target, Permissions::from_mode(0o755))?;
        std::os::unix::fs::symlink(&target, &link)?;
        for root in [link.clone(), link.join(""), link.join(".")] {
            let error = refusal(&root);
            assert!(error.contains("symbolic link") && error.contains("directory"), "{error}");
        }
        // As the default root is looked at, whose permissions the engine sets.
        let error = check_root(&prepare_root(&link)?, true).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("symbolic link")));
        assert_eq!((mode_of(&target)?, fs::read_dir(&target)?.count()), (0o755, 0));
        check_root(&prepare_root(&target)?, true)?;
        assert_eq!(mode_of(&target)?, 0o700);

        // A link on the way is no matter, and one that leads nowhere is refused as well.
        let below = EngineDirectory::create(Some(&link.join("a/b")))?;
        assert!(below.path.starts_with(fs::canonicalize(&target)?.join("a/b")), "{}", below.path.display());
        std::os::unix::fs::symlink("nowhere", scratch.join("dangling"))?;
        let error = refusal(&scratch.join("dangling"));
        assert!(error.contains("symbolic link"), "{error}");
        fs::write(scratch.join("file"), "")?;
        let error = refusal(&scratch.join("file"));
        assert!(error.contains("not a directory"), "{error}");
        Ok(remove(&scratch)?)
    }

    /// Paths go to Python processes as JSON.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_path_that_is_not_utf_8_is_refused() -> Outcome {
        use std::os::unix::ffi::OsStrExt;

        let scratch = scratch("bytes")?;
        let odd = scratch.join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        for root in [odd.clone(), odd.join("below")] {
            let error = refusal(&root);
            assert!(error.contains("not UTF-8"), "{error}");
        }
        Ok(remove(&scratch)?)
    }
}
