//! What would give new rights, or reach parts of the kernel that are not for everyone.

use super::attack::*;

pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "have a capability",
        gets: NOT_BY_ROOT,
        code: r#"[line for line in slurp("/proc/self/status").splitlines() if re.match("Cap(Eff|Prm|Inh|Amb):\t.*[^0]$", line) or re.match("Cap(Eff|Prm|Inh|Amb):.*[1-9a-f]", line)]"#,
    },
    Attack {
        name: "get a capability by starting a program",
        gets: NOT_BY_ROOT,
        code: r#"re.findall("CapEff:.*[1-9a-f].*", subprocess.check_output(["cat", "/proc/self/status"], text=True))"#,
    },
    Attack {
        name: "become another user",
        gets: NOT_BY_ROOT,
        code: r#"in_child(lambda: os.setuid(12345) or "became")"#,
    },
    Attack {
        name: "join another group",
        gets: NOT_BY_ROOT,
        code: r#"in_child(lambda: os.setgroups([12345]) or "joined")"#,
    },
    Attack {
        name: "su",
        gets: NOT_BY_ROOT,
        code: r#"
done = subprocess.run(["su", "-s", "/bin/sh", "-c", "echo became", "root"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
b"became" in done.stdout
"#,
    },
    Attack {
        name: "a setuid copy of a program",
        gets: NOT_ANYWHERE,
        code: r#"
import shutil
shutil.copyfile("/usr/bin/id", "copy"); os.chmod("copy", 0o4755)
before = subprocess.check_output(["id", "-u"])
subprocess.check_output(["./copy", "-u"]) != before
"#,
    },
    Attack {
        name: "gain rights by any program",
        gets: NOWHERE,
        code: r#""NoNewPrivs:\t0" in slurp("/proc/self/status")"#,
    },
    Attack {
        name: "run without a filter of system calls",
        gets: NOWHERE,
        code: r#"subprocess.run(["grep", "-q", "Seccomp:.0", "/proc/self/status"]).returncode == 0"#,
    },
    Attack {
        name: "a user namespace by unshare",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(272, 97, 0x10000000) or "made")"#,
    },
    Attack {
        name: "a mount namespace by unshare",
        gets: NOT_BY_ROOT,
        code: r#"in_child(lambda: call(272, 97, 0x20000) or "made")"#,
    },
    Attack {
        name: "a time namespace by unshare",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(272, 97, 0x80) or "made")"#,
    },
    Attack {
        name: "a user namespace by clone",
        gets: NOT_ANYWHERE,
        code: r#"
def clone():
    pid = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    return os.waitpid(pid, 0)
in_child(clone)
"#,
    },
    Attack {
        name: "a user namespace by clone3",
        gets: NOT_ANYWHERE,
        code: r#"
def clone():
    pid = call(435, 435, struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0), 88)
    if pid == 0: os._exit(0)
    return os.waitpid(pid, 0)
