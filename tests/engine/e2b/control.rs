//! The control plane, in both its generations.

use super::*;

#[test]
fn both_generations_of_the_control_plane() {
    let peer = engine();
    let body = json!({
        "templateID": "code-interpreter-v1", "timeout": 300, "secure": true, "allow_internet_access": true,
        "metadata": {"a": "b"}, "envVars": {"WHO": "me"}, "autoPause": false, "mcp": null
    });
    let (status, first) = peer.post("/sandboxes", body);
    assert_eq!(status, 201, "{first}");
    for key in ["templateID", "sandboxID", "clientID", "envdVersion"] {
        assert!(first[key].is_string(), "{key}: {first}");
    }
    assert_eq!((&first["templateID"], &first["domain"]), (&json!("code-interpreter-v1"), &Value::Null));
    let token = first["envdAccessToken"].as_str().unwrap();
    assert!(token.len() == 64 && first.get("trafficAccessToken").is_none());
    let id = first["sandboxID"].as_str().unwrap();
    assert_eq!(peer.execute(id, json!({"code": "import os; os.environ['WHO']"})).text.as_deref(), Some("me"));

    let create = peer.agent.post(peer.url("/v2/sandboxes")).header("X-API-Key", peer.engine.api_key());
    let body = r#"{"templateID":"base","metadata":{},"envVars":{},"network":{"allowPublicTraffic":false}}"#;
    let (status, second) = answer(create.header("Idempotency-Key", "abc-1").send(body).unwrap());
    let tokens = |info: &Value| [info["envdAccessToken"].clone(), info["trafficAccessToken"].clone()];
    assert_eq!(status, 201, "{second}");
    assert!(tokens(&second).iter().all(Value::is_string) && second["envdAccessToken"] != token, "{second}");

    // The tokens stay, and no listing shows them.
    let other = second["sandboxID"].as_str().unwrap();
    for path in ["/sandboxes", "/v2/sandboxes"] {
        let (status, connected) = peer.post(&format!("{path}/{other}/connect"), json!({"timeout": 60}));
        assert_eq!((status, tokens(&connected)), (200, tokens(&second)));
        let listed = peer.get(path).1;
        assert!(listed.as_array().unwrap().iter().all(|info| tokens(info) == [Value::Null, Value::Null]), "{listed}");
    }
    assert_eq!(tokens(&peer.get(&format!("/sandboxes/{other}")).1), tokens(&second));

    let unsecured = peer.post("/sandboxes", json!({"templateID": "base"})).1;
    assert_eq!(tokens(&unsecured), [Value::Null, Value::Null]);
    let private = json!({"templateID": "base", "network": {"allowPublicTraffic": false}});
    assert_eq!(peer.post("/sandboxes", private).0, 400);
    assert_eq!(peer.post("/v2/sandboxes", json!({"templateID": "nope"})).1["code"], 404);
    let unauthorized = peer.agent.post(peer.url("/v2/sandboxes")).header("X-API-Key", "e2b_00").send("{}").unwrap();
    assert_eq!(answer(unauthorized).1["code"], 401);
    // A 404 would say that the sandbox is gone.
    for verb in ["snapshots", "fork"] {
        assert_eq!(peer.post(&format!("/sandboxes/{other}/{verb}"), json!({})).1["code"], 501);
        assert_eq!(peer.post(&format!("/sandboxes/nope/{verb}"), json!({})).1["code"], 404);
    }
    assert_eq!(peer.get(&format!("/sandboxes/{other}/network")).1["code"], 501);
    assert_eq!(peer.get(&format!("/sandboxes/{other}/timeout")).1["code"], 405);
    assert_eq!(peer.delete(&format!("/sandboxes/{other}")).0, 204);
    for path in ["/sandboxes", "/v2/sandboxes"] {
        let (status, gone) = peer.post(&format!("{path}/{other}/connect"), json!({}));
        assert_eq!((status, gone["code"].as_u64()), (404, Some(404)));
    }
    assert_eq!(peer.delete(&format!("/sandboxes/{other}")).0, 404);
}

