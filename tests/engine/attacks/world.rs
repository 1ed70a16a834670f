//! What lies and runs outside of the sandboxes, and is looked at after every attack. All of it is the test's own, and on
//! loopback.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

pub const SECRET: &str = "planted-5ec4e70123456789";

pub struct World {
    base: PathBuf,
    /// The number of the process makes names that the whole machine shares unique.
    pub name: String,
    home: Vec<String>,
    victim: Victim,
    keeper: Keeper,
    listeners: Listeners,
    _left_open: File,
}

impl World {
    pub fn new(base: &Path, python: &str) -> Self {
        let name = format!("engine-test-{}", std::process::id());
        for directory in ["home", "run"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        plant(&base.join("home"));
        fs::write(Path::new("/dev/shm").join(&name), SECRET).unwrap();
        let left_open = File::open(base.join("home/.ssh/id_rsa")).unwrap();
        rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
        Self {
            home: digest(&base.join("home")),
            victim: Victim::new(python),
            keeper: Keeper::new(python),
            listeners: Listeners::new(&base.join("run"), &name),
            base: base.to_owned(),
            name,
            _left_open: left_open,
        }
    }

    pub fn facts(&self) -> Value {
        json!({
            "home": self.base.join("home"),
            "run": self.base.join("run"),
            "engine": self.base.join("engine"),
            "tmp": std::env::temp_dir(),
            "engine_pid": std::process::id(),
            "victim": self.victim.process.id(),
            "address": self.victim.address,
            "segment": self.keeper.segment,
            "queue": self.keeper.queue,
            "shared": self.name,
            "abstract": self.name,
            "bomb": format!("{}-bomb", self.name),
            "tcp": self.listeners.tcp.local_addr().unwrap().port(),
            "udp": self.listeners.udp.local_addr().unwrap().port(),
        })
    }

    /// What has changed, which is put in order again.
    pub fn changes(&mut self) -> Option<String> {
        let home = self.base.join("home");
        let mut changes = self.listeners.heard();
        if digest(&home) != self.home {
            changes.push("files");
            empty(&home);
            plant(&home);
            self.home = digest(&home);
        }
        let left = std::env::temp_dir().join("left");
        if left.exists() {
            changes.push("a temporary file");
            fs::remove_file(left).unwrap();
        }
        if self.victim.has_changed() {
            changes.push("a process");
            self.victim = Victim::new(&self.victim.python);
        }
        (!changes.is_empty()).then(|| changes.join(", "))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(Path::new("/dev/shm").join(&self.name));
    }
}

fn plant(home: &Path) {
    for directory in [".ssh", "empty"] {
        fs::create_dir(home.join(directory)).unwrap();
    }
    for (name, mode) in [(".ssh/id_rsa", 0o600), (".bashrc", 0o644), ("notes", 0o644), ("program", 0o755)] {
        fs::write(home.join(name), format!("#!/bin/cat\n{SECRET}\n")).unwrap();
        fs::set_permissions(home.join(name), Permissions::from_mode(mode)).unwrap();
    }
    symlink("notes", home.join("link")).unwrap();
}

fn empty(home: &Path) {
    for entry in fs::read_dir(home).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// Everything about every file, but when it was read.
fn digest(directory: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        let content = if about.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let content = String::from_utf8_lossy(&content);
        let (mode, links, modified) = (about.mode(), about.nlink(), (about.mtime(), about.mtime_nsec()));
        let owner = (about.uid(), about.gid());
        all.push(format!("{path:?} {mode:o} {links} {modified:?} {owner:?} {content:?}"));
        if about.is_dir() {
            all.extend(digest(&path));
        }
    }
    all.sort();
    all
}

/// A process that has nothing to do with the engine.
struct Victim {
    python: String,
    process: Child,
    /// Of something in its memory.
    address: u64,
    state: String,
}

impl Victim {
    fn new(python: &str) -> Self {
        let code = "import ctypes, sys\nkept = ctypes.create_string_buffer(8)\nprint(ctypes.addressof(kept), flush=True)\nsys.stdin.read()";
        let (process, said) = start(python, code);
        let mut victim = Self { python: python.to_owned(), process, address: said[0], state: String::new() };
        victim.state = victim.look();
        victim
    }

