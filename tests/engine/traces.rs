//! What is left when an engine ends.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::attacks::{in_another_process, is_root};
use super::peer::*;
use code_interpreter::{LocalEngine, Policy};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn nothing_is_left_after_stop_and_drop() {
    let nasty = "import os, subprocess, time\n\
        subprocess.Popen(['sleep', '1000'], start_new_session=True)\n\
        for _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0: time.sleep(1000)\n        os._exit(0)\n\
        os.makedirs('locked/inner'); os.chmod('locked', 0)\n";
    for (drops, (_, level)) in [false, true].into_iter().flat_map(|drops| levels().map(move |level| (drops, level))) {
        let peer = Peer::with(level);
        let id = peer.create();
        peer.run(&id, nasty);
        let busy = peer.start(&id, json!({"code": "while True: pass"}));
        peer.create();
        assert!(processes_of(&peer.root).len() >= 6);
        let Peer { engine, scratch, root, .. } = peer;
        let start = Instant::now();
        if drops {
            drop(engine);
        } else {
            engine.stop().unwrap();
            engine.stop().unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(processes_of(&root), Vec::<String>::new());
        assert_eq!(entries(&root), Vec::<String>::new());
        assert!(busy.last().unwrap().is_err());
        drop(scratch);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_supervisor_leaves_nothing() {
    // Confined code cannot do this.
    let peer = Peer::with(|builder| builder.warm(0).unconfined());
    let other = peer.create();
    peer.run(&other, "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)");
    let others = processes_of(&peer.root);
    assert_eq!(others.len(), 3);
    let id = peer.create();
    let code = "import os, subprocess, time\n\
        subprocess.Popen(['sleep', '1000'], start_new_session=True)\n\
        if os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n\
        print('on', flush=True)\ntime.sleep(1.5)\nos.kill(os.getppid(), 9)\nwhile True: pass";
    let mut running = peer.start(&id, json!({"code": code}));
    while running.next().unwrap().unwrap()["type"] != "stdout" {}
    assert!(processes_of(&peer.root).len() >= others.len() + 4);
    assert!(running.last().unwrap().is_err());
    eventually("only the other sandbox is left", || processes_of(&peer.root) == others);
    assert_eq!(peer.text(&other, "1"), "1");
}

#[test]
fn stopping_inside_an_async_context() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let peer = Peer::new();
        peer.create();
        peer.engine.stop().unwrap();
        drop(Peer::new());
        assert!(!format!("{:?}", peer.engine).contains(peer.engine.api_key()));
    });
}

/// Runs in a child of the test below, whose standard error takes nothing.
#[test]
fn host_that_cannot_warn() {
    let Ok(root) = std::env::var("ENGINE_TEST_MUTE_ROOT") else {
        return;
    };
    LocalEngine::builder().unconfined().directory(root).start().unwrap().stop().unwrap();
    println!("\nstopped");
}

#[test]
fn a_warning_that_cannot_be_written_is_no_panic() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let scratch = Scratch::new();
    let host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "traces::host_that_cannot_warn", "--nocapture"])
        .env("ENGINE_TEST_MUTE_ROOT", &scratch.0)
        .stderr(full)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&host.stdout).contains("\nstopped\n"), "{host:?}");
}

/// Runs in a child of the test below, which kills it.
#[test]
fn host_for_being_killed() {
    let Ok(root) = std::env::var("ENGINE_TEST_ROOT") else {
        return;
    };
    let level = std::env::var("ENGINE_TEST_LEVEL").unwrap();
    let (_, level) = LEVELS.into_iter().find(|(name, _)| *name == level).unwrap();
    let engine = level(LocalEngine::builder().directory(root).api_key("key")).start().unwrap();
    println!("\nurl {}", engine.url());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_killed_host_leaves_no_process_and_its_directory_is_swept() {
    for (level, _) in levels() {
        kill_a_host(level, false, None);
        kill_a_host(level, true, None);
    }
}

/// Starts programs of few instructions that are never the same process for long: each forks and ends, as fast as it can.
/// Nothing in their environments tells where they come from, and they end by themselves after a while.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn chains(mark: &str) -> String {
    format!(
        r#"
import os, struct, time
head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
head += struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 160, 160, 4096)
until = struct.pack("<I", int(time.time()) + 40)
body = bytes.fromhex("b8c900000031ff0f053d") + until + bytes.fromhex("730db8390000000f0585c078e574e3b83c00000031ff0f05")
with open("{mark}", "wb") as f: f.write(head + body)
os.chmod("{mark}", 0o700)
for _ in range(12):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("{mark}", ["{mark}"], {{}})
        os._exit(0)
print("on")
time.sleep(3)
"#
    )
}

