//! Code that has the operating system keep memory for it, in places that no process shows.

use super::peer::*;
use code_interpreter::Policy;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// Maps memory and files as the system call does, with `libc.mmap`.
const MAPPING: &str = "import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
";

#[test]
fn memory_that_the_system_needs_to_know_where_memory_is() {
    let code = "libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
SIZE = 60 << 30
for _ in range(6):
    if os.fork() == 0:
        start = libc.mmap(None, SIZE, 1, 0x22 | 0x4000, -1, 0)
        libc.madvise(start, SIZE, 15)
        # What is only read is one page, the same everywhere.
        for at in range(start, start + SIZE, 2 << 20): ctypes.c_char.from_address(at).value
        time.sleep(60); os._exit(0)
os.waitstatus_to_exitcode(os.wait()[1])";
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(id, &format!("{MAPPING}{code}"));
        assert_eq!(run.text.as_deref(), Some("-9"), "{run:?}");
    });
}

#[test]
fn memory_that_the_system_keeps_for_files() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let code = "import errno, os
f = os.memfd_create('x')
for file in (f, '.'):
    try: os.setxattr(file, 'user.x', b'x' * 1000)
    except OSError as error: print(error.errno == errno.ENOTSUP)";
        assert_eq!(peer.run(id, code).stdout, "True\nTrue\n");
        let code = "import ctypes
libc = ctypes.CDLL(None, use_errno=True)
[(libc.syscall(call, *arguments), ctypes.get_errno()) for call, *arguments in ((444, None, 0, 1), (446, -1, 4))]";
        assert_eq!(peer.text(id, code), "[(-1, 95), (-1, 95)]", "a ruleset of Landlock, and being under one");
        let code = "import errno, os
try:
    for i in range(20000): os.close(os.open(f'/dev/shm/{i}', os.O_CREAT))
except OSError as error: print(errno.errorcode[error.errno], 16000 < i < 16400 or error.errno != errno.ENOSPC)";
        let stdout = peer.run(id, code).stdout;
        assert!(["ENOSPC True\n", "EACCES True\n"].contains(&stdout.as_str()), "{stdout}");
    });
}

#[test]
fn memory_that_pipes_and_sockets_keep_of_files() {
    let code = "import ctypes, os, shutil, socket, subprocess
open('a', 'wb').write(b'x' * 100000)
libc, f, (r, w), (r2, w2) = ctypes.CDLL(None, use_errno=True), os.open('a', 0), os.pipe(), os.pipe()
os.write(w, b'x')
calls = (libc.splice, f, None, w, None, 1, 0), (libc.tee, r, w2, 1, 0), (libc.sendfile, w, f, None, 1)
print([(call(*arguments), ctypes.get_errno()) for call, *arguments in calls])
shutil.copyfile('a', 'b')
print(os.path.getsize('b'), subprocess.run('cp a c && cat a | wc -c', shell=True, capture_output=True, text=True).stdout.strip())
one, other = socket.socketpair()
print(one.sendfile(open('a', 'rb'), count=1000), len(other.recv(1000)))";
    at_each_level(Policy::new(), |peer, id| {
        let run = peer.run(id, code);
        assert_eq!(run.stdout, "[(-1, 22), (-1, 22), (-1, 22)]\n100000 100000\n1000 1000\n", "{run:?}");
    });
}

#[test]
fn memory_that_the_system_needs_for_many_mappings() {
    let code = "for i in range(60000): libc.mmap(None, 4096, 1 + 2 * (i % 2), 0x22, -1, 0)
for _ in range(30):
    if os.fork() == 0: time.sleep(60); os._exit(0)
os.waitstatus_to_exitcode(os.wait()[1])";
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(id, &format!("{MAPPING}{code}"));
        assert!(run.text.as_deref() == Some("-9") || run.error.as_deref() == Some("OutOfMemory"), "{run:?}");
    });
}

