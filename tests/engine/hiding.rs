//! Code that hides what it uses from the look at its whole sandbox, or keeps that look busy.

use super::peer::*;
use code_interpreter::Policy;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

#[test]
fn files_of_a_home_without_rights() {
    let code = |mode: &str| {
        format!(
            "import os, time\nfrom tempfile import gettempdir\nplaces = [gettempdir()] if {mode} == 0 else [os.getcwd()]\n\
             os.chmod(os.environ['HOME'], {mode})\nfor i in range(10):\n    for place in places:\n        \
             try: open(f'{{place}}/{{i}}', 'wb').write(bytes(10 << 20))\n        except PermissionError: open('/nowhere' if {mode} else '/dev/null')\n\
             start = time.time()\nwhile time.time() < start + 6: time.sleep(0.01)\n\
             os.chmod(os.environ['HOME'], 0o700)\nsum(os.path.getsize(f'{{place}}/{{i}}') for i in range(10) for place in places if os.path.exists(f'{{place}}/{{i}}'))"
        )
    };
    for mode in ["0o300", "0"] {
        at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
            let run = peer.run(id, &code(mode));
            // Without rights to it nothing can be written either, unless by another way.
            let wrote_nothing = run.text.as_deref() == Some("0");
            assert!(wrote_nothing || run.error.as_deref() == Some("DiskFull"), "{mode}: {run:?}");
        });
    }
}

/// Runs code in a program that may be run and not read, so that nobody but root may look at its processes.
const UNREADABLE: &str = "import ctypes, os, shutil, subprocess, sys
assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == -1
shutil.copy(os.path.realpath(sys.executable), 'program'); os.chmod('program', 0o111)
def run(code):
    return subprocess.run(['./program', '-S', '-c', code], env={'PYTHONHOME': sys.base_prefix}).returncode
";

#[test]
fn memory_of_programs_that_may_not_be_read() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let code = "import os, time
for _ in range(4):
    if os.fork() == 0: x = bytearray(100 << 20); time.sleep(8); os._exit(0)
all = sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2))
os._exit(all == [-9, -9])";
        let status = peer.text(id, &format!("{UNREADABLE}\nrun({code:?})"));
        assert!(["1", "-9"].contains(&status.as_str()), "{status}");
    });
}

#[test]
fn files_of_programs_that_may_not_be_read() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        let code = "import os, time
files = []
for i in range(10):
    f = open('gone', 'wb'); os.unlink('gone'); f.write(bytes(10 << 20)); f.flush(); files.append(f)
start = time.time()
while time.time() < start + 5: time.sleep(0.01)";
        let run = peer.run(id, &format!("{UNREADABLE}\nrun({code:?})"));
        assert!(run.text.as_deref() == Some("-9") || run.error.as_deref() == Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn deleted_files_that_are_only_mapped() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can look at what is mapped");
    }
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        let code = "import mmap, os, time
maps = []
for i in range(10):
    with open('gone', 'w+b') as f:
        f.write(bytes(10 << 20)); f.flush()
        maps.append(mmap.mmap(f.fileno(), 10 << 20))
    os.unlink('gone')
for m in maps: m.flush()
# What a mapping from Python keeps open besides.
for name in os.listdir('/proc/self/fd'):
    try:
        if '(deleted)' in os.readlink(f'/proc/self/fd/{name}'): os.close(int(name))
    except OSError: pass
start = time.time()
while time.time() < start + 5: time.sleep(0.01)";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn many_files_keep_nobody_from_looking_at_other_sandboxes() {
    // Making so many files takes long, so at one level only; the looks are the same.
    let peer = Peer::with(|builder| builder.policy(Policy::new().memory(256 * MIB)).warm(0));
    let id = &peer.create();
    let made = peer.text(
        id,
        "import os\nfor i in range(200):\n    os.mkdir(str(i))\n    for j in range(500): os.mknod(f'{i}/{j}')\n1",
    );
    assert_eq!(made, "1");
    let other = peer.create();
    // The count begins.
    peer.run(id, "import time\nfor _ in range(150): time.sleep(0.01)");
    let start = Instant::now();
    let code = "import mmap, time\nx = mmap.mmap(-1, 700 << 20)\nfor i in range(0, 700 << 20, 4096):\n    x[i] = 1\ntime.sleep(60)";
    let run = peer.run(&other, code);
    assert_eq!(run.error.as_deref(), Some("OutOfMemory"), "{run:?}");
    assert!(start.elapsed() < Duration::from_secs(40), "after {:?}", start.elapsed());
}

#[test]
fn processes_that_nobody_waits_for() {
    at_each_level(Policy::new().processes(40), |peer, id| {
        let code = "import os, time
made = 0
for _ in range(400):
    try:
        if os.fork() == 0:
            try:
                if os.fork() == 0: time.sleep(30)
            finally: os._exit(0)
        os.wait(); made += 1
    except OSError: break
made";
        let run = peer.run(id, code);
        // Where the system does not refuse more, the context may be ended that goes on to make them.
        assert!(run.error.as_deref().is_none_or(|name| name == "TooManyProcesses"), "{run:?}");
        eventually("no more are left than there may be", || {
            let left = processes_of(&peer.root).len();
            eprintln!("{left} of {:?}", run.text);
            left <= 40
        });
        assert_eq!(peer.text(id, "1 + 1"), "2");
    });
}

