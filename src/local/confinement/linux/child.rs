//! Starts a process that confines itself: the one place of this crate with `unsafe`.
//!
//! Between the fork and the exec the child shares the memory of a program that had other threads, any of which may have
//! held a lock of the allocator. So the child does nothing but make system calls with arguments that were prepared
//! before, and ends itself without unwinding when one fails.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::process::{Pid, WaitOptions};

use super::step::{Resource, Step};

/// A program to start, and what its process does to itself first.
pub(super) struct Launch {
    /// The namespaces to make, as `CLONE_NEW..` flags.
    pub(super) namespaces: c_int,
    pub(super) steps: Vec<Step>,
    /// Without one, the process ends after the last step: a trial.
    pub(super) program: Option<Program>,
}

pub(super) struct Program {
    pub(super) path: CString,
    pub(super) arguments: Vec<CString>,
    /// The whole environment, as `NAME=value`.
    pub(super) environment: Vec<CString>,
    /// Standard input, output and error.
    pub(super) streams: [OwnedFd; 3],
}

/// What the child needs, in a form that it can use without allocating.
struct Prepared<'a> {
    steps: &'a [Step],
    path: Option<&'a CStr>,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    streams: Option<[RawFd; 3]>,
    report: RawFd,
}

/// Starts it, and returns when it has become the program, or has ended in a trial.
pub(super) fn start(launch: &Launch) -> io::Result<Pid> {
    let (read, write) = io::pipe()?;
    // Not one of the three that the child puts its streams on.
    let report = above_streams(write.as_raw_fd())?;
    drop(write);
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
    };
    let program = launch.program.as_ref();
    let streams = program.map(|program| program.streams.each_ref().map(|stream| above_streams(stream.as_raw_fd())));
    let streams = match streams {
        Some([input, output, error]) => Some([input?, output?, error?]),
        None => None,
    };
    let prepared = Prepared {
        steps: &launch.steps,
        path: program.map(|program| program.path.as_c_str()),
        arguments: program.map(|program| pointers(&program.arguments)).unwrap_or_default(),
        environment: program.map(|program| pointers(&program.environment)).unwrap_or_default(),
        streams: streams.as_ref().map(|streams| streams.each_ref().map(AsRawFd::as_raw_fd)),
        report: report.as_raw_fd(),
    };
    let pid = fork(launch.namespaces, &prepared)?;
    drop(report);
    drop(streams);
    let mut failure = Vec::new();
    File::from(OwnedFd::from(read)).read_to_end(&mut failure)?;
    let is_trial = program.is_none();
    if failure.is_empty() && !is_trial {
        return Ok(pid);
    }
    let status = rustix::process::waitpid(Some(pid), WaitOptions::empty());
    match (Failure::parse(&failure), status) {
        (Some(failure), _) => Err(failure.into_error(&launch.steps)),
        (None, Ok(Some((_, status)))) if is_trial && status.exit_status() == Some(0) => Ok(pid),
        (None, status) => Err(io::Error::other(format!("it ended before it could say why ({status:?})"))),
    }
}

/// The version of Landlock that the kernel has, or why it has none.
pub(super) fn landlock_version() -> Result<i32, &'static str> {
    const QUERY: c_int = 1;
    // SAFETY: with this flag the call takes no pointer, and only answers a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0, QUERY) };
    match i32::try_from(version) {
        Ok(version) if version > 0 => Ok(version),
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::EOPNOTSUPP) => {
            Err("it is switched off; the boot parameter lsm= can name it")
        }
        _ => Err("this kernel was built without it, or something in between refuses it"),
    }
}

/// Which step failed, and how.
struct Failure {
    step: usize,
    error: i32,
}

impl Failure {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
        Some(Self { step: usize::try_from(word(0)?).ok()?, error: word(4)? })
    }

    fn into_error(self, steps: &[Step]) -> io::Error {
        let error = io::Error::from_raw_os_error(self.error);
        let what = steps.get(self.step).map_or_else(|| "starting the program".to_owned(), Step::to_string);
        io::Error::new(error.kind(), format!("{what}: {error}"))
    }
}

/// A copy of a descriptor with a number above those of the standard streams, closed on exec.
fn above_streams(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only, and what it returns is a new descriptor that nobody else owns.
    unsafe {
        let copy = libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3);
        if copy < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(copy)) }
    }
}