#[test]
fn times_of_both_generations() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base", "timeout": 20}));
    let end = || peer.get(&format!("/sandboxes/{id}")).1["endAt"].as_str().unwrap().to_owned();
    let first = end();
    assert_eq!(peer.post(&format!("/sandboxes/{id}/refreshes"), json!({})).0, 204);
    assert_eq!(end(), first);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/refreshes"), json!({"duration": 100})).0, 204);
    let refreshed = end();
    assert!(refreshed > first);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/refreshes"), json!({"duration": 3601})).0, 400);
    // Without a time the second generation takes the default one; the first leaves the end as it is.
    assert_eq!(peer.post(&format!("/sandboxes/{id}/connect"), json!({})).0, 200);
    assert_eq!(end(), refreshed);
    assert_eq!(peer.post(&format!("/v2/sandboxes/{id}/connect"), json!({})).0, 200);
    assert!(end() > refreshed);
    assert_eq!(peer.post(&format!("/sandboxes/{id}/timeout"), json!({"timeout": 0})).0, 204);
    eventually("it expired", || peer.interpreter(&id, "GET /health", json!({})) == not_found(&id));
}

#[test]
fn pages_in_both_orders() {
    let peer = engine();
    let templates = ["base", "code-interpreter-v1", "base", "base"];
    let ids: Vec<String> = templates.map(|template| peer.create_with(json!({"templateID": template}))).into();
    let page = |query: &str| {
        let request = peer.agent.get(peer.url(&format!("/v2/sandboxes?{query}")));
        let response = request.header("X-API-Key", peer.engine.api_key()).call().unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (token, total) = (header("x-next-token"), header("x-total-running"));
        let list = answer(response).1;
        let names = list.as_array().unwrap().iter().map(|info| info["sandboxID"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), token, total)
    };
    let (first, token, total) = page("limit=3&order=asc&state=running");
    assert_eq!((&first[..], total.as_deref()), (&ids[..3], Some("4")));
    let token = token.unwrap();
    let (rest, end, _) = page(&format!("limit=3&order=asc&nextToken={token}"));
    assert_eq!((&rest[..], end), (&ids[3..], None));
    assert_eq!(peer.get(&format!("/v2/sandboxes?nextToken={token}")).1["message"], "Invalid next token");
    let newest: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(page("order=desc").0, newest);
    assert_eq!(page("template=code-interpreter-v1").0, ids[1..2]);
    let start = peer.get(&format!("/sandboxes/{}", ids[2])).1["startedAt"].as_str().unwrap().replace(':', "%3A");
    assert_eq!(page(&format!("startedAfter={start}")).0, newest[..2]);
    assert_eq!(page("state=paused"), (vec![], None, None));
}

