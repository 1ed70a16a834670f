//! What people expect of Python, and where they get it.

use super::attack::{Blocked, EVERYWHERE, Gets, Open};

/// The last expression of each is true where it works.
pub struct Need {
    pub name: &'static str,
    pub code: &'static str,
    pub works: Gets,
}

const NOT_WITHOUT_NAMESPACES: Gets = Gets { landlock: [Blocked; 2], ..EVERYWHERE };

/// Without a root of its own, the path of a sandbox's temporary files is too long for the address of a socket.
const NAMED_SOCKETS: Gets = Gets { none: [Blocked; 2], ..NOT_WITHOUT_NAMESPACES };

pub const NEEDS: &[Need] = &[
    Need {
        name: "threads",
        works: EVERYWHERE,
        code: r#"
found = []
threads = [threading.Thread(target=found.append, args=(n,)) for n in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
len(found) == 20
"#,
    },
    Need {
        name: "programs and pipes",
        works: EVERYWHERE,
        code: r#"subprocess.run("echo hello | tr h j; exit 3", shell=True, capture_output=True, text=True).stdout == "jello\n""#,
    },
    Need { name: "fork", works: EVERYWHERE, code: r#"in_child(lambda: 42) == "42""# },
    Need {
        name: "multiprocessing: Process and Pipe, by fork",
        works: EVERYWHERE,
        code: r#"
import multiprocessing
c = multiprocessing.get_context("fork")
a, b = c.Pipe()
p = c.Process(target=b.send, args=(42,)); p.start(); p.join(10)
a.recv() == 42
"#,
    },
    Need {
        name: "multiprocessing: Process, by spawn",
        works: EVERYWHERE,
        code: r#"
import multiprocessing
c = multiprocessing.get_context("spawn")
a, b = c.Pipe()
p = c.Process(target=b.send, args=(42,)); p.start(); p.join(20)
a.recv() == 42
"#,
    },
    // The sandbox's own /dev/shm, or sockets with names.
    Need {
        name: "multiprocessing: Lock",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
import multiprocessing
with multiprocessing.Lock(): found = True
found
"#,
    },
    Need {
        name: "multiprocessing: Pool, by fork",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool: found = pool.map(abs, [-1, -2])
found == [1, 2]
"#,
    },
    Need {
        name: "multiprocessing: Process, by forkserver",
        works: NAMED_SOCKETS,
        code: r#"
import multiprocessing
c = multiprocessing.get_context("forkserver")
a, b = c.Pipe()
p = c.Process(target=b.send, args=(42,)); p.start(); p.join(20)
a.recv() == 42
"#,
    },
    Need {
        name: "multiprocessing: Manager",
        works: NAMED_SOCKETS,
        code: r#"
import multiprocessing
with multiprocessing.get_context("fork").Manager() as manager:
    shared = manager.dict(a=1)
    found = dict(shared)
found == {"a": 1}
"#,
    },
    Need {
        name: "multiprocessing: shared_memory",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
from multiprocessing import shared_memory
s = shared_memory.SharedMemory(create=True, size=1 << 20)
s.buf[0] = 42
other = shared_memory.SharedMemory(s.name)
found = other.buf[0]
s.unlink()
found == 42
"#,
    },
    Need {
        name: "concurrent.futures: threads",
        works: EVERYWHERE,
        code: r#"
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(4) as pool: found = list(pool.map(abs, [-1, -2]))
found == [1, 2]
"#,
    },
    Need {
        name: "concurrent.futures: processes",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
import concurrent.futures, multiprocessing
with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool: found = list(pool.map(abs, [-1, -2]))
found == [1, 2]
"#,
    },
    Need {
        name: "memory shared with a forked process",
        works: EVERYWHERE,
        code: r#"
import mmap
shared = mmap.mmap(-1, 4096)
in_child(lambda: shared.write(b"x"))
shared[:1] == b"x"
"#,
    },
    Need {
        name: "sqlite on disk",
        works: EVERYWHERE,
        code: r#"
import sqlite3
with sqlite3.connect("data.db") as d:
    d.execute("pragma journal_mode=wal"); d.execute("create table if not exists t (x)"); d.execute("insert into t values (1)")
sqlite3.connect("data.db").execute("select x from t").fetchone() == (1,)
"#,
    },
    Need {
        name: "a large file",
        works: EVERYWHERE,
        code: r#"
with open("large", "wb") as file: file.write(bytes(30 << 20))
size = os.path.getsize("large"); os.unlink("large")
size == 30 << 20
"#,
    },
    Need {
        name: "files: rename, link, mode, times, attributes, locks",
        works: EVERYWHERE,
        code: r#"
os.makedirs("a/b", exist_ok=True)
with open("a/x", "w") as file: fcntl.flock(file, fcntl.LOCK_EX); fcntl.lockf(file, fcntl.LOCK_EX)
os.rename("a/x", "a/b/x"); os.link("a/b/x", "y"); os.symlink("y", "z"); os.chmod("y", 0o600); os.utime("y", (1, 1))
found = os.stat("z").st_mtime
[os.unlink(n) for n in ("a/b/x", "y", "z")]
found == 1
"#,
    },
    Need {
        name: "asyncio, with programs",
        works: EVERYWHERE,
        code: r#"
import asyncio
async def main():
    p = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
    return (await p.communicate())[0]
(await asyncio.wait_for(main(), 10)) == b"hi\n"
"#,
    },
    Need {
        name: "asyncio, with threads",
        works: EVERYWHERE,
        code: r#"
import asyncio
(await asyncio.to_thread(lambda: 42)) == 42
"#,
    },
    // On the sandbox's own loopback interface.
    Need {
        name: "asyncio, with a server",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
import asyncio
async def answer(reader, writer): writer.write(b"hi"); writer.close()
server = await asyncio.start_server(answer, "127.0.0.1", 0)
reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
(await reader.read()) == b"hi"
"#,
    },
    Need {
        name: "pairs of sockets",
        works: EVERYWHERE,
        code: r#"
a, b = socket.socketpair(); a.send(b"x")
b.recv(1) == b"x"
"#,
    },
    Need {
        name: "temporary files",
        works: EVERYWHERE,
        code: r#"
import tempfile
with tempfile.TemporaryDirectory() as d, tempfile.NamedTemporaryFile() as f, tempfile.TemporaryFile() as g: g.write(b"x")
d.startswith(os.environ["TMPDIR"])
"#,
    },
    Need {
        name: "temporary files of programs",
        works: EVERYWHERE,
        code: r#"subprocess.run('f=$(mktemp) && echo x > "$f" && rm "$f"', shell=True).returncode == 0"#,
    },
    Need { name: "/tmp", works: NOT_WITHOUT_NAMESPACES, code: r#"open("/tmp/x", "w").write("x") == 1"# },
    Need {
        name: "a terminal",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"
import pty
a, b = pty.openpty(); os.write(b, b"x")
os.isatty(b) and os.read(a, 1) == b"x"
"#,
    },
    Need {
        name: "certificates",
        works: EVERYWHERE,
        code: r#"
import ssl
paths = ssl.get_default_verify_paths()
# What the machine has is there.
ssl.create_default_context().cert_store_stats()["x509_ca"] > 0 or not F["has_certificates"]
"#,
    },
    Need {
        name: "locale and encodings",
        works: EVERYWHERE,
        code: r#"
import locale
locale.setlocale(locale.LC_ALL, "")
(locale.getpreferredencoding().lower(), sys.getfilesystemencoding()) == ("utf-8", "utf-8")
"#,
    },
    Need {
        name: "time zones",
        works: EVERYWHERE,
        code: r#"
import datetime, zoneinfo
not F["has_zones"] or datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")).utcoffset().total_seconds() == 7200
"#,
    },
    Need { name: "the local time", works: EVERYWHERE, code: r#"time.localtime().tm_year > 2000"# },
    // Without a namespace the user is that of the machine, who need not have a name.
    Need {
        name: "the user's name",
        works: Gets { none: [Open, Blocked], landlock: [Open, Blocked], namespaces: [Open; 2] },
        code: r#"
import getpass, pwd
pwd.getpwuid(os.getuid()).pw_name == getpass.getuser()
"#,
    },
    Need {
        name: "the home directory",
        works: EVERYWHERE,
        code: r#"
import pathlib
(pathlib.Path.home() / "x").write_text("x") == 1 and os.getcwd() == str(pathlib.Path.home()) == os.path.expanduser("~")
"#,
    },
    Need {
        name: "what a process reads about itself",
        works: EVERYWHERE,
        code: r#"
"VmRSS" in slurp("/proc/self/status") and os.listdir("/proc/self/fd") and slurp("/proc/self/maps") and slurp("/proc/meminfo") and slurp("/proc/cpuinfo") and os.cpu_count() > 0
"#,
    },
    Need {
        name: "what a program reads about itself",
        works: NOT_WITHOUT_NAMESPACES,
        code: r#"b"VmRSS" in subprocess.run(["cat", "/proc/self/status"], capture_output=True).stdout"#,
    },
    Need {
        name: "random numbers",
        works: EVERYWHERE,
        code: r#"
import secrets, uuid
len(secrets.token_bytes(8)) == len(open("/dev/urandom", "rb").read(8)) and uuid.uuid4() and uuid.uuid1() and True
"#,
    },
    Need {
        name: "signals, timers and limits of the own",
        works: EVERYWHERE,
        code: r#"
found = []
signal.signal(signal.SIGALRM, lambda *_: found.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.05)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[0],) * 2)
os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0))
p = subprocess.Popen(["sleep", "100"]); p.terminate(); p.wait() == -15 and found == [1]
"#,
    },
    Need {
        name: "compiled functions (ctypes, callbacks)",
        works: EVERYWHERE,
        code: r#"
ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(41) == 42
"#,
    },
    Need {
        name: "a program written and run",
        works: EVERYWHERE,
        code: r##"
with open("program", "w") as file: file.write("#!/bin/sh\necho ran\n")
os.chmod("program", 0o755)
subprocess.check_output(["./program"]) == b"ran\n"
"##,
    },
    Need {
        name: "a module of the own",
        works: EVERYWHERE,
        code: r#"
with open("mine.py", "w") as file: file.write("x = 42")
import importlib; importlib.invalidate_caches()
import mine
mine.x == 42
"#,
    },
    Need {
        name: "a module in a directory that is shared to read",
        works: EVERYWHERE,
        code: r#"
sys.path.insert(0, F["read"])
import shared_module
shared_module.x == 42
"#,
    },
    Need {
        name: "a directory that is shared to read, by a link",
        works: EVERYWHERE,
        code: r#"slurp(F["link"] + "/shared_module.py") == "x = 42""#,
    },
    Need { name: "one file that is shared to read", works: EVERYWHERE, code: r#"slurp(F["file"]) == "one""# },
    Need {
        name: "writing where that is shared",
        works: EVERYWHERE,
        code: r#"
with open(F["write"] + "/result", "w") as file: file.write("done")
os.replace(F["write"] + "/result", F["write"] + "/final"); os.mkdir(F["write"] + "/d"); os.rmdir(F["write"] + "/d")
slurp(F["write"] + "/final") == "done"
"#,
    },
    Need {
        name: "not writing what is shared to read",
        works: EVERYWHERE,
        code: r#"
left = []
for path in (F["read"] + "/new", F["read"] + "/shared_module.py", F["file"]):
    try: open(path, "a").write("x")
    except OSError as error: left.append(error.errno)
F["level"] == "none" or len(left) == 3
"#,
    },
    Need {
        name: "not changing the mode of what is shared to read",
        works: Gets { none: [Blocked; 2], landlock: [Blocked; 2], ..EVERYWHERE },
        code: r#"
try: os.chmod(F["file"], 0o600); found = False
except OSError: found = True
found
"#,
    },
    Need {
        name: "not seeing files beside one that is shared",
        works: EVERYWHERE,
        code: r#"
try: found = slurp(os.path.dirname(F["file"]) + "/beside")
except OSError: found = None
F["level"] == "none" or found is None
"#,
    },
];
