//! A machine that lacks a layer: a filter of system calls makes this one such a machine, for a child of the test.
#![cfg(target_os = "linux")]

use super::peer::*;
use code_interpreter::{ConfinementReport, ErrorKind, LocalEngine, Namespaces};
use std::process::Command;

/// Refuses one system call, by its number, with an error, by its number, to itself; then becomes a program.
const REFUSE: &str = "import ctypes, os, struct, sys
number, error = int(sys.argv[1]), int(sys.argv[2])
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7fff0000)]
steps = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
system = ctypes.CDLL(None, use_errno=True)
assert system.prctl(38, 1, 0, 0, 0) == 0
assert system.prctl(22, 2, struct.pack('HP', 4, ctypes.addressof(steps)), 0, 0) == 0
os.execv(sys.argv[3], sys.argv[3:])
";

const LANDLOCK_CREATE_RULESET: u32 = 444;
const SECCOMP: u32 = if cfg!(target_arch = "aarch64") { 277 } else { 317 };
const MOUNT: u32 = if cfg!(target_arch = "aarch64") { 40 } else { 165 };
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;
const EOPNOTSUPP: u32 = 95;

/// Runs in a child of the tests below.
#[test]
fn host_that_lacks_something() {
    let Ok(root) = std::env::var("ENGINE_TEST_LACKING_ROOT") else {
        return;
    };
    println!("\nreport {}", ConfinementReport::of_this_machine().unwrap().to_string().replace('\n', "; "));
    for (name, namespaces) in [("any", Namespaces::IfAvailable), ("required", Namespaces::Required)] {
        match LocalEngine::builder().directory(&root).namespaces(namespaces).start() {
            Ok(engine) => println!("{name} level {}", engine.confinement().level),
            Err(error) => println!("{name} {:?} {error}", error.kind()),
        }
    }
    let both = LocalEngine::builder().directory(&root).unconfined().namespaces(Namespaces::Required).start();
    assert!(both.unwrap_err().to_string().contains("an unconfined engine has no namespaces"));
    let engine = LocalEngine::builder().directory(&root).unconfined().start().unwrap();
    println!("unconfined level {}", engine.confinement().level);
}

fn without(call: u32, error: u32) -> Vec<String> {
    let scratch = Scratch::new();
    let host = Command::new("python3")
        .args(["-c", REFUSE, &call.to_string(), &error.to_string()])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "missing::host_that_lacks_something", "--nocapture"])
        .env("ENGINE_TEST_LACKING_ROOT", &scratch.0)
        .output()
        .unwrap();
    assert!(host.status.success(), "{host:?}");
    let words = ["report ", "any ", "required ", "unconfined "];
    let said = String::from_utf8(host.stdout).unwrap();
    said.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).map(str::to_owned).collect()
}

fn assert_unavailable(said: &[String], why: &str) {
    let kind = format!("{:?}", ErrorKind::Confinement);
    for (line, name) in said[1..].iter().zip(["any", "required"]) {
        assert!(line.starts_with(&format!("{name} {kind} ")) && line.contains(why), "{line}");
        assert!(line.contains("Linux 6.2") && line.contains("LocalEngineBuilder::unconfined"), "{line}");
    }
    assert!(said[0].starts_with("report confinement: none") && said[0].contains(why), "{}", said[0]);
    assert_eq!(said[3], "unconfined level none");
}

#[test]
fn without_what_is_needed_no_engine_starts() {
    assert_unavailable(
        &without(LANDLOCK_CREATE_RULESET, ENOSYS),
        "Landlock is missing: this kernel was built without it",
    );
    assert_unavailable(&without(LANDLOCK_CREATE_RULESET, EOPNOTSUPP), "Landlock is missing: it is switched off");
    assert_unavailable(&without(SECCOMP, ENOSYS), "installing a seccomp filter: ");
}

#[test]
fn without_namespaces_there_is_landlock() {
    let said = without(MOUNT, EPERM);
    assert!(
        said[0].contains("confinement: landlock") && said[0].contains("off namespaces making mounts private"),
        "{said:?}"
    );
    assert_eq!(said[1], "any level landlock");
    assert!(said[2].starts_with("required Confinement") && said[2].contains("namespaces cannot be made"), "{said:?}");
    assert_eq!(said[3], "unconfined level none");
}
