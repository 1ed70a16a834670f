//! Attacks that go on: on what comes after them, and on other contexts and sandboxes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::peer::*;
use super::{USER, in_another_process, is_root, processes_with};
use code_interpreter::Policy;
use serde_json::json;

#[test]
fn lasting_attacks_of_the_superuser() {
    if is_root() {
        in_another_process("attacks::lasting::host_under_lasting_attacks", None);
    }
}

#[test]
fn lasting_attacks_of_an_ordinary_user() {
    in_another_process("attacks::lasting::host_under_lasting_attacks", is_root().then_some(USER));
}

/// Runs in a child of the tests above.
#[test]
fn host_under_lasting_attacks() {
    let Ok(base) = std::env::var("ENGINE_TEST_WORLD") else {
        return;
    };
    let python = std::env::var("ENGINE_TEST_PYTHON").unwrap();
    // As most programs have it.
    let limit = rustix::process::Rlimit { current: Some(1024), maximum: Some(1024) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    for (level, make) in levels().filter(|(level, _)| *level != "none") {
        println!("{level}");
        let policy = Policy::new().memory(512 << 20).cpu_time(Duration::from_secs(2));
        let root = Path::new(&base).join(level);
        let peer = Peer::with(|builder| make(builder.python(&python).policy(policy).directory(&root)));
        forged_events(&peer);
        everything_signalled(&peer);
        descriptors_in_flight(&peer);
        processor_time(&peer);
        escaping_the_kill(&peer);
        what_is_hard_to_remove(&peer, &root);
        modes_of_directories_above(&peer);
        peer.engine.stop().unwrap();
        assert_eq!(entries(&root), Vec::<String>::new(), "{level}");
    }
}

const FIND_SOCKETS: &str = "
import json, os, stat, socket, threading, time
def sockets():
    for n in os.listdir('/proc/self/fd'):
        try:
            if stat.S_ISSOCK(os.fstat(int(n)).st_mode): yield int(n)
        except OSError: pass
";

/// Code writes to the engine what the driver writes, and reads what is for the driver.
fn forged_events(peer: &Peer) {
    let (sandbox, other) = (peer.create(), peer.create());
    assert_eq!(peer.text(&sandbox, &format!("{FIND_SOCKETS}len(list(sockets()))")), "1");
    for forged in [
        r#"[json.dumps({"event": "done", "run": n}) for n in range(30)]"#,
        r#"[json.dumps({"event": "result", "run": n, "ack": 1 << 62, "main": True, "data": {"text/plain": "forged"}}) for n in range(30)]"#,
        r#"[json.dumps({"event": "error", "run": n, "ack": -1, "name": "Forged", "value": "", "traceback": ""}) for n in range(30)]"#,
        r#"[json.dumps({"event": "started", "run": 2**63, "count": 2**64 - 1}), json.dumps({"event": "ready", "failure": "x"})]"#,
        r#"[json.dumps({"event": "exit", "kernel": n, "status": 0}) for n in range(9)]"#,
        r#"["{", "[" * 100000, "null", '"x"', "\x00\xff", "{}", '{"event": {}}', '{"event": "done", "run": -1}', " " * 1000000]"#,
        r#"['{"event":"result","run":2,"main":true,"data":{"application/json":"' + "[" * 50000 + '"}}']"#,
    ] {
        let code =
            format!("{FIND_SOCKETS}for s in sockets(): os.write(s, ('\\n'.join({forged}) + '\\n').encode())\n'real'");
        peer.run(&sandbox, &code);
        let run = peer.run(&sandbox, "print('a'); 6 * 7");
        assert_eq!((run.text.as_deref(), run.stdout.contains("a\n")), (Some("42"), true), "{forged}: {run:?}");
        assert_eq!(peer.text(&other, "6 * 7"), "42");
    }
    // Half a line, what is for the driver, and descriptors that nobody asked for.
    for code in [
        "os.write(s, b'{\"event\": ')",
        "threading.Thread(target=lambda: os.read(s, 1 << 20), daemon=True).start(); time.sleep(0.05)",
        "socket.send_fds(socket.socket(fileno=os.dup(s)), [b'\\n' * 9], [0, 1, 2] * 20)",
        "os.close(s)",
        "socket.socket(fileno=os.dup(s)).shutdown(socket.SHUT_RDWR)",
    ] {
        let start = Instant::now();
        let body = json!({"code": format!("{FIND_SOCKETS}for s in sockets(): {code}"), "timeout": 3});
        let _ = peer.start(&sandbox, body).count();
        // Code that is still there to read what is for the driver can lose its own context a run or two.
        let next =
            || Run::new(peer.start(&sandbox, json!({"code": "6 * 7", "timeout": 3})).map_while(Result::ok).collect());
        assert!((0..4).any(|_| next().text.as_deref() == Some("42")), "{code}");
        assert!(start.elapsed() < Duration::from_secs(30), "{code}");
        assert_eq!(peer.text(&other, "6 * 7"), "42");
    }
}

/// A context that kills all that it can kills itself at most: not its supervisor, other contexts or other sandboxes.
fn everything_signalled(peer: &Peer) {
    let (sandbox, other) = (peer.create(), peer.create());
    let (_, context) = peer.post(&format!("/sandboxes/{sandbox}/contexts"), json!({}));
    let inside = |code: &str| peer.run_with(&sandbox, json!({"code": code, "context_id": context["id"]}));
    inside("kept = 1");
    peer.run(&other, "kept = 2");
    // Only after the attack that asks which processes could be reached has found none.
    let reachable = peer.text(
        &sandbox,
        "import os\ndef can(pid):\n    try: os.kill(pid, 0)\n    except OSError: return False\n    return pid != os.getpid()\n\
         sum(can(pid) for pid in range(1, os.getpid() + 3000))",
    );
    assert_eq!(reachable, "0");
    for signal in ["SIGTERM", "SIGSTOP", "SIGKILL"] {
        let code = format!("import os, signal\ntry: os.kill(-1, signal.{signal})\nexcept OSError: pass");
        let _ = peer.start(&sandbox, json!({"code": code, "timeout": 3})).count();
        assert_eq!(inside("kept").text.as_deref(), Some("1"), "{signal}");
        assert_eq!(peer.text(&other, "kept"), "2", "{signal}");
    }
    assert_eq!(peer.text(&sandbox, "6 * 7"), "42");
}

/// The operating system counts descriptors on their way between processes for each user, not for each sandbox.
fn descriptors_in_flight(peer: &Peer) {
    let (sandbox, other) = (peer.create(), peer.create());
    let code = "import socket\npairs = []\ntry:\n    while len(pairs) < 40:\n        pairs.append(socket.socketpair())\n        \
                pairs[-1][0].setblocking(False)\n        for _ in range(8): socket.send_fds(pairs[-1][0], [b'x'], [0] * 250)\n\
                except OSError as error: print(error)";
    let run = peer.run(&sandbox, code);
    assert!(run.stdout.contains("Too many references") || is_root(), "{run:?}");
    let (status, context) = peer.post(&format!("/sandboxes/{other}/contexts"), json!({}));
    assert_eq!(status, 200, "{context}");
    assert_eq!(peer.delete(&format!("/sandboxes/{sandbox}")).0, 204);
}

/// Over its time a process ends, whatever it does about the signal that says so.
fn processor_time(peer: &Peer) {
    let sandbox = peer.create();
    let start = Instant::now();
    let run = peer.run(&sandbox, "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass");
    assert_eq!(run.error(), "CpuTimeExceeded", "{run:?}");
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert_eq!(peer.text(&sandbox, "6 * 7"), "42");
}

/// Processes that try to be missed by the one that ends the sandbox. They end by themselves after a while.
fn escaping_the_kill(peer: &Peer) {
    let sandbox = peer.create();
    let mark = format!("escape-{}-{}", std::process::id(), sandbox);
    let code = format!(
        r#"
import ctypes, os, signal, subprocess, sys, time
mark, until = "{mark}", time.time() + 20
library = ctypes.CDLL(None)
def daemon(body):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in range(3): os.close(fd)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
            body()
        os._exit(0)
def sleeps():
    # Nothing in its environment tells where it comes from.
    os.execve(sys.executable, ["python", "-c", "import time; time.sleep(20)", mark], {{}})
def runs_away():
    # Never the same process for long.
    while time.time() < until:
        if os.fork(): os._exit(0)
        time.sleep(0.001)
def adopts():
    library.prctl(36, 1, 0, 0, 0)
    library.prctl(4, 0, 0, 0, 0)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: sleeps()
        os._exit(0)
    time.sleep(20)
for body in (sleeps, sleeps, runs_away, adopts): daemon(body)
time.sleep(0.3)
"#
    );
    peer.run(&sandbox, &code);
    let marked = || named(&mark).len();
    eventually("they run", || marked() >= 3);
    assert_eq!(peer.delete(&format!("/sandboxes/{sandbox}")).0, 204);
    assert_eq!(marked(), 0);
    assert_eq!(processes_with(&format!("CODE_INTERPRETER_SANDBOX={sandbox}")), Vec::<u32>::new());
}

/// The processes whose command line has this in it.
fn named(mark: &str) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().map(Result::unwrap);
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_it = |number: &u32| {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    };
    numbers.filter(is_it).collect()
}