/// Whether a process of this name, of 15 characters at most, is there. One look may miss a chain.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn is_seen(mark: &str) -> bool {
    let is_it = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The dead may wait for a while to be collected, where there are very many.
        stat.split_once(&format!("({mark}) ")).is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    (0..5).any(|_| std::fs::read_dir("/proc").unwrap().flatten().any(is_it))
}

/// As a user of its own: the system does not limit what root's sandboxes fork.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "keeps the whole machine busy; .ci/run runs it by itself"]
fn chains_of_processes() {
    in_another_process("traces::host_of_chains", is_root().then_some(54_322));
}

/// Runs in a child of the test above.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn host_of_chains() {
    if std::env::var_os("ENGINE_TEST_WORLD").is_some() {
        chains_of_processes_end_with_their_sandbox();
        chains_of_processes_do_not_end_their_supervisor();
        chains_of_processes_end_with_a_killed_host();
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn chains_of_processes_end_with_their_sandbox() {
    for (name, level) in levels().filter(|(name, _)| *name != "none") {
        let peer = Peer::with(|builder| level(builder.warm(0)));
        let id = peer.create();
        let mark = format!("c{}-{}", std::process::id(), &name[..4]);
        let run = peer.start(&id, json!({"code": chains(&mark), "timeout": 10})).map_while(Result::ok).count();
        assert!(run > 2, "{name}");
        let start = Instant::now();
        assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
        assert!(start.elapsed() < Duration::from_secs(30), "{name}: {:?}", start.elapsed());
        assert!(!is_seen(&mark), "{name}");
    }
}

/// Collecting the dead takes processor time, which is not the sandbox's.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn chains_of_processes_do_not_end_their_supervisor() {
    for (name, level) in levels().filter(|(name, _)| *name != "none") {
        let policy = Policy::new().cpu_time(Duration::from_secs(1));
        let peer = Peer::with(|builder| level(builder.policy(policy).warm(0)));
        let id = peer.create();
        let mark = format!("t{}-{}", std::process::id(), &name[..4]);
        let _ = peer.start(&id, json!({"code": chains(&mark), "timeout": 10})).map_while(Result::ok).count();
        std::thread::sleep(Duration::from_secs(8));
        assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204, "{name}");
        assert!(!is_seen(&mark), "{name}");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn chains_of_processes_end_with_a_killed_host() {
    for (name, _) in levels().filter(|(name, _)| *name != "none") {
        let mark = format!("h{}-{}", std::process::id(), &name[..4]);
        kill_a_host(name, false, Some(&chains(&mark)));
        assert!(!is_seen(&mark), "{name}");
    }
}

fn kill_a_host(level: &str, is_paused: bool, first: Option<&str>) {
    let scratch = Scratch::new();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "traces::host_for_being_killed", "--nocapture"])
        .env("ENGINE_TEST_ROOT", &scratch.0)
        .env("ENGINE_TEST_LEVEL", level)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("url ").map(str::to_owned)).unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let post = |path: String, body: &str| agent.post(path).header("X-API-Key", "key").send(body).unwrap();
    let (_, info) = answer(post(format!("{url}/sandboxes"), "{}"));
    let id = info["sandboxID"].as_str().unwrap();
    let code =
        "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint('on')\nwhile True: pass";
    let code = first.unwrap_or(code);
    let running = post(format!("{url}/sandboxes/{id}/execute"), &json!({"code": code}).to_string());
    let mut running = Stream(BufReader::new(running.into_body().into_reader()));
    while running.next().unwrap().unwrap()["type"] != "stdout" {}
    // Before the watch over the sandbox ends what there is too much of.
    std::thread::sleep(Duration::from_millis(if first.is_some() { 300 } else { 0 }));
    assert!(processes_of(&scratch.0).len() >= 3);
    if is_paused {
        assert_eq!(post(format!("{url}/sandboxes/{id}/pause"), "{}").status(), 204);
    }
    host.kill().unwrap();
    host.wait().unwrap();
    eventually("no process is left", || processes_of(&scratch.0).is_empty());
    let before = entries(&scratch.0);
    assert_eq!(before.len(), 1);
    let engine = LocalEngine::builder().directory(&scratch.0).start().unwrap();
    let after = entries(&scratch.0);
    assert!(after.len() == 1 && after != before, "{after:?}");
    engine.stop().unwrap();
    assert!(entries(&scratch.0).is_empty());
}