/// Forks into new namespaces. All signals wait meanwhile: a handler of the program must not run in the child.
fn fork(namespaces: c_int, prepared: &Prepared<'_>) -> io::Result<Pid> {
    // SAFETY: the signal sets are plain data that sigfillset and pthread_sigmask fill in. clone(2) without a stack and
    // without CLONE_VM is fork(2): the child goes on here, on a copy of this memory, and `become_program` upholds what
    // the head of this file says. It never returns, so nothing of the parent's is dropped twice.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let flags = c_long::from(namespaces | libc::SIGCHLD);
        let pid = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
        if pid == 0 {
            become_program(prepared);
        }
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        c_int::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or(error)
    }
}

/// Goes through the steps and becomes the program.
///
/// # Safety
///
/// Only for a freshly forked child: it changes the whole process, and does not return.
unsafe fn become_program(prepared: &Prepared<'_>) -> ! {
    // SAFETY: system calls on numbers and on memory that `prepared` borrows, which the child has a copy of. The arrays of
    // pointers end with a null pointer, and the strings with a zero byte.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::setsid();
        for (at, step) in prepared.steps.iter().enumerate() {
            let outcome = take(step);
            if outcome < 0 {
                fail(prepared.report, at);
            }
        }
        let (Some(path), Some(streams)) = (prepared.path, prepared.streams) else { libc::_exit(0) };
        for (target, source) in (0..).zip(streams) {
            if libc::dup2(source, target) < 0 {
                fail(prepared.report, prepared.steps.len());
            }
        }
        // Whatever else the program left open for its children.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        libc::execve(path.as_ptr(), prepared.arguments.as_ptr(), prepared.environment.as_ptr());
        fail(prepared.report, prepared.steps.len())
    }
}

/// Tells the parent which step failed, and ends.
unsafe fn fail(report: RawFd, step: usize) -> ! {
    // SAFETY: errno is the thread's own; the array is written to a pipe before it goes out of scope.
    unsafe {
        let words = [i32::try_from(step).unwrap_or(i32::MAX), *libc::__errno_location()];
        libc::write(report, words.as_ptr().cast(), size_of_val(&words));
        libc::_exit(127)
    }
}

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// `struct landlock_path_beneath_attr` of landlock_add_rule(2).
#[repr(C, packed)]
struct PathBeneath {
    access: u64,
    parent: c_int,
}

/// `struct __user_cap_header_struct` of capset(2).
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
const LANDLOCK_RULE_PATH_BENEATH: c_int = 1;
const LAST_CAPABILITY: c_int = 63;

/// Takes one step; negative, with errno set, when that failed.
///
/// # Safety
///
/// As [`become_program`].
unsafe fn take(step: &Step) -> c_long {
    // SAFETY: as in `become_program`: every pointer is to a C string of the step, or to a local of the shape that the
    // call documents.
    unsafe {
        match step {
            Step::Write { path, text } => write_file(path, text),
            Step::Directory(path) => found_or_made(libc::mkdir(path.as_ptr(), 0o755)),
            Step::File(path) => {
                let file = libc::open(path.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC, 0o644);
                if file >= 0 {
                    libc::close(file);
                }
                found_or_made(file.min(0))
            }
            Step::Link { target, path } => found_or_made(libc::symlink(target.as_ptr(), path.as_ptr())),
            Step::PrivateMounts => {
                let flags = libc::MS_REC | libc::MS_PRIVATE;
                libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()).into()
            }
            Step::Mount { kind, path, flags, options } => {
                let options = options.as_ptr().cast();
                libc::mount(kind.as_ptr(), path.as_ptr(), kind.as_ptr(), *flags, options).into()
            }
            Step::Bind { source, path, attributes } => {
                let flags = libc::MS_BIND | libc::MS_REC;
                match libc::mount(source.as_ptr(), path.as_ptr(), ptr::null(), flags, ptr::null()) {
                    0 => set_attributes(path, *attributes, libc::AT_RECURSIVE),
                    failed => failed.into(),
                }
            }
            Step::Attributes { path, attributes } => set_attributes(path, *attributes, 0),
            Step::Root(path) => change_root(path),
            Step::HostName(name) => libc::sethostname(name.as_ptr(), name.as_bytes().len()).into(),
            Step::Loopback => start_loopback(),
            Step::Listen { port, through } => listen(*port, *through),
            Step::Limit { resource, value } => set_limit(*resource, *value),
            Step::DropCapabilities => drop_capabilities(),
            Step::NoNewPrivileges => libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into(),
            Step::Allow { ruleset, path, access } => allow(*ruleset, path, *access),
            Step::Landlock { ruleset } => libc::syscall(libc::SYS_landlock_restrict_self, *ruleset, 0),
            Step::Seccomp(filter) => {
                let length = libc::c_ushort::try_from(filter.len()).unwrap_or(0);
                // The instructions of seccompiler and of libc have the same shape, that of the kernel.
                let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut().cast() };
                libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
            }
            Step::WorkingDirectory(path) => libc::chdir(path.as_ptr()).into(),
        }
    }
}