fn what_is_hard_to_remove(peer: &Peer, root: &Path) {
    let sandbox = peer.create();
    let code = r#"
import os
for name in ("new\nline", "-rf", " ", "\\", "ü", "a" * 255, b"\xff\xfe"):
    os.mkdir(name)
    with open(os.path.join(name, b"\n" if isinstance(name, bytes) else "\n"), "w"): pass
    os.chmod(name, 0)
os.symlink("/", "root"); os.symlink("loop", "loop"); os.mkfifo("pipe"); os.link("pipe", "other")
with open("suid", "w"): pass
os.chmod("suid", 0o6777)
for _ in range(2500):
    os.mkdir("d"); os.chdir("d")
with open("deep", "w"): pass
os.chdir("/")
os.chmod(os.path.expanduser("~"), 0)
"#;
    let run = peer.run(&sandbox, code);
    // The look at the sandbox's disk may come first, and end it.
    let is_ended = run.error.as_deref() == Some("DiskFull");
    assert!(run.error.is_none() || is_ended, "{run:?}");
    let directories = || {
        fs::read_dir(fs::read_dir(root).unwrap().map(Result::unwrap).find(|e| e.file_name() != "lock").unwrap().path())
            .unwrap()
    };
    let is_there = || directories().any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(&sandbox));
    assert!(is_ended || is_there());
    let (status, _) = peer.delete(&format!("/sandboxes/{sandbox}"));
    assert!(status == 204 || status == 404, "{status}");
    eventually("it is gone", || !is_there());
}

/// Where code can change modes outside, it can those of the engine's directories.
fn modes_of_directories_above(peer: &Peer) {
    let sandbox = peer.create();
    for mode in ["0o000", "0o777"] {
        let code = format!(
            "import os\nfor path in ('~/..', '~/../..'):\n    try: os.chmod(os.path.expanduser(path), {mode})\n    except OSError: pass"
        );
        peer.run(&sandbox, &code);
        let other = peer.create();
        assert_eq!(peer.text(&other, "6 * 7"), "42");
        // The prepared one that was taken may have been made before.
        assert_eq!(peer.text(&peer.create(), "6 * 7"), "42");
        peer.run(&sandbox, &code);
        assert_eq!(peer.delete(&format!("/sandboxes/{other}")).0, 204);
    }
}