in_child(clone)
"#,
    },
    Attack {
        name: "a user namespace by a program",
        gets: NOT_ANYWHERE,
        code: r#"subprocess.run(["unshare", "-Ur", "true"]).returncode == 0"#,
    },
    Attack {
        name: "join a namespace",
        gets: NOT_BY_ROOT,
        code: r#"in_child(lambda: call(308, 268, os.open("/proc/self/ns/net", os.O_RDONLY), 0) or "joined")"#,
    },
    Attack {
        name: "mount",
        gets: NOT_BY_ROOT,
        code: r#"in_child(lambda: os.makedirs("m", exist_ok=True) or (call(165, 40, b"t", b"m", b"tmpfs", 0, 0), call(166, 39, b"m", 2)))"#,
    },
    Attack { name: "mount by descriptors", gets: NOT_BY_ROOT, code: r#"call(430, 430, b"tmpfs", 0)"# },
    Attack { name: "clone a mount", gets: NOT_BY_ROOT, code: r#"call(428, 428, -100, b"/", 1)"# },
    Attack {
        name: "unmount",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: F["level"] != "none" and (call(166, 39, b"/tmp", 2) or "unmounted"))"#,
    },
    Attack {
        name: "make a mount writable",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: F["level"] != "none" and (call(442, 442, -100, b"/usr", 0, struct.pack("4Q", 0, 1, 0, 0), 32) or "made"))"#,
    },
    Attack { name: "change the root", gets: NOT_BY_ROOT, code: r#"in_child(lambda: os.chroot(".") or "changed")"# },
    Attack {
        name: "swap the root",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: F["level"] != "none" and call(155, 41, b".", b".") == 0)"#,
    },
    Attack {
        name: "a system call of the x32 interface",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(0x40000000 | 39, None))"#,
    },
    Attack {
        name: "a namespace by the x32 interface",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(0x40000000 | 272, None, 0x10000000) or "made")"#,
    },
    Attack {
        name: "a system call of the 32-bit interface",
        gets: NOT_ANYWHERE,
        code: r#"
import mmap
def old():
    if _arm: raise OSError(errno.ENOSYS, "not on this machine")
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
    where = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return ctypes.CFUNCTYPE(ctypes.c_int)(where)()
in_child(old)
"#,
    },
    Attack { name: "io_uring", gets: NOT_ANYWHERE, code: r#"call(425, 425, 4, ctypes.create_string_buffer(120))"# },
    Attack {
        name: "programs for the kernel (bpf)",
        gets: NOT_ANYWHERE,
        code: r#"call(321, 280, 0, struct.pack("IIIII", 2, 4, 8, 1, 0) + bytes(100), 120)"#,
    },
    Attack {
        name: "performance counters",
        gets: NOT_ANYWHERE,
        code: r#"call(298, 241, struct.pack("IIQQ", 1, 112, 0, 0) + bytes(88), 0, -1, -1, 0)"#,
    },
    Attack { name: "userfaultfd", gets: NOT_ANYWHERE, code: r#"call(323, 282, 1)"# },
    Attack { name: "the kernel's keyring: read it", gets: NOT_ANYWHERE, code: r#"call(250, 219, 0, -3, 1) > 0"# },
    Attack {
        name: "the kernel's keyring: add a key",
        gets: NOT_ANYWHERE,
        code: r#"in_child(lambda: call(248, 217, b"user", b"left", b"x", 1, -2))"#,
    },
    Attack {
        name: "the kernel's messages",
        gets: NOT_ANYWHERE,
        code: r#"call(103, 116, 3, ctypes.create_string_buffer(100), 100)"#,
    },
    Attack {
        name: "the name of the machine: change it",
        gets: NOT_ANYWHERE,
        code: r#"F["level"] != "none" and (socket.sethostname("evil") or "changed")"#,
    },
    Attack {
        name: "type on the user's terminal",
        gets: NOT_ANYWHERE,
        code: r#"
import pty, termios
a, b = pty.openpty()
call(16, 29, b, 0x5412 | 1 << 32, b"x") or "typed"
"#,
    },
    Attack {
        name: "a setting of the kernel",
        gets: NOT_BY_ROOT,
        code: r#"writable(["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/randomize_va_space", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/sys/net/ipv4/ip_forward"])"#,
    },
    Attack {
        name: "a setting in /sys",
        gets: NOT_BY_ROOT,
        code: r#"writable(glob.glob("/sys/devices/system/cpu/*/*") + glob.glob("/sys/devices/system/cpu/*/power/*") + glob.glob("/sys/kernel/*") + glob.glob("/sys/kernel/mm/*/*"))"#,
    },
    Attack {
        name: "a control group",
        gets: NOT_BY_ROOT,
        code: r#"writable(glob.glob("/sys/fs/cgroup/cgroup.procs") + glob.glob("/sys/fs/cgroup/*/cgroup.procs"))"#,
    },
    Attack { name: "be spared when memory runs out", gets: NOWHERE, code: r#"writable(["/proc/self/oom_score_adj"])"# },
    Attack {
        name: "raise a limit",
        gets: NOT_ANYWHERE,
        code: r#"
raised = []
for name in ("DATA", "AS", "CPU", "NPROC", "NOFILE", "FSIZE", "CORE", "MSGQUEUE"):
    limit = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(limit)[1]
    def up():
        try: resource.setrlimit(limit, (hard + 1 if hard >= 0 else -1,) * 2)
        except ValueError: return None  # that is how it tells of EPERM
        return "raised"
    if in_child(up): raised.append(name)
raised
"#,
    },
    Attack {
        name: "have memory dumped by the machine's crash handler",
        gets: NOT_ANYWHERE,
        code: r#"resource.getrlimit(resource.RLIMIT_CORE) != (1, 1)"#,
    },
    Attack {
        name: "see what the machine has mounted",
        gets: Gets { landlock: [Blocked; 2], ..EVERYWHERE },
        code: r#"slurp("/proc/self/mountinfo").count("\n")"#,
    },
];