fn found_or_made(outcome: c_int) -> c_long {
    // SAFETY: errno is the thread's own.
    let error = unsafe { *libc::__errno_location() };
    if outcome < 0 && error == libc::EEXIST { 0 } else { outcome.into() }
}

unsafe fn write_file(path: &CStr, text: &[u8]) -> c_long {
    // SAFETY: as in `take`.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC, 0o644);
        if file < 0 {
            return -1;
        }
        let written = libc::write(file, text.as_ptr().cast(), text.len());
        if written >= 0 {
            libc::close(file);
        }
        written as c_long
    }
}

unsafe fn set_attributes(path: &CStr, attributes: u64, flags: c_int) -> c_long {
    let wanted = MountAttributes { set: attributes, clear: 0, propagation: 0, user_namespace: 0 };
    // SAFETY: as in `take`.
    unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const wanted,
            size_of::<MountAttributes>(),
        )
    }
}

unsafe fn change_root(path: &CStr) -> c_long {
    // SAFETY: as in `take`.
    unsafe {
        if libc::chdir(path.as_ptr()) < 0 {
            return -1;
        }
        // Stacks the old root on the new one, from where it is taken off: no directory for it is needed.
        if libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) < 0 {
            return -1;
        }
        if libc::umount2(c".".as_ptr(), libc::MNT_DETACH) < 0 {
            return -1;
        }
        libc::chdir(c"/".as_ptr()).into()
    }
}

unsafe fn start_loopback() -> c_long {
    // SAFETY: as in `take`; an `ifreq` of zeros is valid, and its name ends with a zero byte.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return -1;
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        ptr::copy_nonoverlapping(c"lo".as_ptr(), request.ifr_name.as_mut_ptr(), 2);
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let outcome = libc::ioctl(socket, libc::SIOCSIFFLAGS as libc::Ioctl, &raw const request);
        if outcome >= 0 {
            libc::close(socket);
        }
        outcome.into()
    }
}

unsafe fn listen(port: u16, through: RawFd) -> c_long {
    // SAFETY: as in `take`; an address of zeros is valid.
    unsafe {
        let listener = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if listener < 0 {
            return -1;
        }
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = libc::INADDR_LOOPBACK.to_be();
        let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        if libc::bind(listener, (&raw const address).cast(), length) < 0 || libc::listen(listener, 128) < 0 {
            return -1;
        }
        send_descriptor(through, listener)
    }
}

/// One byte, and a descriptor with it.
unsafe fn send_descriptor(through: RawFd, descriptor: RawFd) -> c_long {
    // Room and alignment for the header of a control message and one descriptor.
    let mut control = [0_u64; 4];
    let mut byte = 0_u8;
    // SAFETY: as in `take`; the message points to locals, and `control` is large enough for what CMSG_SPACE says.
    unsafe {
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as libc::c_uint) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as libc::c_uint) as _;
        libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(descriptor);
        libc::sendmsg(through, &raw const message, 0) as c_long
    }
}

/// Lowers a limit for good, never raising what there was.
unsafe fn set_limit(resource: Resource, value: u64) -> c_long {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: as in `take`.
    unsafe {
        if libc::getrlimit(resource, &raw mut limit) < 0 {
            return -1;
        }
        limit.rlim_max = limit.rlim_max.min(value);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(resource, &raw const limit).into()
    }
}

unsafe fn drop_capabilities() -> c_long {
    let header = CapabilityHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let none = [0_u32; 6];
    // SAFETY: as in `take`; version 3 takes two sets of three words.
    unsafe {
        for capability in 0..=LAST_CAPABILITY {
            // Refused to who has none to drop: what the program could gain by it, no_new_privs keeps from it.
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr())
    }
}

unsafe fn allow(ruleset: RawFd, path: &CStr, access: u64) -> c_long {
    // SAFETY: as in `take`.
    unsafe {
        let parent = libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
        if parent < 0 {
            return -1;
        }
        let rule = PathBeneath { access, parent };
        let outcome =
            libc::syscall(libc::SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &raw const rule, 0);
        if outcome >= 0 {
            libc::close(parent);
        }
        outcome
    }
}
