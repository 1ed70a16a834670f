//! Code that changes what it uses while it is looked at, or between two looks.

use super::peer::*;
use code_interpreter::Policy;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

#[test]
fn files_in_a_directory_that_is_renamed_while_they_are_counted() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        let code = "import os, time, threading
os.chdir(os.environ['HOME']); os.mkdir('x0')
for i in range(3000): os.mknod('a%05d' % i)
stop = False
def move():
    i = 0
    while not stop:
        os.rename('x%d' % i, 'x%d' % (i + 1)); i += 1
        time.sleep(0.001)
thread = threading.Thread(target=move)
fd = os.open('x0', os.O_RDONLY)
thread.start()
for k in range(10):
    f = os.open('f%d' % k, os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.write(f, bytes(30 << 20)); os.close(f)
time.sleep(15)
stop = True; thread.join()";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn files_that_move_to_where_they_were_looked_for() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        // Always in the one of two directories that is not being listed, as far as the code can guess.
        let code = "import os, time
os.chdir(os.environ['HOME'])
for place in 'ab':
    os.mkdir(place)
    for i in range(3000): os.mknod(f'{place}/{i}')
for k in range(4):
    with open(f'a/f{k}', 'wb') as f: f.write(bytes(40 << 20))
start = time.time()
here, there = 'a', 'b'
while time.time() < start + 15:
    for k in range(4): os.rename(f'{here}/f{k}', f'{there}/f{k}')
    here, there = there, here
    time.sleep(0.0005)";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn files_that_are_moved_by_what_does_not_stay_stopped() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        // A timer makes the process go on, whoever stops it.
        let code = "import ctypes, os, struct, threading, time
os.chdir(os.environ['HOME']); os.mkdir('x0')
for i in range(3000): os.mknod('a%05d' % i)
libc = ctypes.CDLL(None, use_errno=True)
event = ctypes.create_string_buffer(struct.pack('qii', 0, 18, 0), 64)  # SIGCONT
timer = ctypes.c_void_p()
assert libc.timer_create(1, event, ctypes.byref(timer)) == 0
assert libc.timer_settime(timer, 0, struct.pack('4q', 0, 300_000, 0, 300_000), None) == 0
stop = False
def move():
    i = 0
    while not stop:
        os.rename('x%d' % i, 'x%d' % (i + 1)); i += 1
        time.sleep(0.0003)
thread = threading.Thread(target=move)
fd = os.open('x0', os.O_RDONLY)
thread.start()
for k in range(10):
    f = os.open('f%d' % k, os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    os.write(f, bytes(30 << 20)); os.close(f)
time.sleep(30)
stop = True; thread.join()";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn files_beside_a_change_that_nothing_stops() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        // Counts are unsure before there is anything to count, and processes that put off their timers only while they
        // run do not stay stopped.
        let code = "import ctypes, os, signal, struct, threading, time
os.chdir(os.environ['HOME']); os.mkdir('x0')
libc = ctypes.CDLL(None, use_errno=True)
stop = False
def move():
    i = 0
    while not stop:
        os.rename('x%d' % i, 'x%d' % (i + 1)); i += 1
        time.sleep(0.002)
thread = threading.Thread(target=move); thread.start()
def tick():
    signal.signal(signal.SIGCONT, lambda *_: None)
    event = ctypes.create_string_buffer(struct.pack('qii', 0, 18, 0), 64)
    timers = {}
    for milliseconds in (0.5, 1, 2, 3, 5, 8, 12, 20, 40):
        timer = ctypes.c_void_p()
        assert libc.timer_create(1, event, ctypes.byref(timer)) == 0
        timers[milliseconds] = timer
    while True:
        for milliseconds, timer in timers.items():
            libc.timer_settime(timer, 0, struct.pack('4q', 0, 0, 0, int(milliseconds * 1e6)), None)
        time.sleep(0.0003)
time.sleep(6)
for _ in range(6):
    if os.fork() == 0:
        try: tick()
        finally: os._exit(0)
time.sleep(4)
for k in range(3):
    f = os.open('f%d' % k, os.O_CREAT | os.O_WRONLY); os.posix_fallocate(f, 0, 100 << 20); os.close(f)
time.sleep(30)
stop = True; thread.join()";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn files_that_take_next_to_no_processor_time() {
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        // All within one tick of the clock that counts what processes use.
        let code = "import os, time
time.sleep(2.5)
while time.process_time_ns() % 10_000_000 > 500_000: pass
time.sleep(2.5)
for k in range(4):
    f = os.open('f%d' % k, os.O_CREAT | os.O_WRONLY); os.posix_fallocate(f, 0, 400 << 20); os.close(f)
time.sleep(20)";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn memory_that_takes_next_to_no_processor_time() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        // Each takes less than a tick. Memory without a name is in no process's own.
        let code = "import os, time
read, write = os.pipe()
children = []
for _ in range(40):
    child = os.fork()
    if child == 0:
        try:
            os.close(write); f = os.memfd_create('x'); os.read(read, 1); time.sleep(0.02)
            os.posix_fallocate(f, 0, 16 << 20)
            time.sleep(15)
        finally: os._exit(0)
    children.append(child)
time.sleep(3)
os.close(write)
9 in [os.waitpid(child, 0)[1] for child in children]";
        let run = peer.run(id, code);
        assert!(run.text.as_deref() == Some("True") || run.error.as_deref() == Some("OutOfMemory"), "{run:?}");
    });
}