/// Fills what lies between sockets, in processes that have little memory of their own.
const SOCKETS: &str = "import os, resource, signal, socket, time
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
def pairs():
    while True:
        one, other = socket.socketpair()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)  # has no effect
        yield one, other
def fill(ends):
    for one, other in ends:
        one.setblocking(False)
        try:
            while True: one.send(bytes(1 << 16))
        except BlockingIOError: pass
        yield one, other
def keep(ends):
    kept = []
    try:
        for pair in fill(ends): kept.append(pair)
    except OSError: pass
    start = time.time()
    while time.time() < start + 6: time.sleep(0.01)
    os._exit(0)
def run(ends, count):
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0: keep(ends())
        children.append(child)
    return sorted({os.waitpid(child, 0)[1] for child in children})
def available():
    return int(open('/proc/meminfo').read().split('MemAvailable:')[1].split()[0]) // 1024
";

#[test]
fn memory_in_connections_that_nobody_accepts() {
    let unix = "listener = socket.socket(socket.AF_UNIX); listener.bind('listener'); listener.listen(4096)
for _ in range(3000):
    one = socket.socket(socket.AF_UNIX); one.connect('listener'); one.setblocking(False)
    try:
        while True: one.send(bytes(1 << 16))
    except BlockingIOError: pass
    one.close()
    if _ % 100 == 0: time.sleep(0.01)";
    let tcp = "listener = socket.create_server(('127.0.0.1', 0), backlog=4096)
ends = []
for _ in range(200):
    one = socket.create_connection(listener.getsockname()); ends.append(one); one.setblocking(False)
    for _ in range(50):
        try:
            while True: one.send(bytes(1 << 16))
        except BlockingIOError: time.sleep(0.001)";
    let datagrams = "ends = []
for i in range(150):
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); end.bind(f'end{i}'); ends.append(end)
    for _ in range(11):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.setblocking(False)
            try: one.sendto(bytes(150_000), f'end{i}')
            except BlockingIOError: pass";
    for code in [unix, tcp, datagrams] {
        at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
            let run = peer.run(
                id,
                &format!("{SOCKETS}{code}\nstart = time.time()\nwhile time.time() < start + 6: time.sleep(0.01)"),
            );
            // Where the machine's network is the only one, there are no such sockets.
            let error = run.error.as_deref();
            assert!(matches!(error, Some("OutOfMemory" | "PermissionError")), "{run:?}");
        });
    }
}

#[test]
fn memory_between_sockets() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let run = peer.run(id, &format!("{SOCKETS}run(pairs, 4)"));
        assert!(run.text.as_deref().is_some_and(|text| text.contains('9')) || run.error.is_some(), "{run:?}");
    });
}

#[test]
fn directories_that_are_large_themselves() {
    // Names make a directory large, and it stays so without them.
    let fill = "import os, time
os.chdir(os.environ['HOME'])
os.close(os.open('f', os.O_CREAT))
name = 'n' * 240
def fill(place):
    for i in range(25000):
        os.link('f', f'{place}/{name}{i:09d}')
    for i in range(25000):
        os.unlink(f'{place}/{name}{i:09d}')
def work_in(place):
    if os.fork() == 0:
        os.chdir(place); time.sleep(60); os._exit(0)
    time.sleep(0.2)
def made():
    os.mkdir('d'); fill('d')
    return 'd'
";
    let codes = [
        "for _ in range(3): fill('.')",
        "held = []\nfor _ in range(3): held.append(os.open(made(), os.O_RDONLY)); os.rmdir('d')",
        "for _ in range(3): work_in(made()); os.rmdir('d')",
    ];
    for code in codes {
        let disk = if code.contains("'.'") { 5 } else { 20 };
        at_each_level(Policy::new().disk(disk * MIB), |peer, id| {
            let run = peer.run(id, &format!("{fill}\n{code}\ntime.sleep(20)"));
            assert_eq!(run.error.as_deref(), Some("DiskFull"), "{code}: {run:?}");
        });
    }
}

#[test]
fn open_files_that_go_from_socket_to_socket() {
    let code = "import os, socket, time
def put(f):
    one, other = socket.socketpair()
    socket.send_fds(one, [b'x'], [f]); os.close(f); one.close()
    return other
held = []
for i in range(12):
    f = os.open('gone', os.O_CREAT | os.O_WRONLY); os.unlink('gone')
    os.posix_fallocate(f, 0, 40 << 20)
    held.append(put(f))
start = time.time()
while time.time() < start + 40:
    for i in range(len(held)):
        f = socket.recv_fds(held[i], 1, 1)[1][0]
        new = put(f); held[i].close(); held[i] = new
    time.sleep(2)";
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        let run = peer.run(id, code);
        // Which of the two depends on whether a file was seen on its way.
        assert!(matches!(run.error.as_deref(), Some("KernelKilled" | "DiskFull")), "{run:?}");
    });
}
