//! How much disk the files of a sandbox take.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The unit of `st_blocks`, whatever the file system's own is.
const BLOCK: u64 = 512;
/// A file takes some room even when it is empty.
const LEAST: u64 = 1024;

/// The bytes that a directory takes with all that is in it. A file that has several names counts once; links are not
/// followed. Blocks, and takes about a microsecond a file.
pub(super) fn usage(directory: &Path) -> u64 {
    let mut total = 0_u64;
    let mut several = HashSet::new();
    let mut queue = vec![directory.to_owned()];
    while let Some(path) = queue.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            // What has gone meanwhile takes nothing.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                queue.push(entry.path());
            }
            if metadata.nlink() < 2 || metadata.is_dir() || several.insert((metadata.dev(), metadata.ino())) {
                total = total.saturating_add(metadata.blocks().saturating_mul(BLOCK).max(LEAST));
            }
        }
    }
    total
}

/// Files that have no name any more, so that no directory shows them. In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nameless {
    /// Deleted ones.
    pub(super) on_disk: u64,
    /// Those of memfd_create(2), and others that never were on a disk.
    pub(super) in_memory: u64,
}

/// What these processes have open without a name; `directory` tells which device is the disk.
pub(super) fn nameless(processes: &[u32], directory: &Path) -> Nameless {
    let disk = fs::metadata(directory).map_or(0, |metadata| metadata.dev());
    let mut seen = HashSet::new();
    let mut found = Nameless::default();
    let descriptors = processes.iter().flat_map(|id| fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten());
    for file in descriptors.flatten().filter_map(|entry| fs::metadata(entry.path()).ok()) {
        if file.is_file() && file.nlink() == 0 && seen.insert((file.dev(), file.ino())) {
            let kind = if file.dev() == disk { &mut found.on_disk } else { &mut found.in_memory };
            *kind = kind.saturating_add(file.blocks().saturating_mul(BLOCK));
        }
    }
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