#[test]
fn mappings_with_names_that_take_long_to_tell() {
    let peer = Peer::with(|builder| builder.policy(Policy::new().memory(256 * MIB)));
    let (id, other) = (peer.create(), peer.create());
    let code = "for _ in range(15):
    os.mkdir('d' * 250); os.chdir('d' * 250)
f = os.open('file', os.O_CREAT | os.O_RDWR); os.write(f, bytes(4096))
for _ in range(15):
    if os.fork() == 0:
        for i in range(60000): libc.mmap(None, 4096, 1, 1, f, 0)
        time.sleep(60); os._exit(0)
sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(15))[-1]";
    let mut hostile = peer.start(&id, serde_json::json!({ "code": format!("{MAPPING}{code}") }));
    std::thread::sleep(Duration::from_secs(3));
    let start = Instant::now();
    let memory = "import mmap, time\nx = mmap.mmap(-1, 700 << 20)\nfor i in range(0, 700 << 20, 4096):\n    x[i] = 1\ntime.sleep(60)";
    let run = peer.run(&other, memory);
    assert_eq!(run.error.as_deref(), Some("OutOfMemory"), "{run:?}");
    eprintln!("after {:?}", start.elapsed());
    let text = hostile.find_map(|event| event.unwrap()["text"].as_str().map(str::to_owned));
    assert!(text.is_none_or(|text| text == "-9"));
    assert!(start.elapsed() < Duration::from_secs(40), "after {:?}", start.elapsed());
}

#[test]
fn what_would_take_memory_that_nothing_counts() {
    let code = "import ctypes, errno, platform, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == 'aarch64'
def refused(call, *arguments):
    ctypes.set_errno(0)
    outcome = call(*arguments)
    return errno.errorcode[ctypes.get_errno()] if outcome < 0 else outcome
def unset(option, value):
    try: one.setsockopt(socket.SOL_SOCKET, option, value)
    except OSError as error: return errno.errorcode[error.errno]
one, other = socket.socketpair()
allow = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))
program = struct.pack('HP', 1, ctypes.addressof(allow))
f = open('locked', 'w+')
lock = struct.pack('hhqqi', 1, 0, 0, 1, 0) + bytes(4)
print([refused(libc.prctl, 22, 2, program, 0, 0), refused(libc.prctl, 22, 1, 0, 0, 0), refused(libc.syscall, 277 if arm else 317, 1, 8, program)])
print([unset(26, program), unset(50, 3), unset(51, program), unset(52, 3), unset(60, 1)])
print([refused(libc.syscall, 0 if arm else 206, 1, ctypes.byref(ctypes.c_ulong())), refused(libc.fcntl, f.fileno(), 37, lock), refused(libc.fcntl, f.fileno(), 38, lock)])
print([refused(libc.fcntl, f.fileno(), 6, lock), libc.prctl(21, 0, 0, 0, 0)])
print([refused(libc.prctl, 78, 1, 16, 0, 0), refused(libc.prctl, 77, 9, 0, 0, 0), refused(libc.syscall, 470, 0), refused(libc.syscall, 457, 0)])
def protocol(number):
    try: socket.socket(socket.AF_INET, socket.SOCK_STREAM, number).close()
    except OSError as error: return errno.errorcode[error.errno]
print([protocol(number) for number in (0, 6, 132, 262)])";
    at_each_level(Policy::new(), |peer, id| {
        let run = peer.run(id, code);
        let lines: Vec<_> = run.stdout.lines().collect();
        let option = "'ENOPROTOOPT'";
        assert_eq!(lines[0], "['EINVAL', 'EINVAL', 'EINVAL']", "filters of system calls: {run:?}");
        assert_eq!(lines[1], format!("[{}]", [option; 5].join(", ")), "filters of sockets, and no copies: {run:?}");
        assert_eq!(lines[2], "['ENOSYS', 'EINVAL', 'EINVAL']", "asynchronous polls, locks of open files: {run:?}");
        assert_eq!(lines[3], "[0, 2]", "a lock of the process, and being filtered: {run:?}");
        // Where the machine's network is the only one, there are no sockets.
        let own = "[None, None, 'EPROTONOSUPPORT', 'EPROTONOSUPPORT']";
        assert_eq!(lines[4], "['EINVAL', 'EINVAL', 'ENOSYS', 'ENOSYS']", "what is newer, and mounts: {run:?}");
        assert!([own, "['EPERM', 'EPERM', 'EPERM', 'EPERM']"].contains(&lines[5]), "{run:?}");
    });
}

