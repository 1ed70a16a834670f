//! Secrets of the program with the engine, and the engine's own.

use super::attack::*;

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "a secret in the environment",
        gets: Gets { none: [Blocked; 2], ..NOWHERE },
        code: r#"[v for v in os.environ.values() if "planted" in v]"#,
    },
    Attack {
        name: "a secret in the environment of a process above",
        gets: NOWHERE,
        code: r#"
found, pid = [], os.getppid()
while pid > 0:
    try:
        if "planted" in slurp(f"/proc/{pid}/environ"): found.append(pid)
        pid = int(slurp(f"/proc/{pid}/stat").rpartition(")")[2].split()[1])
    except OSError: break
found
"#,
    },
    Attack {
        name: "a secret or the engine's key in the own memory",
        gets: Gets { none: [Blocked; 2], ..NOWHERE },
        code: r#"
found = []
with open("/proc/self/mem", "rb", 0) as memory:
    for line in slurp("/proc/self/maps").splitlines():
        area, rights = line.split()[:2]
        start, end = (int(a, 16) for a in area.split("-"))
        if rights[:1] != "r" or "[v" in line: continue
        try:
            memory.seek(start)
            data = memory.read(min(end - start, 64 << 20))
        except OSError: continue
        for pattern in (rb"planted-[0-9a-f]{16}", rb"engine-test-key[.][0-9a-f]{8}"): found += re.findall(pattern, data)
found
"#,
    },
    Attack {
        name: "the arguments of the processes above",
        gets: NOT_ANYWHERE,
        code: r#"[p for p in [slurp(f"/proc/{os.getppid()}/cmdline")] if F["neighbour_id"] in p or "test-key" in p]"#,
    },
    Attack {
        name: "shared memory of another program (System V)",
        gets: NOWHERE,
        code: r#"
_library.shmat.restype = ctypes.c_void_p
where = _library.shmat(F["segment"], None, 0o10000)
if where == ctypes.c_void_p(-1).value: raise OSError(ctypes.get_errno(), "shmat")
ctypes.string_at(where, 24)
"#,
    },
    Attack {
        name: "a segment of shared memory (System V)",
        gets: NOWHERE,
        code: r#"
segment = call(29, 194, 0, 4096, 0o1600)
call(31, 195, segment, 0, 0) or "made"
"#,
    },
    Attack {
        name: "a look at shared memory (System V)",
        gets: NOWHERE,
        code: r#"call(31, 195, F["segment"], 2, ctypes.create_string_buffer(200)) or "seen""#,
    },
    Attack {
        name: "a semaphore (System V)",
        gets: NOWHERE,
        code: r#"
s = call(64, 190, 0, 1, 0o1600)
call(66, 191, s, 0, 0) or "made"
"#,
    },
    Attack {
        name: "a message queue (System V)",
        gets: NOWHERE,
        code: r#"
q = call(68, 186, 0, 0o1600)
call(71, 187, q, 0, 0) or "made"
"#,
    },
    Attack {
        name: "a message queue of another program (System V)",
        gets: NOWHERE,
        code: r#"call(70, 188, F["queue"], ctypes.create_string_buffer(100), 80, 0, 0o4000)"#,
    },
    Attack {
        name: "a message queue (POSIX)",
        gets: NOT_ANYWHERE,
        code: r#"
call(240, 180, b"left", 0o102, 0o600, 0)
call(241, 181, b"left") or "made"
"#,
    },
    Attack {
        name: "shared memory of another program (POSIX)",
        gets: NOWHERE,
        code: r#"slurp(f"/dev/shm/{F['shared']}")"#,
    },
    Attack {
        name: "list shared memory (POSIX)",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir("/dev/shm") if n == F["shared"]]"#,
    },
];
