//! The control plane and the door.

use super::peer::*;
use code_interpreter::LocalEngine;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    time::Duration,
};

#[test]
fn sandboxes_expire() {
    let peer = Peer::new();
    let id = peer.create_with(json!({"timeout": 1}));
    let running = peer.start(&id, json!({"code": "import time; time.sleep(100)"}));
    assert!(running.last().unwrap().is_err());
    assert_eq!(peer.get(&format!("/sandboxes/{id}")).0, 404);

    let id = peer.create_with(json!({"timeout": 1}));
    let info = |id: &str| peer.get(&format!("/sandboxes/{id}")).1;
    let end = |id: &str| info(id)["endAt"].as_str().unwrap().to_owned();
    let first = end(&id);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/connect"), json!({"timeout": 60})).0, 200);
    let extended = end(&id);
    assert!(extended > first);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/connect"), json!({"timeout": 2})).1["endAt"], extended);
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(peer.text(&id, "1"), "1");
    assert_eq!(peer.post(&format!("/sandboxes/{id}/timeout"), json!({"timeout": 30})).0, 204);
    assert!(end(&id) < extended);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/timeout"), json!({"timeout": 0})).0, 204);
    eventually("it expired", || peer.get(&format!("/sandboxes/{id}")).0 == 404);
    let id = peer.create_with(json!({"timeout": 1e300}));
    let in_a_year = end(&id);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/timeout"), json!({"timeout": 1e10})).0, 204);
    assert!(end(&id) > in_a_year && end(&id)[..4] == in_a_year[..4], "{in_a_year}");
    assert_eq!(peer.post(&format!("/sandboxes/{id}/timeout"), json!({"timeout": -1})).0, 400);
    for bad in [json!({"timeout": 0}), json!({"timeout": -1}), json!({"timeout": "x"}), json!([])] {
        assert_eq!(peer.post("/sandboxes", bad).0, 400);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_has_gone_leaves_no_sandbox() {
    let peer = Peer::new();
    let address = peer.engine.url().trim_start_matches("http://").to_owned();
    let request = format!(
        "POST /sandboxes HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {}\r\nContent-Length: 2\r\n\r\n{{}}",
        peer.engine.api_key()
    );
    for _ in 0..10 {
        // Where a prepared sandbox waits, the answer is there as soon as the request.
        std::thread::sleep(Duration::from_millis(350));
        let stream = std::net::TcpStream::connect(&address).unwrap();
        // Held back until the close, and so in one packet with it.
        rustix::net::send(&stream, request.as_bytes(), rustix::net::SendFlags::MORE).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    eventually("no sandbox is left", || peer.get("/sandboxes").1 == json!([]));
}

#[test]
fn listing() {
    let peer = Peer::new();
    let mut ids: Vec<String> = (0..3)
        .map(|n| peer.create_with(json!({"templateID": "base", "metadata": {"n": n.to_string(), "a b": "c&d"}})))
        .collect();
    ids.reverse();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|s| s["sandboxID"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&peer.get("/sandboxes").1), ids);
    assert_eq!(names(&peer.get("/v2/sandboxes?metadata=n%3D1").1), [ids[1].clone()]);
    assert_eq!(names(&peer.get("/v2/sandboxes?metadata=a%252520b%3Dc%252526d").1).len(), 3);
    assert_eq!(names(&peer.get("/v2/sandboxes?state=paused").1).len(), 0);
    assert_eq!(peer.get("/v2/sandboxes?limit=0").0, 400);
    let page = |query: &str| {
        let request = peer.agent.get(peer.url(&format!("/v2/sandboxes?limit=2{query}")));
        let response = request.header("X-API-Key", peer.engine.api_key()).call().unwrap();
        let token = response.headers().get("x-next-token").map(|token| token.to_str().unwrap().to_owned());
        (names(&answer(response).1), token)
    };
    let (first, token) = page("");
    assert_eq!(first, ids[..2]);
    let (rest, token) = page(&format!("&nextToken={}", token.unwrap()));
    assert_eq!((rest, token), (vec![ids[2].clone()], None));
    let info = peer.get(&format!("/sandboxes/{}", ids[0])).1;
    assert_eq!(
        (&info["templateID"], &info["state"], &info["clientID"]),
        (&json!("base"), &json!("running"), &json!("local"))
    );
    assert!(info["cpuCount"].as_u64() > Some(0) && info["diskSizeMB"].as_u64() > Some(0));
    assert_eq!(info["metadata"]["a b"], "c&d");
}

#[test]
fn the_door() {
    let peer = Peer::new();
    let raw = |request: &str| {
        let address = peer.engine.url().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let request = request.replace("{host}", &address).replace("{key}", peer.engine.api_key());
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let status: u16 = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        (status, serde_json::from_str::<Value>(&body).unwrap_or(Value::Null)["code"].as_u64())
    };
    let end = "Connection: close\r\n\r\n";
    assert_eq!(raw(&format!("GET /sandboxes HTTP/1.1\r\nHost: {{host}}\r\nX-API-Key: {{key}}\r\n{end}")), (200, None));
    assert_eq!(raw(&format!("GET /sandboxes HTTP/1.1\r\nHost: {{host}}\r\n{end}")), (401, Some(401)));
    assert_eq!(
        raw(&format!("GET /sandboxes HTTP/1.1\r\nHost: evil.com\r\nX-API-Key: {{key}}\r\n{end}")),
        (421, Some(421))
    );
    assert_eq!(
        raw(&format!("GET /sandboxes HTTP/1.1\r\nHost: {{host}}\r\nOrigin: http://x\r\nX-API-Key: {{key}}\r\n{end}")),
        (403, Some(403))
    );
    assert_eq!(raw(&format!("GET /health HTTP/1.1\r\nHost: {{host}}\r\n{end}")), (204, None));
    assert_eq!(peer.get("/nope").1["code"], 404);
    assert_eq!(peer.delete("/sandboxes").1["code"], 405);
    assert_eq!(answer(peer.post_raw("/sandboxes", "{")).1["code"], 400);
    assert_eq!(answer(peer.post_raw("/sandboxes", &" ".repeat((128 << 20) + 1))).1["code"], 413);
}

#[test]
fn runtimes() {
    let peer = Peer::new();
    let (status, problem) = peer.post("/sandboxes", json!({"runtime": "python3.1"}));
    let message = problem["message"].as_str().unwrap();
    assert_eq!(status, 404);
    assert!(message.contains("'python3.1'") && message.contains("There is python3."), "{message}");
    for minor in 9..=13 {
        let (status, info) = peer.post("/sandboxes", json!({"runtime": format!("python3.{minor}")}));
        if status == 404 {
            continue;
        }
        assert_eq!((status, &info["runtime"]), (201, &json!(format!("python3.{minor}"))), "{info}");
        let id = info["sandboxID"].as_str().unwrap();
        assert_eq!(peer.text(id, "import sys; sys.version_info[1]"), minor.to_string());
        assert_eq!(
            peer.run(id, "import os; os.write(1, b'a\\n')\ndisplay([1])\nawait __import__('asyncio').sleep(0)\n1/0")
                .kinds(),
            ["number_of_executions", "stdout", "result", "error", "end_of_execution"]
        );
        let run = peer.run_with(id, json!({"code": "while True:\n    pass", "timeout": 0.2}));
        assert!(run.value.contains("kept"), "{}", run.value);
        assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    }
    let error = LocalEngine::builder().python("/nowhere/python").start().unwrap_err().to_string();
    assert!(error.contains("/nowhere/python"), "{error}");
}

#[test]
fn a_place_where_no_directory_can_be_made_is_told_with_the_reason() {
    let scratch = Scratch::new();
    let file = scratch.0.join("file");
    std::fs::write(&file, "").unwrap();
    for place in [std::path::PathBuf::from("/proc/x"), file.join("x")] {
        let error = LocalEngine::builder().directory(&place).start().unwrap_err().to_string();
        for part in [&*place.to_string_lossy(), "os error", "LocalEngineBuilder::directory"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn an_interpreter_that_does_not_start_is_told_of() {
    let scratch = Scratch::new();
    let python = scratch.0.join("python3");
    let real = "python3 -c 'import sys; print(3, 11, sys.argv[1])' \"$0\"";
    let script = format!("#!/bin/sh\ncase $2 in -S) {real};; *) echo broken installation >&2; exit 1;; esac\n");
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let peer = Peer::with(|builder| builder.python(&python));
    let (status, problem) = peer.post("/sandboxes", json!({}));
    let message = problem["message"].as_str().unwrap();
    assert_eq!(status, 500);
    assert!(message.contains("broken installation") && message.contains(python.to_str().unwrap()), "{message}");
    peer.engine.stop().unwrap();
    assert!(entries(&peer.root).is_empty());
}
