//! The service that has E2B's files and processes, of which this engine has what tells about the sandbox.

use super::*;

const ACCESS: &str = "x-access-token";

#[test]
fn variables_and_metrics_for_who_has_the_token() {
    let peer = engine();
    let info = peer.post("/v2/sandboxes", json!({"templateID": "base", "envVars": {"A": "b"}})).1;
    let (id, token) = (info["sandboxID"].as_str().unwrap(), info["envdAccessToken"].as_str().unwrap());
    let get = |path: &str, token: &str| answer(peer.inside(49983, id, &format!("GET {path}"), &[(ACCESS, token)], ""));
    let expected = json!({"A": "b", "E2B_SANDBOX": "true", "E2B_SANDBOX_ID": id, "E2B_TEMPLATE_ID": "base"});
    assert_eq!(get("/envs", token), (200, expected));
    let (status, metrics) = get("/metrics", token);
    assert!(status == 200 && metrics["mem_used"].as_u64() < metrics["mem_total"].as_u64(), "{metrics}");
    for field in ["ts", "cpu_count", "cpu_used_pct", "mem_total_mib", "mem_cache", "disk_used", "disk_total"] {
        assert!(metrics[field].is_number(), "{field}: {metrics}");
    }
    for path in ["/envs", "/metrics", "/anything"] {
        for headers in [&[][..], &[(ACCESS, "wrong")]] {
            let (status, problem) = answer(peer.inside(49983, id, &format!("GET {path}"), headers, ""));
            assert_eq!((status, &problem["code"]), (401, &json!(401)), "{path}");
        }
    }
    assert_eq!(peer.inside(49983, id, "GET /health", &[], "").status(), 204);
    let run = peer.execute(id, json!({"code": "import os; os.environ['E2B_SANDBOX'] + os.environ['E2B_SANDBOX_ID']"}));
    assert_eq!(run.text, Some(format!("true{id}")));
    // The creator's own come first, and a sandbox without a token asks for none.
    let open = peer.create_with(json!({"templateID": "base", "envVars": {"E2B_SANDBOX": "own"}}));
    assert_eq!(answer(peer.inside(49983, &open, "GET /envs", &[], "")).1["E2B_SANDBOX"], "own");
}

#[test]
fn files_and_processes_are_refused_in_the_words_of_their_protocols() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let call = |call: &str, kind: &str| peer.inside(49983, &id, call, &[("content-type", kind)], "{}");
    let (status, problem) = answer(call("POST /filesystem.Filesystem/Stat", "application/json"));
    assert_eq!((status, &problem["code"]), (501, &json!("unimplemented")));
    let mut stream = call("POST /process.Process/Start", "application/connect+json");
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"application/connect+json".parse().unwrap())
    );
    let bytes = stream.body_mut().read_to_vec().unwrap();
    let message: Value = serde_json::from_slice(&bytes[5..]).unwrap();
    assert_eq!((bytes[0], u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize), (2, bytes.len() - 5));
    assert_eq!(message["error"]["code"], "unimplemented");
    assert_eq!(answer(peer.inside(49983, &id, "GET /files?path=a", &[], "")).1["code"], 501);
    for path in ["/init", "/freeze"] {
        let (status, problem) = answer(peer.inside(49983, &id, &format!("POST {path}"), &[], "{}"));
        assert!(status == 404 && problem["message"].as_str().unwrap().contains("reserved"), "{problem}");
    }
}
