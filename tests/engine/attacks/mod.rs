//! Attacks, by real code in real sandboxes, at every level of confinement, as the superuser and as an ordinary user.
//!
//! The attacks are data, and so are the places where one is open; `docs/confinement.md` has the same table. They run in a
//! child of the test, which has another user, home directory and environment, in a world of its own (`world`).
#![cfg(target_os = "linux")]

mod attack;
mod door;
mod files;
mod inside;
mod kernel_and_rights;
mod lasting;
mod limits;
mod needs;
mod neighbours;
mod network;
mod processes;
mod secrets;
mod table;
mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::peer::*;
use attack::{Attack, Outcome, PRELUDE};
use code_interpreter::Policy;
use serde_json::{Value, json};
use world::{SECRET, World};

/// By topic.
const ATTACKS: [(&str, &[Attack]); 7] = [
    ("Files", files::ATTACKS),
    ("Processes", processes::ATTACKS),
    ("Network and sockets", network::ATTACKS),
    ("Rights and the kernel", kernel_and_rights::ATTACKS),
    ("Secrets and shared memory", secrets::ATTACKS),
    ("Other sandboxes", neighbours::ATTACKS),
    ("Using up the machine", limits::ATTACKS),
];

/// A user that nobody else is.
const USER: u32 = 54_321;
/// Interpreters that an ordinary user can read as well.
const PYTHONS: [&str; 3] = ["/usr/bin/python3", "/usr/local/bin/python3", "/bin/python3"];

#[test]
fn attacks_of_the_superuser() {
    if is_root() {
        in_another_process("attacks::host_under_attack", None);
    }
}

