//! Many sandboxes that are wanted at once, of an interpreter that takes long to start.

use super::peer::*;
use code_interpreter::LocalEngine;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

/// In seconds. In a virtual environment it is waited for twice. What waits does not work, so the machine's speed matters
/// little.
const HALF_A_START: f64 = 1.0;

/// An engine of a Python that starts slowly.
fn slow() -> (Peer, Scratch) {
    let scratch = Scratch::new();
    let venv = scratch.0.join("venv");
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&venv).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let python = venv.join("bin/python");
    let packages = "import site; print(site.getsitepackages()[0])";
    let packages = Command::new(&python).args(["-c", packages]).output().unwrap();
    let packages = String::from_utf8(packages.stdout).unwrap();
    let slow = format!("import time; time.sleep({HALF_A_START})\n");
    std::fs::write(format!("{}/slow.pth", packages.trim()), slow).unwrap();
    (Peer::with(|builder| builder.python(&python).warm(0)), scratch)
}

/// Asks for a sandbox, and leaves the answer.
fn ask(engine: &LocalEngine) -> TcpStream {
    let address = engine.url().strip_prefix("http://").unwrap();
    let key = engine.api_key();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /sandboxes HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .unwrap();
    connection
}

fn some() -> usize {
    10 * std::thread::available_parallelism().unwrap().get()
}

#[test]
fn those_who_gave_up_are_not_waited_for() {
    let (peer, _venv) = slow();
    let connections: Vec<_> = (0..some()).map(|_| ask(&peer.engine)).collect();
    std::thread::sleep(Duration::from_millis(500));
    drop(connections);
    let start = Instant::now();
    let id = peer.create();
    // All of them would have taken ten seconds.
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    assert_eq!(peer.text(&id, "1 + 1"), "2");
    eventually("the others are gone", || peer.get("/sandboxes").1.as_array().unwrap().len() == 1);
}

#[test]
fn an_engine_stops_while_many_wait() {
    let (peer, _venv) = slow();
    let connections: Vec<_> = (0..some()).map(|_| ask(&peer.engine)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    peer.engine.stop().unwrap();
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    assert_eq!(processes_of(&peer.root), Vec::<String>::new());
    assert_eq!(entries(&peer.root), Vec::<String>::new());
    drop(connections);
}