#[test]
fn memory_that_goes_from_process_to_process() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can look at what is mapped");
    }
    at_each_level(Policy::new().memory(128 * MIB), |peer, id| {
        // A look takes time for the processes beside, and what it would measure has gone by then.
        let code = "import mmap, os, time
for i in range(25):
    if os.fork() == 0: kept = [os.dup(0) for _ in range(900)]; time.sleep(60); os._exit(0)
if os.fork() == 0:
    x = mmap.mmap(-1, 800 << 20); at = 0; start = time.time(); piece = bytes(1 << 20)
    while time.time() < start + 25:
        end = time.time() + 0.02
        while time.time() < end:
            if at < 800 << 20: x[at:at + (1 << 20)] = piece; at += 1 << 20
            else: time.sleep(0.005)
        if os.fork(): os._exit(0)
    open('survived', 'w'); os._exit(0)
time.sleep(28)
os.path.exists('survived')";
        let run = peer.run(id, code);
        assert!(run.text.as_deref() == Some("False") || run.error.is_some(), "{run:?}");
    });
}

#[test]
fn blocks_that_go_from_file_to_file_while_they_are_counted() {
    if !is_expected("namespaces") {
        return;
    }
    // Without namespaces code cannot see when a directory is listed.
    let code = "import ctypes, os, select, struct, time
libc = ctypes.CDLL(None)
os.chdir(os.environ['HOME'])
last = {}
for d in 'az':
    os.mkdir(d)
    for i in range(8000): os.mknod(f'{d}/{i}')
    last[d] = os.open(f'{d}/{os.listdir(d)[-1]}', os.O_RDWR)
events = libc.inotify_init1(0o4000)
watched = {libc.inotify_add_watch(events, d.encode(), 0x20): d for d in 'az'}
here = 'a'; os.posix_fallocate(last['a'], 0, 300 << 20)
start = time.time()
while time.time() < start + 55:
    if not select.select([events], [], [], 0.2)[0]: sum(range(20000)); continue
    data = os.read(events, 65536); at = 0
    while at < len(data):
        watch, mask, _, length = struct.unpack_from('iIII', data, at); at += 16 + length
        if length == 0 and mask & 0x40000000 and watched.get(watch) == here:
            there = 'z' if here == 'a' else 'a'
            os.ftruncate(last[here], 0); os.posix_fallocate(last[there], 0, 300 << 20)
            here = there";
    let peer = Peer::with(|builder| builder.policy(Policy::new().disk(60 * MIB)));
    let run = peer.run(&peer.create(), code);
    assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
}

#[test]
fn files_on_their_way_between_processes() {
    let code = |make: &str| {
        format!(
            "import os, socket, time
pairs = []
for i in range(10):
    {make}
    os.write(f, bytes(30 << 20))
    one, other = socket.socketpair()
    socket.send_fds(one, [b'x'], [f]); os.close(f); one.close()
    pairs.append(other)
start = time.time()
while time.time() < start + 20: time.sleep(0.01)"
        )
    };
    let deleted = code("f = os.open('gone', os.O_CREAT | os.O_WRONLY); os.unlink('gone')");
    let in_memory = code("f = os.memfd_create('x')");
    at_each_level(Policy::new().disk(60 * MIB).memory(128 * MIB), |peer, id| {
        for code in [&deleted, &in_memory] {
            let run = peer.run(id, code);
            assert_eq!(run.error.as_deref(), Some("KernelKilled"), "{run:?}");
            assert!(run.value.contains("between processes"), "{run:?}");
        }
    });
    // On the way for a moment, as they are in programs.
    let peer = Peer::with(|builder| builder.policy(Policy::new()));
    let run = peer.run(
        &peer.create(),
        "import os, socket, time
one, other = socket.socketpair()
start = time.time()
while time.time() < start + 8:
    socket.send_fds(one, [b'x'], [0])
    os.close(socket.recv_fds(other, 1, 1)[1][0])
    time.sleep(0.01)
'well'",
    );
    assert_eq!(run.text.as_deref(), Some("well"), "{run:?}");
}