#[test]
fn memory_that_locks_and_watches_take() {
    // In several processes, so that none has more than is looked at. Locks of one file take longer the more there are.
    let apart = |work: &str| {
        format!(
            "import fcntl, os, select, time
def work():
    {work}
    time.sleep(30)
for _ in range(12):
    if os.fork() == 0:
        try: work()
        finally: os._exit(0)
os.waitstatus_to_exitcode(os.wait()[1])"
        )
    };
    let locks = "files = [open(f'{os.getpid()}-{i}', 'w+') for i in range(600)]
    for i in range(60000): fcntl.lockf(files[i % 600], fcntl.LOCK_EX, 1, i)";
    let watches = "pipes = [os.pipe()[0] for _ in range(300)]; epolls = [select.epoll() for _ in range(160)]
    for epoll in epolls:
        for pipe in pipes: epoll.register(pipe)";
    // One by itself, with more than is looked at.
    let many = "import fcntl, time
files = [open(str(i), 'w+') for i in range(900)]
for i in range(400000): fcntl.lockf(files[i % 900], fcntl.LOCK_EX, 1, i)
time.sleep(30)";
    at_each_level(Policy::new().memory(192 * MIB), |peer, id| {
        for work in [locks, watches] {
            let run = peer.run(id, &apart(work));
            let is_over = run.text.as_deref() == Some("-9") || run.error.as_deref() == Some("OutOfMemory");
            assert!(is_over, "{work}: {run:?}");
        }
        let run = peer.run(id, many);
        let is_over = matches!(run.error.as_deref(), Some("KernelKilled" | "OutOfMemory"));
        assert!(is_over && run.value.contains("its limit of") | run.value.contains("locks"), "{run:?}");
        assert_eq!(peer.text(id, "1 + 1"), "2");
    });
}

#[test]
fn memory_in_pipes() {
    let code = "import os, time
for _ in range(60):
    if os.fork() == 0:
        try: pipes = [os.pipe() for _ in range(400)]; time.sleep(30)
        finally: os._exit(0)
os.waitstatus_to_exitcode(os.wait()[1])";
    at_each_level(Policy::new().memory(192 * MIB), |peer, id| {
        let run = peer.run(id, code);
        let is_over = run.text.as_deref() == Some("-9") || run.error.as_deref() == Some("OutOfMemory");
        assert!(is_over, "{run:?}");
    });
}

#[test]
fn memory_that_open_files_keep_without_showing_it() {
    let queues = "import ctypes, time
queues = [ctypes.CDLL(None).inotify_init1(0) for _ in range(40)]
queues[0] >= 0 and time.sleep(10)";
    let texts = "import time
texts = [open('/proc/self/fdinfo/0') for _ in range(60)]
time.sleep(10)";
    at_each_level(Policy::new().memory(192 * MIB), |peer, id| {
        for code in [queues, texts] {
            let run = peer.run(id, code);
            // Without a root of its own a sandbox has no queues.
            let has_none = run.text.as_deref() == Some("False");
            assert!(has_none || run.error.as_deref() == Some("OutOfMemory"), "{code}: {run:?}");
        }
        let few = "import ctypes, time
kept = [ctypes.CDLL(None).inotify_init1(0) for _ in range(3)], open('/proc/self/fdinfo/0'), open('/proc/self/maps')
time.sleep(2)
'well'";
        assert_eq!(peer.text(id, few), "well");
    });
}

#[test]
fn memory_that_links_of_mappings_take_in_chains_of_forks() {
    let code = "N = 8000
base = libc.mmap(None, N * 8192, 3, 0x22, -1, 0)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
def touch():
    for i in range(N): ctypes.memset(base + i * 8192, 1, 1)
    libc.madvise(base, N * 8192, 4)
touch()
for i in range(N): libc.mprotect(ctypes.c_void_p(base + i * 8192 + 4096), 4096, 0)
for depth in range(45):
    if child := os.fork(): break
    touch()
if child == 0 or depth: time.sleep(40); os._exit(0)
os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])";
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(id, &format!("{MAPPING}{code}"));
        assert!(run.text.as_deref() == Some("-9") || run.error.as_deref() == Some("OutOfMemory"), "{run:?}");
    });
}

#[test]
fn memory_of_connections_that_no_process_has() {
    let code = "import socket, time
listeners = []
for i in range(15):
    listener = socket.socket(); listener.bind((f'127.0.0.{i + 1}', 0)); listener.listen(4096); listeners.append(listener)
for listener in listeners:
    for _ in range(4000):
        one = socket.socket(); one.setblocking(False)
        try: one.connect(listener.getsockname())
        except BlockingIOError: pass
        one.close()
time.sleep(10)";
    at_each_level(Policy::new().memory(128 * MIB), |peer, id| {
        let run = peer.run(id, code);
        // Where the machine's network is the only one, there are no such sockets.
        assert!(matches!(run.error.as_deref(), Some("OutOfMemory" | "PermissionError")), "{run:?}");
    });
}
