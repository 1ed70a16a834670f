//! What an attack is, and what is to come of it.

/// Code that tries to do what it must not, and where it gets through.
pub struct Attack {
    pub name: &'static str,
    /// Its last expression is what it got hold of. An `OSError` or nothing means that it was kept from it; what it changed
    /// outside is looked at as well. Of any other exception it is not known what it shows, so that is a failure.
    pub code: &'static str,
    pub gets: Gets,
}

/// Where an attack is open: for each level of confinement, for the superuser and for an ordinary user.
pub struct Gets {
    pub none: [Outcome; 2],
    pub landlock: [Outcome; 2],
    pub namespaces: [Outcome; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Open,
    Blocked,
    /// Depends on more than the crate and the user: the settings of the machine, or a look that comes late.
    Depends,
}

pub use Outcome::{Blocked, Depends, Open};

const STOPPED: [Outcome; 2] = [Blocked; 2];

/// Open only where nothing is confined, which also shows that the attack is one.
pub const NOWHERE: Gets = Gets { none: [Open; 2], landlock: STOPPED, namespaces: STOPPED };
/// Without confinement the superuser can do it.
pub const NOT_BY_ROOT: Gets = Gets { none: [Open, Blocked], landlock: STOPPED, namespaces: STOPPED };
/// Without confinement it depends on the machine.
pub const NOT_ANYWHERE: Gets = Gets { none: [Depends; 2], landlock: STOPPED, namespaces: STOPPED };
/// Landlock has no right that would stop it, and a filter of system calls sees no paths.
pub const WITHOUT_NAMESPACES: Gets = Gets { none: [Open; 2], landlock: [Open; 2], namespaces: STOPPED };
/// Nothing stops it.
pub const EVERYWHERE: Gets = Gets { none: [Open; 2], landlock: [Open; 2], namespaces: [Open; 2] };

impl Gets {
    pub fn at(&self, level: &str, is_root: bool) -> Outcome {
        let outcomes = match level {
            "namespaces" => self.namespaces,
            "landlock" => self.landlock,
            _ => self.none,
        };
        outcomes[usize::from(!is_root)]
    }
}

/// What attacks have in common.
pub const PRELUDE: &str = r#"
import ctypes, errno, fcntl, glob, os, platform, re, resource, signal, socket, struct, subprocess, sys, threading, time
_library = ctypes.CDLL(None, use_errno=True)
_arm = platform.machine() == "aarch64"

def call(x86, arm, *arguments):
    """A system call, by its number on x86_64 and on aarch64."""
    number = arm if _arm else x86
    if number is None: raise OSError(errno.ENOSYS, "not on this machine")
    _library.syscall.restype = ctypes.c_long
    sent = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _library.syscall(ctypes.c_long(number), *sent)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result

def in_child(body):
    """What became of `body` in a process of its own, which it may ruin."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            os.write(write, repr(body()).encode()[:4000])
        except OSError as error:
            os.write(write, b"!" + str(error).encode())
        except BaseException as error:
            os.write(write, b"?" + repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    said = b""
    while more := os.read(read, 4096): said += more
    os.close(read)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status): raise OSError(errno.EPERM, f"killed by signal {os.WTERMSIG(status)}")
    if said[:1] == b"!": raise OSError(errno.EPERM, said[1:].decode())
    if said[:1] in (b"?", b""): raise RuntimeError(said[1:].decode())
    return said.decode() if said not in (b"None", b"False", b"0", b"b''", b"''", b"[]") else None

def slurp(path, limit=1 << 20):
    with open(path, "rb") as file: return file.read(limit).decode("utf-8", "replace")

def writable(paths):
    found = []
    for path in paths:
        try: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError: continue
        found.append(path)
    return found
"#;
