//! A root directory of a sandbox's own, which has only what the sandbox may see.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use super::place::{Place, Use};
use super::step::{Step, c_bytes, c_path};

/// The home directory in a root of its own, which is also where E2B's sandboxes have it.
pub(super) const HOME: &str = "/home/user";
pub(super) const TEMPORARY: &str = "/tmp";
/// The user that code in it sees itself as.
const USER: u32 = 1000;

/// Flags of mount_setattr(2).
const READ_ONLY: u64 = 0x1;
const NO_SUID: u64 = 0x2;
const NO_DEVICES: u64 = 0x4;
const NO_PROGRAMS: u64 = 0x8;

const PASSWD: &[u8] = b"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/bash\n\
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &[u8] = b"root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &[u8] = b"127.0.0.1 localhost sandbox\n::1 localhost sandbox\n";

/// Files that say who and where a process is, and so are the sandbox's own.
const OWN_FILES: [(&str, &[u8]); 3] = [("/etc/passwd", PASSWD), ("/etc/group", GROUP), ("/etc/hosts", HOSTS)];

const LINKS: [(&str, &str); 6] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
    ("/tmp", "/var/tmp"),
];

const NUMBERS: &str = "/proc/sys/kernel/pid_max";

/// What a root is made of.
pub(super) struct Root<'a> {
    /// An empty directory to put it together on. It is seen only by processes that do so.
    pub(super) stage: &'a Path,
    pub(super) places: &'a [Place],
    /// The directories that the sandbox has as its home and for temporary files.
    pub(super) home: &'a Path,
    pub(super) temporary: &'a Path,
    /// How much may lie in /dev/shm, in bytes.
    pub(super) shared_memory: u64,
    pub(super) has_network: bool,
}

/// Makes the user of the engine the ordinary user of a new user namespace.
pub(super) fn become_user() -> Vec<Step> {
    let write = |path: &str, text: String| Step::Write { path: c_bytes(path.as_bytes()), text: text.into_bytes() };
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    vec![
        write("/proc/self/setgroups", "deny".to_owned()),
        write("/proc/self/uid_map", format!("{USER} {user} 1")),
        write("/proc/self/gid_map", format!("{USER} {group} 1")),
    ]
}

/// How many numbers the system is to give a new pid namespace, where it can be told: the limit on processes does not count what
/// root owns. From Linux 6.14 on, before which the same file is that of the machine.
pub(super) fn numbers(processes: u64) -> Option<u64> {
    const SINCE: (u32, u32) = (6, 14);
    // The first ones are given once only, and the same number should not come again at once.
    const ROOM: u64 = 1024;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map_while(|number| number.parse().ok());
    let version: (u32, u32) = (numbers.next()?, numbers.next()?);
    let settings = rustix::fs::statvfs("/proc/sys").ok()?;
    let most: u64 = std::fs::read_to_string(NUMBERS).ok()?.trim().parse().ok()?;
    let wanted = processes.saturating_mul(2).saturating_add(ROOM);
    let can = version >= SINCE && !settings.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) && wanted < most;
    can.then_some(wanted)
}

pub(super) fn limit_numbers(numbers: u64) -> Step {
    Step::Write { path: c_bytes(NUMBERS.as_bytes()), text: numbers.to_string().into_bytes() }
}