#[test]
fn mapped_files_beside_one_with_a_name_that_is_no_text() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can look at what is mapped");
    }
    at_each_level(Policy::new().disk(60 * MIB), |peer, id| {
        let code = "import mmap, os, time
with open(b'\\xff', 'w+b') as f:
    f.write(bytes(4096)); f.flush(); odd = mmap.mmap(f.fileno(), 4096)
maps = []
for i in range(10):
    with open('gone', 'w+b') as f:
        f.write(bytes(10 << 20)); f.flush()
        maps.append(mmap.mmap(f.fileno(), 10 << 20))
    os.unlink('gone')
for m in maps: m.flush()
for name in os.listdir('/proc/self/fd'):
    try:
        if '(deleted)' in os.readlink(f'/proc/self/fd/{name}'): os.close(int(name))
    except OSError: pass
start = time.time()
while time.time() < start + 10: time.sleep(0.01)";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("DiskFull"), "{run:?}");
    });
}

#[test]
fn the_reason_when_the_process_has_a_name_that_is_no_text() {
    at_each_level(Policy::new().memory(256 * MIB), |peer, id| {
        let code = "import ctypes, mmap, time
ctypes.CDLL(None).prctl(15, b'\\xff', 0, 0, 0)
x = mmap.mmap(-1, 700 << 20)
for i in range(0, 700 << 20, 4096): x[i] = 1
time.sleep(20)";
        let run = peer.run(id, code);
        assert_eq!(run.error.as_deref(), Some("OutOfMemory"), "{run:?}");
    });
}

#[test]
fn descriptors_of_many_processes_keep_nobody_from_looking_at_other_sandboxes() {
    let peer = Peer::with(|builder| builder.policy(Policy::new().memory(256 * MIB)).warm(0));
    let other = peer.create();
    let hostile = "import os, threading, time
for i in range(800):
    try: os.dup(0)
    except OSError: break
for _ in range(60):
    if os.fork() == 0: time.sleep(60); os._exit(0)
print('ready', flush=True)
start = time.time()
while time.time() < start + 60: time.sleep(0.005)";
    let mut busy: Vec<_> = (0..3).map(|_| peer.start(&peer.create(), serde_json::json!({"code": hostile}))).collect();
    for stream in &mut busy {
        let first = stream.find_map(|event| event.ok().filter(|event| event["type"] == "stdout"));
        assert!(first.is_some_and(|event| event["text"].as_str().is_some_and(|text| text.contains("ready"))));
    }
    let start = Instant::now();
    let code = "import mmap, time\nx = mmap.mmap(-1, 700 << 20)\nfor i in range(0, 700 << 20, 4096):\n    x[i] = 1\ntime.sleep(60)";
    let run = peer.run(&other, code);
    assert_eq!(run.error.as_deref(), Some("OutOfMemory"), "{run:?}");
    eprintln!("after {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(30), "after {:?}", start.elapsed());
}

#[test]
fn a_forged_result_of_very_many_forms_takes_no_more_of_the_engine_than_its_line() {
    let peer = Peer::with(|builder| builder.warm(0));
    let id = peer.create();
    let before = peak();
    let code = "import gc, sys, time
import code_interpreter_driver as d
control = next(o for o in gc.get_objects() if type(o) is d.Control)
driver = next(o for o in gc.get_objects() if isinstance(o, d.Driver))
send = control.socket.sendall
send(b'{\"event\":\"result\",\"run\":%d,\"data\":{\"x\":\"\"' % driver.run)
number = total = 0
while total < 100 << 20:
    piece = b''.join(b',\"%x\":\"\"' % i for i in range(number, number + 20000)); number += 20000
    send(piece); total += len(piece)
send(b'}}\\n')
'sent'";
    let run = peer.run(&id, code);
    assert_eq!(run.text.as_deref(), Some("sent"), "{run:.500?}");
    // As text that was read, and that is moved once when it grows.
    // One of a driver arrives, with as many as there may be.
    let run = peer.run(&id, "display({f'x/{i}': '' for i in range(1200)}, raw=True); 'shown'");
    assert_eq!(run.text.as_deref(), Some("shown"), "{run:.500?}");
    let shown = run.events.iter().find_map(|event| event["extra"].as_object().filter(|extra| !extra.is_empty()));
    assert_eq!(shown.map(|extra| extra.len()), Some(1000));
    let grown = peak() - before;
    eprintln!("grown by {grown} MiB");
    assert!(grown < 700, "by {grown} MiB");
}

/// The most memory that this program has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