#[test]
fn what_is_paused_is_not_found_inside_and_resumed_by_a_connect() {
    let peer = engine();
    for path in ["/sandboxes", "/v2/sandboxes"] {
        let (_, created) = peer.post(path, json!({"templateID": "base", "secure": true}));
        let id = created["sandboxID"].as_str().unwrap();
        peer.execute(id, json!({"code": "x = 3"}));
        assert_eq!(peer.post(&format!("/sandboxes/{id}/pause"), json!({})).0, 204);
        for (port, call) in [(49983, "GET /health"), (49999, "GET /health"), (49999, "POST /execute")] {
            assert_eq!(answer(peer.inside(port, id, call, &[], r#"{"code":"1"}"#)), not_found(id));
        }
        let (status, connected) = peer.post(&format!("{path}/{id}/connect"), json!({"timeout": 60}));
        assert_eq!((status, &connected["envdAccessToken"]), (201, &created["envdAccessToken"]));
        assert_eq!(peer.execute(id, json!({"code": "x"})).text.as_deref(), Some("3"));
        assert_eq!(peer.post(&format!("{path}/{id}/connect"), json!({"timeout": 60})).0, 200);
        assert_eq!(peer.post(&format!("/sandboxes/{id}/pause"), json!({})).0, 204);
        assert_eq!(peer.post(&format!("/sandboxes/{id}/refreshes"), json!({})).0, 404);
        assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    }
}

#[test]
fn what_comes_in_resumes_a_sandbox_that_asked_for_it() {
    let peer = engine();
    let body = json!({"templateID": "base", "timeout": 50, "autoPause": true, "autoResume": {"enabled": true},
        "secure": true, "network": {"allowPublicTraffic": false}});
    let created = peer.post("/sandboxes", body).1;
    let (id, token) = (created["sandboxID"].as_str().unwrap(), created["trafficAccessToken"].as_str().unwrap());
    let headers = [("e2b-traffic-access-token", token)];
    let execute = || peer.inside(49999, id, "POST /execute", &headers, r#"{"code":"1"}"#).status();
    let state = || peer.get(&format!("/sandboxes/{id}")).1["state"].clone();
    assert_eq!(created["lifecycle"], json!({"autoResume": true, "onTimeout": "pause"}));
    for _ in 0..2 {
        assert_eq!(peer.post(&format!("/sandboxes/{id}/pause"), json!({})).0, 204);
        // Not by who may not come in, nor where nothing is.
        assert_eq!(peer.inside(49999, id, "POST /execute", &[], r#"{"code":"1"}"#).status(), 403);
        assert_eq!(peer.inside(3000, id, "GET /", &headers, "").status(), 502);
        assert_eq!(peer.inside(49983, id, "GET /envs", &[], "").status(), 401);
        assert_eq!(state(), "paused");
        let answers: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(execute)).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|status| *status == 200) && state() == "running", "{answers:?}");
    }
    // As any other it has an end, and a kill is one.
    let end = peer.get(&format!("/sandboxes/{id}")).1["endAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(end > jiff::Timestamp::now() && end < jiff::Timestamp::now() + jiff::SignedDuration::from_secs(51));
    assert_eq!((peer.delete(&format!("/sandboxes/{id}")).0, execute().as_u16()), (204, 502));
}

#[test]
fn what_a_sandbox_cannot_have_is_refused_and_not_forgotten() {
    let peer = engine();
    for path in ["/sandboxes", "/v2/sandboxes"] {
        for wish in [
            json!({"network": {"allowOut": ["1.1.1.1"]}}),
            json!({"network": {"denyOut": ["0.0.0.0/0"]}}),
            json!({"network": {"rules": {"a.com": []}}}),
            json!({"volumeMounts": [{"name": "a", "path": "/a"}]}),
            json!({"mcp": {"github": {}}}),
        ] {
            let (status, problem) = peer.post(path, wish.clone());
            assert_eq!((status, &problem["code"]), (501, &json!(501)), "{wish}");
        }
    }
    for call in ["/snapshots?limit=1", "/v2/templates", "/templates/a/tags", "/volumes", "/secrets/a"] {
        let (status, problem) = peer.get(call);
        assert!(status == 501 && problem["message"].as_str().unwrap().contains("embedded engine"), "{call}: {problem}");
    }
    assert_eq!(peer.get("/nope").0, 404);
    assert_eq!(peer.get("/v2/sandbox").0, 404);
    // The default policy has no network, and others may not be taken for it.
    let offline = json!({"templateID": "base", "allow_internet_access": false});
    let (status, created) = peer.post("/sandboxes", offline.clone());
    assert_eq!((status, &created["allowInternetAccess"]), (201, &json!(false)));
    let open = Peer::with(|builder| builder.serve_e2b().unconfined());
    assert_eq!(open.post("/sandboxes", offline).0, 501);
}

#[test]
fn names_with_the_word_of_an_old_client() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    assert_eq!(peer.get(&format!("/sandboxes/{id}-6532622b")).1["sandboxID"], json!(id));
    let headers = format!("Host: sandbox.localhost:{{port}}\r\nE2b-Sandbox-Id: {id}\r\nE2b-Sandbox-Port: 49999\r\n");
    assert_eq!(peer.raw(&format!("GET /health HTTP/1.1\r\n{headers}")), (200, "\"OK\"".to_owned()));
    assert_eq!(peer.delete(&format!("/sandboxes/{id}-6532622b")).0, 204);
}
