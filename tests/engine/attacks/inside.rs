//! What has to go on working inside, at every level, as the superuser and as an ordinary user.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::peer::*;
use super::attack::{Open, PRELUDE};
use super::needs::NEEDS;
use super::{USER, in_another_process, is_root};
use code_interpreter::{Network, Policy};
use serde_json::{Value, json};

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

#[test]
#[ignore = "needs libraries; .ci/libraries installs them"]
fn libraries_that_people_use() {
    let python = std::env::var("CODE_INTERPRETER_TEST_PYTHON").unwrap();
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
