//! What has to go on working inside, at every level, as the superuser and as an ordinary user.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::peer::*;
use super::attack::{Blocked, EVERYWHERE, Gets, Open, PRELUDE};
use super::{USER, in_another_process, is_root};
use code_interpreter::{Network, Policy};
use serde_json::{Value, json};

/// The last expression of each is true where it works.
struct Need {
    name: &'static str,
    code: &'static str,
    works: Gets,
}

const NOT_WITHOUT_NAMESPACES: Gets = Gets { landlock: [Blocked; 2], ..EVERYWHERE };

/// Without a root of its own, the path of a sandbox's temporary files is too long for the address of a socket.
const NAMED_SOCKETS: Gets = Gets { none: [Blocked; 2], ..NOT_WITHOUT_NAMESPACES };

const NEEDS: &[Need] = &[
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

#[test]
fn needs_of_the_superuser() {
    if is_root() {
        in_another_process("attacks::inside::host_with_needs", None);
    }
}

#[test]
fn needs_of_an_ordinary_user() {
    in_another_process("attacks::inside::host_with_needs", is_root().then_some(USER));
}

/// Runs in a child of the tests above.
#[test]
fn host_with_needs() {
    let Ok(base) = std::env::var("ENGINE_TEST_WORLD") else {
        return;
    };
    let base = Path::new(&base);
    let python = std::env::var("ENGINE_TEST_PYTHON").unwrap();
    let mut wrong = Vec::new();
    for (level, make) in levels() {
        let facts = share(&base.join("shares").join(level), level);
        let at = |name: &str| facts[name].as_str().unwrap().to_owned();
        let policy = Policy::new().file_size(32 << 20).share_read(at("read")).share_read(at("file"));
        let policy = policy.share_read(at("link")).share_write(at("write"));
        // The interpreter of a virtual environment, in a directory that nobody shares.
        let venv = base.join(format!("venv-{level}"));
        let made = Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&venv).output().unwrap();
        let python = if made.status.success() { venv.join("bin/python") } else { python.clone().into() };
        let peer = Peer::with(|builder| {
            let builder = make(builder.python(python).directory(base.join("engine")));
            if level == "none" { builder } else { builder.policy(policy) }
        });
        let sandbox = peer.create();
        for need in NEEDS {
            let facts = Value::String(facts.to_string());
            let code = format!("{PRELUDE}\nimport json\nF = json.loads({facts})\n{}", need.code);
            let run = peer.run_with(&sandbox, json!({"code": code, "timeout": 40}));
            let works = run.text.as_deref() == Some("True");
            let expected = need.works.at(level, is_root()) == Open;
            let why = format!("{:?} {} {}", run.text, run.value, run.stderr.lines().last().unwrap_or_default());
            println!(
                "{level:<10} {:<60} {}",
                need.name,
                if works { "works".to_owned() } else { format!("FAILS {why}") }
            );
            if works != expected {
                wrong.push(format!("{level}, {}: expected {expected}: {why} {}", need.name, run.traceback));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Makes what the policy shares, and tells where it is.
fn share(base: &Path, level: &str) -> Value {
    for directory in ["read", "write", "files"] {
        fs::create_dir_all(base.join(directory)).unwrap();
    }
    fs::write(base.join("read/shared_module.py"), "x = 42").unwrap();
    fs::write(base.join("files/one file\nwith a line end"), "one").unwrap();
    fs::write(base.join("files/beside"), "secret").unwrap();
    std::os::unix::fs::symlink("read", base.join("link")).unwrap();
    json!({
        "level": level,
        "read": base.join("read"),
        "write": base.join("write"),
        "file": base.join("files/one file\nwith a line end"),
        "link": base.join("link"),
        "has_certificates": Path::new("/etc/ssl/certs/ca-certificates.crt").exists(),
        "has_zones": Path::new("/usr/share/zoneinfo/Europe/Paris").exists(),
    })
}

/// What one sandbox puts in the place of a shared path is not shared with the next one.
#[test]
fn a_share_within_a_share_leads_nowhere_else() {
    for (level, make) in levels().filter(|(level, _)| *level != "none") {
        let scratch = Scratch::new();
        let at = |name: &str| scratch.0.join(name);
        fs::create_dir_all(at("write/inner")).unwrap();
        fs::create_dir_all(at("private")).unwrap();
        fs::write(at("private/key"), "secret").unwrap();
        let policy = Policy::new().share_read(at("write/inner")).share_write(at("write"));
        let peer = Peer::with(|builder| make(builder.policy(policy).warm(0)));
        let swap = format!(
            "import os\nos.chdir({:?})\nos.rename('inner', 'gone')\nos.symlink('../private', 'inner')",
            at("write")
        );
        assert!(peer.run(&peer.create(), &swap).error.is_none());
        for path in ["write/inner/key", "private/key"] {
            let run = peer.run(&peer.create(), &format!("open({:?}).read()", at(path)));
            assert!(run.error.is_some(), "{level} {path}: {run:?}");
        }
    }
}

/// It is the one thing that sharing to read gives beyond reading; see `Policy::share_read`.
#[test]
fn a_service_in_a_shared_directory() {
    for (level, make) in levels().filter(|(level, _)| *level != "none") {
        let scratch = Scratch::new();
        let path = scratch.0.join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let peer = Peer::with(|builder| make(builder.policy(Policy::new().share_read(&scratch.0)).warm(0)));
        let run = peer.run(&peer.create(), &format!("import socket\nsocket.socket(socket.AF_UNIX).connect({path:?})"));
        assert_eq!(run.error.is_none(), level == "namespaces", "{run:?}");
    }
}

/// With the machine's network, everything else stays as it is.
#[test]
fn a_network_opens_nothing_else() {
    for (level, make) in levels().filter(|(level, _)| *level != "none") {
        let policy = Policy::new().network(Network::On).allow_local_network();
        let peer = Peer::with(|builder| make(builder.policy(policy)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let code = format!(
            "import socket\nfound = [socket.create_connection(('127.0.0.1', {}), 2) and 'tcp']\n\
             for family, kind in ((socket.AF_UNIX, 1), (socket.AF_UNIX, 2), (socket.AF_NETLINK, 3), (40, 1), (17, 3), (socket.AF_INET, 3)):\n    \
             try: found.append(socket.socket(family, kind).family)\n    except OSError: pass\n\
             try: found.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))\nexcept OSError: pass\nfound",
            listener.local_addr().unwrap().port()
        );
        assert_eq!(peer.text(&peer.create(), &code), "['tcp']", "{level}");
    }
}

/// `ENGINE_TEST_MATPLOTLIB` is the Python of an environment that has matplotlib, pandas and numpy.
#[test]
fn libraries_that_people_use() {
    let Ok(python) = std::env::var("ENGINE_TEST_MATPLOTLIB") else {
        return;
    };
    for (level, make) in levels() {
        let peer = Peer::with(|builder| make(builder.python(&python)));
        let sandbox = peer.create();
        let code = "import numpy, pandas, matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n\
                    pandas.DataFrame({'a': numpy.linalg.inv(numpy.eye(200)).sum(0)}).sum().a";
        let run = peer.run(&sandbox, code);
        assert_eq!(run.text.as_deref(), Some("np.float64(200.0)"), "{level}: {run:?}");
        assert!(run.events.iter().any(|event| event["png"].is_string()), "{level}");
    }
}
