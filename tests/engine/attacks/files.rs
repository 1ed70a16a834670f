//! Files of the user's, and of the machine's. What is `F["home"]` is outside of every sandbox.

use super::attack::*;

pub const ATTACKS: &[Attack] = &[
    // First, before others have opened any.
    Attack {
        name: "use a descriptor that the program left open",
        gets: NOWHERE,
        code: r#"
found = []
for n in os.listdir("/proc/self/fd"):
    try: target = os.readlink(f"/proc/self/fd/{n}")
    except OSError: continue
    if F["home"] in target or (target.startswith("/") and not target.startswith(("/dev/", "/proc/", os.path.expanduser("~")))): found.append(target)
found
"#,
    },
    Attack { name: "read an ssh key", gets: NOWHERE, code: r#"slurp(F["home"] + "/.ssh/id_rsa")"# },
    Attack { name: "read a file of the home directory", gets: NOWHERE, code: r#"slurp(F["home"] + "/.bashrc")"# },
    Attack { name: "list the home directory", gets: NOWHERE, code: r#"os.listdir(F["home"])"# },
    Attack {
        name: "list a directory above the sandbox's",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir(os.path.dirname(F["engine"])) if n in ("home", "engine")]"#,
    },
    Attack {
        name: "list files beside the interpreter",
        gets: NOT_ANYWHERE,
        code: r#"
above = os.path.dirname(os.path.dirname(os.path.realpath(sys.base_prefix)))
[n for n in os.listdir(above) if above not in ("/", "/usr") and not sys.base_prefix.startswith(above + "/" + n)]
"#,
    },
    Attack {
        name: "read through a symbolic link",
        gets: NOWHERE,
        code: r#"
if os.path.lexists("link"): os.unlink("link")
os.symlink(F["home"] + "/.ssh", "link")
slurp("link/id_rsa")
"#,
    },
    Attack {
        name: "read through a chain of `..`",
        gets: NOWHERE,
        code: r#"slurp("/".join([".."] * 40) + F["home"] + "/.ssh/id_rsa")"#,
    },
    Attack {
        name: "read through a descriptor without rights",
        gets: NOWHERE,
        code: r#"
key = os.open(F["home"] + "/.ssh/id_rsa", os.O_PATH)
slurp(f"/proc/self/fd/{key}")
"#,
    },
    Attack {
        name: "read relative to a directory's descriptor",
        gets: NOWHERE,
        code: r#"
home = os.open(F["home"], os.O_PATH | os.O_DIRECTORY)
os.read(os.open(".ssh/id_rsa", os.O_RDONLY, dir_fd=home), 100)
"#,
    },
    Attack {
        name: "read as a mapping",
        gets: NOWHERE,
        code: r#"
import mmap
with open(F["home"] + "/.ssh/id_rsa") as file: found = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)[:]
found
"#,
    },
    Attack {
        name: "run a program of the home directory",
        gets: NOWHERE,
        code: r#"subprocess.check_output([F["home"] + "/program"])"#,
    },
    Attack {
        name: "run the loader on a program of the home directory",
        gets: NOWHERE,
        code: r#"
loader = glob.glob("/lib64/ld-linux*") + glob.glob("/lib/ld-linux*")
output = subprocess.run([loader[0], F["home"] + "/program"], capture_output=True) if loader else None
# The loader gets as far as to find that it is a script.
output and b"cannot open" not in output.stderr and output.stderr
"#,
    },
    Attack {
        name: "hard link into the sandbox",
        gets: NOWHERE,
        code: r#"os.link(F["home"] + "/.ssh/id_rsa", "stolen"); os.unlink("stolen"); "linked""#,
    },
    Attack {
        name: "hard link out of the sandbox",
        gets: NOWHERE,
        code: r#"
with open("mine", "w") as file: file.write("x")
os.link("mine", F["home"] + "/planted")
"#,
    },
    Attack { name: "move a file into the sandbox", gets: NOWHERE, code: r#"os.rename(F["home"] + "/notes", "notes")"# },
    Attack {
        name: "move a file out of the sandbox",
        gets: NOWHERE,
        code: r#"
with open("mine", "w") as file: file.write("x")
os.rename("mine", F["home"] + "/notes")
"#,
    },
    Attack {
        name: "swap a file with one outside",
        gets: NOWHERE,
        code: r#"
with open("mine", "w") as file: file.write("x")
call(316, 276, -100, b"mine", -100, (F["home"] + "/notes").encode(), 2)
"#,
    },
    Attack { name: "write a new file outside", gets: NOWHERE, code: r#"open(F["home"] + "/new", "w").write("x")"# },
    Attack { name: "write over a file outside", gets: NOWHERE, code: r#"open(F["home"] + "/notes", "r+").write("x")"# },
    Attack { name: "append to .bashrc", gets: NOWHERE, code: r#"open(F["home"] + "/.bashrc", "a").write("evil\n")"# },
    Attack { name: "truncate a file outside", gets: NOWHERE, code: r#"os.truncate(F["home"] + "/notes", 0)"# },
    Attack { name: "delete a file outside", gets: NOWHERE, code: r#"os.unlink(F["home"] + "/notes")"# },
    Attack { name: "delete a directory outside", gets: NOWHERE, code: r#"os.rmdir(F["home"] + "/empty")"# },
    Attack { name: "make a directory outside", gets: NOWHERE, code: r#"os.mkdir(F["home"] + "/new")"# },
    Attack { name: "make a symbolic link outside", gets: NOWHERE, code: r#"os.symlink("x", F["home"] + "/new")"# },
    Attack { name: "make a pipe outside", gets: NOWHERE, code: r#"os.mkfifo(F["home"] + "/new")"# },
    Attack {
        name: "leave a temporary file on the machine",
        gets: NOWHERE,
        code: r#"
path = F["tmp"] + "/left"
with open(path, "w") as file: file.write("x")
"#,
    },
    Attack {
        name: "change the mode of a file outside",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.chmod(F["home"] + "/notes", 0o604)"#,
    },
    Attack {
        name: "change the times of a file outside",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.utime(F["home"] + "/notes", (1, 1))"#,
    },
    Attack {
        name: "change the owner of a file outside",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.chown(F["home"] + "/notes", os.getuid(), os.getgid()); "to the same""#,
    },
    Attack {
        name: "set an attribute of a file outside",
        gets: NOWHERE,
        code: r#"os.setxattr(F["home"] + "/notes", "user.left", b"x"); "set""#,
    },
    Attack {
        name: "see size and times of a file outside",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.stat(F["home"] + "/.ssh/id_rsa").st_size"#,
    },
    Attack {
        name: "see whether a file outside exists",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.path.lexists(F["home"] + "/.ssh/id_rsa")"#,
    },
    Attack {
        name: "see where a symbolic link outside leads",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.readlink(F["home"] + "/link")"#,
    },
    Attack {
        name: "see how full a disk outside is",
        gets: WITHOUT_NAMESPACES,
        code: r#"os.statvfs(F["home"]).f_blocks"#,
    },
    Attack {
        name: "enter a directory outside",
        gets: WITHOUT_NAMESPACES,
        code: r#"in_child(lambda: os.chdir(F["home"]) or os.getcwd())"#,
    },
    Attack {
        name: "watch what the user does in a directory",
        gets: NOWHERE,
        code: r#"
def watch():
    watch = call(294, 26, 0o2000000)
    return call(254, 27, watch, F["home"].encode(), 0xfff)
in_child(watch)
"#,
    },
    Attack {
        name: "open a file by its handle",
        gets: NOT_ANYWHERE,
        code: r#"
handle = ctypes.create_string_buffer(struct.pack("Ii", 64, 0), 72)
mount = ctypes.c_int()
call(303, 264, -100, (F["home"] + "/notes").encode(), handle, ctypes.byref(mount), 0)
call(304, 265, -100, handle, 0)
"#,
    },
    Attack { name: "read the machine's password hashes", gets: NOT_BY_ROOT, code: r#"slurp("/etc/shadow")"# },
    Attack {
        name: "list the machine's settings",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir("/etc") if n in ("fstab", "hostname", "init.d", "pam.d", "machine-id", "security")]"#,
    },
    Attack { name: "read logs", gets: NOWHERE, code: r#"os.listdir("/var/log")"# },
    Attack { name: "list sockets and locks of services", gets: NOWHERE, code: r#"os.listdir("/run")"# },
    Attack {
        name: "find a secret in any file that can be read",
        gets: NOWHERE,
        code: r#"
found, until = None, time.monotonic() + 5
for root in (F["home"], F["tmp"], "/home", "/root", "/tmp", "/var", "/run", "/etc", "/opt", "/srv", "/mnt", "/dev/shm"):
    for directory, _, names in os.walk(root):
        for name in names:
            try:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and os.stat(path).st_size < 1000 and re.search("planted-[0-9a-f]{16}", slurp(path)): found = path
            except OSError: pass
        if found or time.monotonic() > until: break
found
"#,
    },
    Attack {
        name: "list devices",
        gets: NOWHERE,
        code: r#"[n for n in os.listdir("/dev") if n in ("mem", "kmsg", "tty", "ptmx", "console", "cpu", "tty0")  and n != "ptmx"]"#,
    },
    Attack {
        name: "open a disk or the kernel's log",
        gets: NOT_ANYWHERE,
        code: r#"
found = []
for name in ("/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmsg", "/dev/port"):
    try: found.append(os.open(name, os.O_RDONLY | os.O_NONBLOCK))
    except OSError: pass
[os.close(f) for f in found]
found
"#,
    },
    Attack {
        name: "make a device",
        gets: NOT_BY_ROOT,
        code: r#"
import stat
os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(1, 0)); os.unlink("disk"); "made"
"#,
    },
];