#[test]
fn attacks_of_an_ordinary_user() {
    in_another_process("attacks::host_under_attack", is_root().then_some(USER));
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs one of the tests here as another user, who owns its directories.
pub fn in_another_process(test: &str, user: Option<u32>) {
    let scratch = Scratch::new();
    let python = PYTHONS.into_iter().find(|path| Path::new(path).exists());
    let python = python.expect("a Python that every user can run, such as /usr/bin/python3");
    // What cargo built may lie where others cannot go.
    let program = scratch.0.join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    for (variable, directory) in [("HOME", "home"), ("TMPDIR", "tmp"), ("ENGINE_TEST_WORLD", "")] {
        let path = scratch.0.join(directory);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        chown(&path, user, user).unwrap();
        command.env(variable, path);
    }
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
        .args(["--exact", test, "--nocapture"])
        .env("ENGINE_TEST_PYTHON", python)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("MY_SECRET", SECRET)
        .current_dir(&scratch.0);
    let output = loop {
        match command.output() {
            // A process that another thread just forked has it open for writing, until its exec.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            output => break output.unwrap(),
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{test} is not there");
}

/// Runs in a child of the tests above.
#[test]
fn host_under_attack() {
    let Ok(base) = std::env::var("ENGINE_TEST_WORLD") else {
        return;
    };
    let python = std::env::var("ENGINE_TEST_PYTHON").unwrap();
    let base = Path::new(&base);
    let mut world = World::new(base, &python);
    let mut wrong = Vec::new();
    // Unconfined as well: what does nothing there is no attack.
    for (level, make) in levels() {
        let field = Field::new(base, &python, &world, (level, make));
        for (_, attacks) in ATTACKS {
            for attack in attacks {
                let expected = attack.gets.at(level, is_root());
                let seen = field.run(attack, expected, &mut world);
                let user = if is_root() { "root" } else { "user" };
                println!("{level:<10} {user} {:<60} {seen}", attack.name);
                if !seen.is(expected) {
                    wrong.push(format!("{level}, {user}, {}: expected {expected:?}, seen {seen}", attack.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// An engine with a sandbox to attack from, and one beside it.
struct Field {
    peer: Peer,
    sandbox: String,
    facts: Value,
}

impl Field {
    fn new(base: &Path, python: &str, world: &World, (level, make): (&str, Change)) -> Self {
        let policy = Policy::new().memory(512 << 20).processes(64).open_files(256).file_size(32 << 20);
        let key = format!("engine-test-key.{:08x}", std::process::id());
        let peer = Peer::with(|builder| {
            let builder = make(builder.python(python).api_key(key).directory(base.join("engine")));
            if level == "none" { builder } else { builder.policy(policy) }
        });
        let (sandbox, neighbour) = (peer.create(), peer.create());
        assert_eq!(peer.get(&format!("/sandboxes/{sandbox}")).1["confinement"], level);
        let (_, context) = peer.post(&format!("/sandboxes/{sandbox}/contexts"), json!({}));
        let context = json!({"code": "import os; os.getpid()", "context_id": context["id"]});
        let context: u32 = peer.run_with(&sandbox, context).text.unwrap().parse().unwrap();
        let directory =
            fs::read_dir(base.join("engine")).unwrap().map(Result::unwrap).map(|entry| entry.path().join(&neighbour));
        let directory = directory.into_iter().find(|path| path.exists()).unwrap();
        let port: u16 = peer.text(&neighbour, &NEIGHBOUR.replace("NAME", &world.name)).parse().unwrap();
        let marker = format!("CODE_INTERPRETER_SANDBOX={neighbour}");
        let facts = json!({
            "level": level,
            "namespaces": level == "namespaces",
            "engine_port": peer.engine.url().rsplit(':').next().unwrap().parse::<u16>().unwrap(),
            "context": context,
            "neighbour": directory,
            "neighbour_id": neighbour,
            "neighbour_port": port,
            "neighbours": processes_with(&marker),
        });
        Self { peer, sandbox, facts }
    }

    fn run(&self, attack: &Attack, expected: Outcome, world: &mut World) -> Seen {
        let mut facts = world.facts();
        facts.as_object_mut().unwrap().extend(self.facts.as_object().unwrap().clone());
        let facts = Value::String(facts.to_string());
        let code = format!("{PRELUDE}\nimport json\nF = json.loads({facts})\n{}", attack.code);
        // A process of its own, in which no attack before it has left what it got.
        let contexts = format!("/sandboxes/{}/contexts", self.sandbox);
        let context = self.peer.post(&contexts, json!({})).1["id"].as_str().unwrap().to_owned();
        let body = json!({"code": code, "timeout": 30, "context_id": context});
        let run = self.peer.run_with(&self.sandbox, body);
        self.peer.delete(&format!("{contexts}/{context}"));
        let got = run.text.as_deref().filter(|text| !NOTHING.contains(text));
        let mut changes = world.changes();
        // A signal may take a moment.
        let start = Instant::now();
        while changes.is_none() && run.error.is_none() && got.is_none() && start.elapsed() < patience(expected) {
            std::thread::sleep(Duration::from_millis(5));
            changes = world.changes();
        }
        match (changes, run.error.as_deref()) {
            (Some(changes), _) => Seen::Open(format!("changed {changes}")),
            (None, Some(error)) if ERRORS.contains(&error) => Seen::Blocked(format!("{error}: {}", run.value)),
            (None, Some(error)) => Seen::Broken(format!("{error}: {} {}", run.value, run.traceback)),
            (None, None) => got.map_or(Seen::Blocked("nothing".to_owned()), |got| Seen::Open(got.to_owned())),
        }
    }
}

fn patience(expected: Outcome) -> Duration {
    Duration::from_millis(if expected == Outcome::Open { 1000 } else { 10 })
}

/// Leaves traces in another sandbox, and tells its port.
const NEIGHBOUR: &str = r#"
import os, socket, subprocess, tempfile
for path in ("secret", os.environ["TMPDIR"] + "/secret"):
    with open(path, "w") as file: file.write("secret")
tempfile.NamedTemporaryFile(suffix="neighbour-secret", delete=False)
process = subprocess.Popen(["sleep", "1000"])
port = 1
try:
    listeners = [socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket()]
    for listener, at in zip(listeners, ("socket", "\0neighbour-NAME", ("127.0.0.1", 0))):
        listener.bind(at)
        listener.listen()
    port = listeners[2].getsockname()[1]
except OSError: pass
port
"#;

/// What an attack ends with when something stops it.
const ERRORS: [&str; 14] = [
    "OSError",
    "PermissionError",
    "FileNotFoundError",
    "ProcessLookupError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "BlockingIOError",
    "NotADirectoryError",
    "TimeoutError",
    "gaierror",
    "CalledProcessError",
    // These are of the look at the whole sandbox.
    "TooManyProcesses",
    "OutOfMemory",
    "KernelDied",
];
/// What stands for having got nothing.
const NOTHING: [&str; 8] = ["None", "False", "0", "", "[]", "()", "b''", "{}"];

/// What came of an attack.
enum Seen {
    Open(String),
    Blocked(String),
    /// The attack itself failed.
    Broken(String),
}

impl Seen {
    fn is(&self, expected: Outcome) -> bool {
        match self {
            Self::Open(_) => expected != Outcome::Blocked,
            Self::Blocked(_) => expected != Outcome::Open,
            Self::Broken(_) => false,
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (state, why) = match self {
            Self::Open(what) => ("OPEN", what),
            Self::Blocked(why) => ("blocked", why),
            Self::Broken(why) => ("BROKEN", why),
        };
        write!(f, "{state:<8} {}", why.chars().take(400).collect::<String>().replace('\n', " "))
    }
}

/// The processes that have this variable in their environment.
fn processes_with(variable: &str) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_it = |number: &u32| {
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == variable.as_bytes())
    };
    numbers.filter(has_it).collect()
}