impl Root<'_> {
    /// Puts it together and enters it.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut building = Building { stage: self.stage, steps: vec![Step::PrivateMounts], made: BTreeSet::new() };
        building.mount("tmpfs", "", NO_SUID | NO_DEVICES, "mode=755,size=1m");
        let (early, late): (Vec<_>, Vec<_>) = self.places.iter().partition(|place| place.path.starts_with("/usr"));
        for place in early {
            building.place(place);
        }
        building.bind(self.home, Path::new(HOME), NO_SUID | NO_DEVICES);
        building.bind(self.temporary, Path::new(TEMPORARY), NO_SUID | NO_DEVICES);
        building.mount("proc", "/proc", READ_ONLY | NO_SUID | NO_DEVICES | NO_PROGRAMS, "");
        building.mount("devpts", "/dev/pts", NO_SUID | NO_PROGRAMS, "newinstance,ptmxmode=0666,mode=620,max=256");
        // Each file takes about a kilobyte of memory that no size counts.
        let shared = format!("mode=1777,nr_inodes=16384,size={}", self.shared_memory);
        building.mount("tmpfs", "/dev/shm", NO_SUID | NO_DEVICES | NO_PROGRAMS, &shared);
        for (path, text) in OWN_FILES {
            building.parents(Path::new(path));
            let path = building.staged(Path::new(path));
            building.steps.push(Step::Write { path, text: text.to_vec() });
        }
        for place in late {
            let is_own = OWN_FILES.iter().any(|(path, _)| Path::new(path) == place.path);
            let is_useless = place.path == Path::new("/etc/resolv.conf") && !self.has_network;
            if !is_own && !is_useless {
                building.place(place);
            }
        }
        for (target, path) in LINKS {
            building.parents(Path::new(path));
            let path = building.staged(Path::new(path));
            building.steps.push(Step::Link { target: c_bytes(target.as_bytes()), path });
        }
        let mut steps = building.steps;
        steps.push(Step::Root(c_path(self.stage)));
        steps.push(Step::Attributes { path: c_bytes(b"/"), attributes: READ_ONLY });
        steps.push(Step::HostName(c_bytes(b"sandbox")));
        steps
    }
}

struct Building<'a> {
    stage: &'a Path,
    steps: Vec<Step>,
    made: BTreeSet<PathBuf>,
}

impl Building<'_> {
    fn staged(&self, path: &Path) -> CString {
        c_path(&self.stage.join(path.strip_prefix("/").unwrap_or(path)))
    }

    /// Makes the directories above a path.
    fn parents(&mut self, path: &Path) {
        let mut above: Vec<_> = path.ancestors().skip(1).filter(|path| path.parent().is_some()).collect();
        above.reverse();
        for directory in above {
            self.directory(directory);
        }
    }

    fn directory(&mut self, path: &Path) {
        if self.made.insert(path.to_owned()) {
            self.steps.push(Step::Directory(self.staged(path)));
        }
    }

    fn mount(&mut self, kind: &str, path: &str, attributes: u64, options: &str) {
        let path = Path::new(path);
        if path.parent().is_some() {
            self.parents(path);
            self.directory(path);
        }
        // The first flags of mount(2) are those of mount_setattr(2).
        let (kind, path, options) = (c_bytes(kind.as_bytes()), self.staged(path), c_bytes(options.as_bytes()));
        self.steps.push(Step::Mount { kind, path, flags: attributes, options });
    }

    fn bind(&mut self, source: &Path, path: &Path, attributes: u64) {
        self.parents(path);
        if source.is_dir() {
            self.directory(path);
        } else {
            self.steps.push(Step::File(self.staged(path)));
        }
        self.steps.push(Step::Bind { source: c_path(source), path: self.staged(path), attributes });
    }

    fn place(&mut self, place: &Place) {
        let is_link = place.path.parent() == Some(Path::new("/")) && place.path.is_symlink();
        if let (true, Ok(target)) = (is_link, std::fs::read_link(&place.path)) {
            let path = self.staged(&place.path);
            self.made.insert(place.path.clone());
            self.steps.push(Step::Link { target: c_path(&target), path });
            return;
        }
        let attributes = match place.usage {
            Use::List | Use::Read => READ_ONLY | NO_SUID | NO_DEVICES,
            Use::Write => NO_SUID | NO_DEVICES,
            Use::Device => NO_SUID | NO_PROGRAMS,
        };
        self.bind(&place.source, &place.path, attributes);
    }
}
