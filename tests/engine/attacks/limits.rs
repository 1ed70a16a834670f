//! What would use up the machine. Each bomb stops by itself as well.

use super::attack::*;

/// What a limit for each process cannot stop is seen by a look at the whole sandbox, which comes a moment later.
const LATER: Gets = Gets { none: [Open; 2], landlock: [Depends; 2], namespaces: [Depends; 2] };
const FORKS: Gets = Gets { none: [Open; 2], landlock: [Depends; 2], namespaces: [Depends, Blocked] };

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "more memory than allowed, in one process",
        gets: NOWHERE,
        code: r#"
def take():
    try: return len(bytearray(600 << 20))
    except MemoryError: raise OSError(errno.ENOMEM, "MemoryError")
in_child(take)
"#,
    },
    Attack {
        name: "more memory than allowed, by mappings",
        gets: NOWHERE,
        code: r#"
import mmap
def take():
    maps = [mmap.mmap(-1, 60 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(10)]
    return len(maps)
in_child(take)
"#,
    },
    Attack {
        name: "more memory than allowed, shared between processes",
        gets: LATER,
        code: r#"
import mmap
in_child(lambda: len(mmap.mmap(-1, 600 << 20)))
"#,
    },
    Attack {
        name: "more memory than allowed, in several processes",
        gets: LATER,
        code: r#"
def take():
    if os.fork() == 0:
        held = bytearray(300 << 20); time.sleep(0.1); os._exit(len(held) == 0)
    held = bytearray(300 << 20)
    status = os.wait()[1]
    return len(held) if status == 0 else None
in_child(take)
"#,
    },
    Attack {
        name: "more memory than allowed, in files without a name (memfd)",
        gets: LATER,
        code: r#"
def take():
    files = []
    for n in range(20):
        files.append(os.memfd_create(f"hidden-{n}"))
        os.write(files[-1], bytes(30 << 20))
    return len(files)
in_child(take)
"#,
    },
    Attack {
        name: "memory as files in /dev/shm",
        gets: NOWHERE,
        code: r#"
path = "/dev/shm/" + F["bomb"]
try:
    with open(path, "wb") as file:
        for _ in range(6): file.write(bytes(30 << 20))
finally:
    if os.path.exists(path): os.unlink(path)
"filled"
"#,
    },
    Attack {
        name: "more processes than allowed",
        gets: FORKS,
        code: r#"
def bomb():
    pids = []
    try:
        while len(pids) < 100:
            pid = os.fork()
            if pid == 0: time.sleep(5); os._exit(0)
            pids.append(pid)
    except OSError: pass
    for pid in pids: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
    return len(pids) if len(pids) == 100 else None
in_child(bomb)
"#,
    },
    Attack {
        name: "more threads than allowed",
        gets: FORKS,
        code: r#"
def bomb():
    stop, threads = threading.Event(), []
    try:
        while len(threads) < 100:
            thread = threading.Thread(target=stop.wait, daemon=True); thread.start(); threads.append(thread)
    except RuntimeError: pass
    stop.set()
    return len(threads) if len(threads) == 100 else None
in_child(bomb)
"#,
    },
    Attack {
        name: "a file larger than allowed",
        gets: NOWHERE,
        code: r#"
def fill():
    with open("big", "wb") as file:
        for _ in range(40): file.write(bytes(1 << 20))
    return os.path.getsize("big")
try: found = in_child(fill)
finally: os.unlink("big")
found
"#,
    },
    Attack {
        name: "a file larger than allowed, by a program",
        gets: NOWHERE,
        code: r#"
subprocess.run(["dd", "if=/dev/zero", "of=big", "bs=1M", "count=40"], capture_output=True)
size = os.path.getsize("big"); os.unlink("big")
size > 32 << 20
"#,
    },
    Attack {
        name: "a sparse file larger than allowed",
        gets: NOWHERE,
        code: r#"
with open("big", "wb") as file: file.truncate(40 << 20)
os.unlink("big"); "made"
"#,
    },
    Attack {
        name: "more open files than allowed",
        gets: NOWHERE,
        code: r#"
def take():
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(300)]
    return len(files)
in_child(take)
"#,
    },
];
