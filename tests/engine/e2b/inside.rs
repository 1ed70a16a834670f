//! The way into a sandbox, and what is there.

use super::*;
use std::time::Duration;

const TRAFFIC: &str = "e2b-traffic-access-token";
const ACCESS: &str = "x-access-token";

#[test]
fn running_code_and_contexts() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base", "secure": true}));
    assert_eq!(peer.interpreter(&id, "GET /health", json!({})), (200, json!("OK")));
    let nulls = json!({"code": "x = 1\nprint('a')\nx", "context_id": null, "language": null, "env_vars": null});
    let run = peer.execute(&id, nulls);
    assert_eq!(run.kinds(), ["number_of_executions", "stdout", "result", "end_of_execution"]);
    assert_eq!(peer.execute(&id, json!({"code": "x", "language": "python"})).text.as_deref(), Some("1"));
    let run = peer.execute(&id, json!({"code": "import os; os.environ['A']", "env_vars": {"A": "b"}}));
    assert_eq!(run.text.as_deref(), Some("b"));
    assert_eq!(peer.execute(&id, json!({"code": "1/0"})).error(), "ZeroDivisionError");
    // Of this field E2B's service knows nothing.
    let run = peer.execute(&id, json!({"code": "import time; time.sleep(0.3); 5", "timeout": 0.1}));
    assert_eq!(run.text.as_deref(), Some("5"));

    let (status, made) = peer.interpreter(&id, "POST /contexts", json!({"cwd": "/"}));
    assert_eq!((status, &made["language"], &made["cwd"]), (200, &json!("python"), &json!("/")));
    let context = made["id"].as_str().unwrap();
    assert_eq!(peer.interpreter(&id, "GET /contexts", json!({})).1.as_array().unwrap().last(), Some(&made));
    let run = peer.execute(&id, json!({"code": "import os; os.getcwd()", "context_id": context}));
    assert_eq!(run.text.as_deref(), Some("/"));
    let restart = format!("POST /contexts/{context}/restart");
    assert_eq!(peer.interpreter(&id, &restart, json!({})), (200, Value::Null));
    assert_eq!(peer.execute(&id, json!({"code": "os", "context_id": context})).error(), "NameError");
    let remove = format!("DELETE /contexts/{context}");
    assert_eq!(peer.interpreter(&id, &remove, json!({})), (200, Value::Null));
    // A directory that is not there is not told of.
    assert_eq!(peer.interpreter(&id, "POST /contexts", json!({"cwd": "/nowhere"})).1["cwd"], "/nowhere");

    let unknown = (404, format!("Context {context} not found"));
    for call in [&remove, &restart] {
        assert_eq!(peer.refused(&id, call, json!({})), unknown);
    }
    assert_eq!(peer.refused(&id, "POST /execute", json!({"code": "1", "context_id": context})), unknown);
    let both = json!({"code": "1", "context_id": context, "language": "cobol"});
    let message = "Only one of context_id or language can be provided".to_owned();
    assert_eq!(peer.refused(&id, "POST /execute", both), (400, message));
    for call in ["POST /execute", "POST /contexts"] {
        let (status, message) = peer.refused(&id, call, json!({"code": "1", "language": "cobol"}));
        assert!(status == 500 && message.starts_with("Failed to create context: ") && message.contains("cobol"));
    }
    let (status, wrong) = peer.interpreter(&id, "POST /execute", json!({"language": 1}));
    assert!(status == 422 && wrong["detail"][0]["msg"].is_string(), "{wrong}");
    assert_eq!(peer.interpreter(&id, "GET /nope", json!({})), (404, json!({"detail": "Not Found"})));
    assert_eq!(peer.interpreter(&id, "GET /execute", json!({})).0, 405);
    // Nothing of the engine's own is inside.
    assert_eq!(peer.interpreter(&id, "GET /sandboxes", json!({})).0, 404);
    assert_eq!(peer.interpreter(&id, "POST /timeout", json!({"timeout": 0})).0, 404);
}

#[test]
fn what_the_edge_refuses() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let envd = |call: &str| peer.inside(49983, &id, call, &[], "");
    assert_eq!(envd("GET /health").status(), 204);
    assert_eq!(answer(envd("GET /files?path=a")).1["code"], 501);
    assert_eq!(envd("POST /process.Process/Start").status(), 501);
    let closed = json!({
        "sandboxId": id, "message": "The sandbox is running but port is not open", "port": 3000, "code": 502
    });
    assert_eq!(answer(peer.inside(3000, &id, "GET /", &[], "")), (502, closed));
    for port in [49999, 49983, 3000] {
        assert_eq!(answer(peer.inside(port, "abc", "GET /health", &[], "")), not_found("abc"));
    }
    assert_eq!(plain(peer.inside(49999, "a-b", "GET /health", &[], "")), (400, "Invalid sandbox ID".to_owned()));
    for header in ["E2b-Sandbox-Port", "E2b-Sandbox-Id"] {
        let one = peer.agent.get(peer.url("/health")).header(header, "49999").call().unwrap();
        assert_eq!(plain(one), (400, "missing header".to_owned()));
    }
    // Neither header: the engine's own routes, which ask for the key.
    let execute = || peer.agent.post(peer.url("/execute"));
    assert_eq!(execute().send("{}").unwrap().status(), 401);
    assert_eq!(execute().header("X-API-Key", peer.engine.api_key()).send("{}").unwrap().status(), 404);
}