    fn look(&self) -> String {
        let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.process.id())).unwrap_or_default();
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let is_well = matches!(fields.first(), Some(&("S" | "R" | "D")));
        let processors = read("status").lines().filter(|line| line.starts_with("Cpus_allowed:")).collect::<String>();
        let (nice, scheduling) = (fields.get(16), fields.get(38));
        format!("{is_well} {nice:?} {scheduling:?} {processors} {}", read("limits"))
    }

    fn has_changed(&self) -> bool {
        self.look() != self.state
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Holds what the machine would keep otherwise: it is gone when the program that made it ends.
struct Keeper {
    process: Child,
    segment: u64,
    queue: u64,
}

impl Keeper {
    fn new(python: &str) -> Self {
        let code = format!(
            "import ctypes, sys\nlibrary = ctypes.CDLL(None)\nlibrary.shmat.restype = ctypes.c_void_p\n\
             segment = library.shmget(0, 4096, 0o1600)\n\
             ctypes.memmove(library.shmat(segment, None, 0), b'{SECRET}', {})\n\
             library.shmctl(segment, 0, None)\nqueue = library.msgget(0, 0o1600)\n\
             for _ in range(9): library.msgsnd(queue, (1).to_bytes(8, sys.byteorder) + b'{SECRET}', {}, 0)\n\
             print(segment, queue, flush=True)\nsys.stdin.read()\nlibrary.msgctl(queue, 0, None)",
            SECRET.len(),
            SECRET.len()
        );
        let (process, said) = start(python, &code);
        Self { process, segment: said[0], queue: said[1] }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// A Python process that says some numbers, and ends with its standard input.
fn start(python: &str, code: &str) -> (Child, Vec<u64>) {
    let mut process = Command::new(python)
        .args(["-I", "-c", code])
        .env("SECRET", SECRET)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
    (process, said.split_whitespace().map(|number| number.parse().unwrap()).collect())
}

struct Listeners {
    tcp: TcpListener,
    udp: UdpSocket,
    streams: [UnixListener; 2],
    datagrams: [UnixDatagram; 2],
}

impl Listeners {
    fn new(run: &Path, name: &str) -> Self {
        let named = |name: &str| SocketAddr::from_abstract_name(name).unwrap();
        let listeners = Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            streams: [
                UnixListener::bind(run.join("agent.sock")).unwrap(),
                UnixListener::bind_addr(&named(name)).unwrap(),
            ],
            datagrams: [
                UnixDatagram::bind(run.join("log.sock")).unwrap(),
                UnixDatagram::bind_addr(&named(&format!("{name}-log"))).unwrap(),
            ],
        };
        listeners.tcp.set_nonblocking(true).unwrap();
        listeners.udp.set_nonblocking(true).unwrap();
        listeners.streams.iter().for_each(|listener| listener.set_nonblocking(true).unwrap());
        listeners.datagrams.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        listeners
    }

    /// What arrived since the last look.
    fn heard(&self) -> Vec<&'static str> {
        let mut heard = Vec::new();
        while self.tcp.accept().is_ok() {
            heard.push("TCP");
        }
        let mut buffer = [0; 64];
        while self.udp.recv(&mut buffer).is_ok() {
            heard.push("UDP");
        }
        while self.streams.iter().any(|listener| listener.accept().is_ok()) {
            heard.push("a unix connection");
        }
        while self.datagrams.iter().any(|socket| socket.recv(&mut buffer).is_ok()) {
            heard.push("a unix datagram");
        }
        heard
    }
}
