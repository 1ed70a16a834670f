//! Other processes of the user's: the program with the engine (`F["engine_pid"]`), one that has nothing to do with it
//! (`F["victim"]`), the sandbox's own supervisor, and another context (`F["context"]`).

use super::attack::*;

/// Contexts that run unconfined are not kept from each other either.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "list processes",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir("/proc") if n in (str(F["victim"]), str(F["engine_pid"]))]"#,
    },
    Attack {
        name: "see whether a process exists",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.path.exists(f"/proc/{F['victim']}")"#,
    },
    Attack {
        name: "read the engine's command line",
        gets: NOWHERE,
        code: r#"slurp(f"/proc/{F['engine_pid']}/cmdline")"#,
    },
    Attack {
        name: "read the engine's environment",
        gets: NOWHERE,
        code: r#"slurp(f"/proc/{F['engine_pid']}/environ")"#,
    },
    Attack { name: "list the engine's threads", gets: NOWHERE, code: r#"os.listdir(f"/proc/{F['engine_pid']}/task")"# },
    Attack {
        name: "open the engine's memory",
        gets: NOWHERE,
        code: r#"os.open(f"/proc/{F['engine_pid']}/mem", os.O_RDWR)"#,
    },
    Attack { name: "read the engine's memory map", gets: NOWHERE, code: r#"slurp(f"/proc/{F['engine_pid']}/maps")"# },
    Attack {
        name: "list the engine's descriptors",
        gets: NOWHERE,
        code: r#"os.listdir(f"/proc/{F['engine_pid']}/fd")"#,
    },
    Attack {
        name: "open a descriptor of the engine's",
        gets: NOWHERE,
        code: r#"os.open(f"/proc/{F['engine_pid']}/fd/0", os.O_PATH) and os.readlink(f"/proc/{F['engine_pid']}/exe")"#,
    },
    Attack {
        name: "see the engine's root and directory",
        gets: NOWHERE,
        code: r#"os.readlink(f"/proc/{F['engine_pid']}/cwd")"#,
    },
    Attack {
        name: "enter the file system by the engine's root",
        gets: NOWHERE,
        code: r#"slurp(f"/proc/{F['engine_pid']}/root" + F["home"] + "/.ssh/id_rsa")"#,
    },
    Attack {
        name: "trace a process",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(101, 117, 0x4206, F["victim"], 0, 0) or "seized")"#,
    },
    Attack {
        name: "read a process's memory",
        gets: NOT_ANYWHERE,
        code: r#"
target = ctypes.create_string_buffer(8)
vector = struct.pack("QQ", ctypes.addressof(target), 8)
call(310, 270, F["victim"], vector, 1, struct.pack("QQ", F["address"], 8), 1, 0)
"#,
    },
    Attack {
        name: "take a descriptor from a process",
        gets: NOT_ANYWHERE,
        code: r#"call(438, 438, call(434, 434, F["victim"], 0), 1, 0)"#,
    },
    Attack {
        name: "compare with a process",
        gets: NOT_ANYWHERE,
        code: r#"call(312, 272, os.getpid(), F["victim"], 0, 1, 1) in (0, 1, 2, 3)"#,
    },
    Attack { name: "kill a process", gets: NOWHERE, code: r#"os.kill(F["victim"], signal.SIGKILL)"# },
    Attack { name: "stop a process", gets: NOWHERE, code: r#"os.kill(F["victim"], signal.SIGSTOP)"# },
    Attack { name: "kill a thread", gets: NOWHERE, code: r#"call(234, 131, F["victim"], F["victim"], 9)"# },
    Attack { name: "kill a group of processes", gets: NOWHERE, code: r#"os.killpg(F["victim"], signal.SIGKILL)"# },
    Attack {
        name: "kill by a handle on a process",
        gets: NOWHERE,
        code: r#"call(424, 424, call(434, 434, F["victim"], 0), 9, 0, 0)"#,
    },
    Attack {
        name: "have the kernel signal the owner of a socket",
        gets: NOWHERE,
        code: r#"
a, b = socket.socketpair()
fcntl.fcntl(a, fcntl.F_SETOWN, F["victim"])
fcntl.fcntl(a, 10, signal.SIGTERM)  # F_SETSIG
fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
b.send(b"x") and None
"#,
    },
    Attack { name: "signal the engine", gets: NOWHERE, code: r#"os.kill(F["engine_pid"], 0) or "may""# },
    Attack {
        name: "signal any process outside",
        gets: NOWHERE,
        code: r#"
found = []
own = {os.getpid()}
for pid in range(1, max(F["victim"], F["engine_pid"], os.getpid()) + 1000):
    try: os.kill(pid, 0)
    except OSError: continue
    if pid not in own: found.append(pid)
found
"#,
    },
    Attack { name: "signal the own supervisor", gets: NOWHERE, code: r#"os.kill(os.getppid(), 0) or "may""# },
    Attack {
        name: "open the own supervisor's memory",
        gets: NOWHERE,
        code: r#"os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)"#,
    },
    Attack {
        name: "see the own supervisor's descriptors",
        gets: NOWHERE,
        code: r#"[os.readlink(f"/proc/{os.getppid()}/fd/{n}") for n in os.listdir(f"/proc/{os.getppid()}/fd")]"#,
    },
    Attack { name: "signal another context", gets: NOWHERE, code: r#"os.kill(F["context"], 0) or "may""# },
    Attack {
        name: "open another context's memory",
        gets: NOWHERE,
        code: r#"os.open(f"/proc/{F['context']}/mem", os.O_RDWR)"#,
    },
    Attack {
        name: "limit what a process may use",
        gets: NOWHERE,
        code: r#"resource.prlimit(F["victim"], resource.RLIMIT_NOFILE, (3, 3))"#,
    },
    Attack {
        name: "read the limits of a process",
        gets: NOWHERE,
        code: r#"resource.prlimit(F["victim"], resource.RLIMIT_NOFILE)"#,
    },
    Attack {
        name: "limit what the own supervisor may use",
        gets: NOT_ANYWHERE,
        code: r#"resource.prlimit(os.getppid(), resource.RLIMIT_SIGPENDING)"#,
    },
    Attack {
        name: "lower the priority of a process",
        gets: NOWHERE,
        code: r#"os.setpriority(os.PRIO_PROCESS, F["victim"], 19)"#,
    },
    Attack {
        name: "lower the priority of all of the user's processes",
        // Sets what is there already, where it can; unconfined it could hit others.
        gets: NOT_ANYWHERE,
        code: r#"
if F["level"] != "none": os.setpriority(os.PRIO_USER, 0, 1)
"#,
    },
    Attack {
        name: "bind a process to one processor",
        gets: NOWHERE,
        code: r#"os.sched_setaffinity(F["victim"], {min(os.sched_getaffinity(0))})"#,
    },
    Attack {
        name: "change how a process is scheduled",
        gets: NOWHERE,
        code: r#"os.sched_setscheduler(F["victim"], os.SCHED_IDLE, os.sched_param(0))"#,
    },
    Attack {
        name: "change a process's priority for disks",
        gets: NOWHERE,
        code: r#"call(251, 30, 1, F["victim"], 3 << 13) or "changed""#,
    },
];