#[test]
fn tokens() {
    let peer = engine();
    let body = json!({"templateID": "base", "secure": true, "network": {"allowPublicTraffic": false}});
    let info = peer.post("/sandboxes", body).1;
    let field = |name: &str| info[name].as_str().unwrap();
    let (id, access, traffic) = (field("sandboxID"), field("envdAccessToken"), field("trafficAccessToken"));
    let health = |port: u16, headers: &[(&str, &str)]| answer(peer.inside(port, id, "GET /health", headers, ""));
    let refused = |end: &str| {
        let message = format!("Sandbox is secured with traffic access token. {end}");
        (403, json!({"sandboxId": id, "message": message, "code": 403}))
    };
    let missing = || refused("Token header 'e2b-traffic-access-token' is missing");
    assert_eq!(health(49999, &[]), missing());
    assert_eq!(health(3000, &[]), missing());
    let invalid = refused("Provided token in header 'e2b-traffic-access-token' is invalid");
    assert_eq!(health(49999, &[(TRAFFIC, "wrong")]), invalid);
    assert_eq!(health(49999, &[(TRAFFIC, traffic)]).0, 200);
    assert_eq!(health(3000, &[(TRAFFIC, traffic)]).0, 502);
    assert_eq!(health(49983, &[]).0, 204);
    assert_eq!(health(49999, &[(TRAFFIC, traffic), (ACCESS, access)]).0, 200);
    assert_eq!(health(49999, &[(TRAFFIC, traffic), (ACCESS, traffic)]).0, 401);
    // A sandbox that has no token takes any.
    let open = peer.create_with(json!({"templateID": "base"}));
    assert_eq!(peer.inside(49999, &open, "GET /health", &[(ACCESS, "any"), (TRAFFIC, "any")], "").status(), 200);
}

#[test]
fn names_and_pages() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let get = |host: &str, more: &str| peer.raw(&format!("GET /health HTTP/1.1\r\nHost: {host}\r\n{more}"));
    assert_eq!(get(&format!("49999-{id}.localhost:{{port}}"), ""), (200, "\"OK\"".to_owned()));
    assert_eq!(get(&format!("49983-{id}-client.localhost:{{port}}"), "").0, 204);
    // The name comes first.
    let headers = "E2b-Sandbox-Id: x\r\nE2b-Sandbox-Port: 1\r\n";
    assert_eq!(get(&format!("49999-{id}.localhost:{{port}}"), headers).0, 200);
    assert_eq!(get("49999-abc.localhost:{port}", "").0, 502);
    assert_eq!(get("x-abc.localhost:{port}", ""), (400, "Invalid sandbox port".to_owned()));
    for host in [format!("49999-{id}.evil.com:{{port}}"), format!("49999-{id}.localhost"), "evil.com".to_owned()] {
        assert_eq!(get(&host, "").0, 421, "{host}");
    }
    let routed = format!("E2b-Sandbox-Id: {id}\r\nE2b-Sandbox-Port: 49999\r\n");
    assert_eq!(get("{host}", &routed).0, 200);
    assert_eq!(get("evil.com:{port}", &routed).0, 421);
    assert_eq!(get("{host}", &format!("{routed}Origin: http://localhost\r\n")).0, 403);
    assert_eq!(get(&format!("49999-{id}.localhost:{{port}}"), "Origin: null\r\n").0, 403);
}

#[test]
fn ends_of_runs() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    // Going away interrupts, maybe before the import.
    let mut run = peer.stream(&id, json!({"code": "import time\nprint('on')\ntime.sleep(100)"}));
    assert_eq!(run.next().unwrap().unwrap()["type"], "number_of_executions");
    drop(run);
    let start = std::time::Instant::now();
    assert_eq!(peer.execute(&id, json!({"code": "1+1"})).text.as_deref(), Some("2"));
    assert!(start.elapsed() < Duration::from_secs(3));
    let run = peer.execute(&id, json!({"code": "import time\ntime.sleep(5.5)"}));
    assert_eq!(run.kinds(), ["number_of_executions", "keepalive", "end_of_execution"]);
    // A kill cuts, and is known at once.
    let mut run = peer.stream(&id, json!({"code": "import time\ntime.sleep(100)"}));
    run.next();
    let killer = std::thread::scope(|scope| {
        let killer = scope.spawn(|| peer.delete(&format!("/sandboxes/{id}")).0);
        assert!(run.last().unwrap().is_err());
        for port in [49999, 49983] {
            assert_eq!(answer(peer.inside(port, &id, "GET /health", &[], "")), not_found(&id));
        }
        killer.join().unwrap()
    });
    assert_eq!(killer, 204);
}

#[test]
fn a_line_that_is_written_in_parts_is_one_piece() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let code = "import sys, time\nsys.stdout.write('a'); sys.stdout.flush(); sys.stdout.write('b\\n')\ntime.sleep(0.2)\n\
                sys.stdout.write('c'); time.sleep(1); sys.stdout.write('d')";
    let pieces = || -> Vec<String> {
        let run = peer.execute(&id, json!({"code": code}));
        let texts = run.events.iter().filter(|event| event["type"] == "stdout").map(|event| &event["text"]);
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    // But nothing waits for an end of line that may not come. A machine that is busy may take long between two writes.
    assert!((0..5).any(|_| pieces() == ["ab\n", "c", "d"]), "{:?}", pieces());
}
