//! What a new process does to itself before it becomes the interpreter of a sandbox, one system call or two a step.
//!
//! The steps are put together beforehand, in the engine. What carries them out is a process forked from a program with
//! other threads, which must not allocate memory or take a lock: see `child`.

use std::ffi::CString;
use std::fmt;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use seccompiler::BpfProgram;

/// The type of the C library for a resource limit's name.
#[cfg(target_env = "gnu")]
pub(super) type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub(super) type Resource = libc::c_int;

pub(super) enum Step {
    /// Writes to a file that exists, or to a new one.
    Write {
        path: CString,
        text: Vec<u8>,
    },
    /// Makes a directory, or finds it there.
    Directory(CString),
    /// Makes an empty file to mount another on, or finds it there.
    File(CString),
    Link {
        target: CString,
        path: CString,
    },
    /// Keeps what is mounted from here on from other namespaces.
    PrivateMounts,
    Mount {
        kind: CString,
        path: CString,
        flags: u64,
        options: CString,
    },
    /// Mounts a file or a directory, and what is mounted below it, in a second place.
    Bind {
        source: CString,
        path: CString,
        attributes: u64,
    },
    Attributes {
        path: CString,
        attributes: u64,
    },
    /// Makes a directory the root, and lets go of the old one.
    Root(CString),
    HostName(CString),
    /// Starts the loopback interface of a new network namespace.
    Loopback,
    /// Listens on the loopback interface, and passes what listens out through a socket.
    Listen {
        port: u16,
        through: RawFd,
    },
    Limit {
        resource: Resource,
        value: u64,
    },
    DropCapabilities,
    NoNewPrivileges,
    /// Adds a place to a ruleset of Landlock's that is there only by now.
    Allow {
        ruleset: RawFd,
        path: CString,
        access: u64,
    },
    Landlock {
        ruleset: RawFd,
    },
    Seccomp(BpfProgram),
    WorkingDirectory(CString),
}

/// A path for the operating system. Paths with a zero byte have been refused long before.
pub(super) fn c_path(path: &Path) -> CString {
    c_bytes(path.as_os_str().as_bytes())
}

pub(super) fn c_bytes(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// For the message about a step that failed.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &CString| path.to_string_lossy().into_owned();
        match self {
            Self::Write { path: at, .. } => write!(f, "writing {}", path(at)),
            Self::Directory(at) | Self::File(at) => write!(f, "making {}", path(at)),
            Self::Link { path: at, .. } => write!(f, "linking {}", path(at)),
            Self::PrivateMounts => f.write_str("making mounts private"),
            Self::Mount { kind, path: at, .. } => write!(f, "mounting {} at {}", path(kind), path(at)),
            Self::Bind { source, .. } => write!(f, "mounting {}", path(source)),
            Self::Attributes { path: at, .. } => write!(f, "protecting {}", path(at)),
            Self::Root(_) => f.write_str("changing the root"),
            Self::HostName(_) => f.write_str("setting the host name"),
            Self::Loopback => f.write_str("starting the loopback interface"),
            Self::Listen { port, .. } => write!(f, "listening on port {port}"),
            Self::Limit { resource, .. } => write!(f, "setting resource limit {resource}"),
            Self::DropCapabilities => f.write_str("dropping capabilities"),
            Self::NoNewPrivileges => f.write_str("giving up new privileges"),
            Self::Allow { path: at, .. } => write!(f, "allowing {}", path(at)),
            Self::Landlock { .. } => f.write_str("entering Landlock"),
            Self::Seccomp(_) => f.write_str("installing a seccomp filter"),
            Self::WorkingDirectory(at) => write!(f, "entering {}", path(at)),
        }
    }
}
