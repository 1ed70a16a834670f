//! E2B's dialect, as its clients speak it.

mod control;
mod envd;
mod faults;
mod inside;

use super::peer::*;
use serde_json::{Value, json};
use std::io::{BufReader, Read, Write};
use ureq::http::{Request, Response};

fn engine() -> Peer {
    Peer::with(|builder| builder.serve_e2b().api_key("e2b_0123456789abcdef"))
}

impl Peer {
    /// Sends to a port of a sandbox, with no key.
    fn inside(
        &self,
        port: u16,
        sandbox: &str,
        call: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<ureq::Body> {
        let (method, path) = call.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(path))
            .header("E2b-Sandbox-Id", sandbox)
            .header("E2b-Sandbox-Port", port);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.agent.run(request.body(body.to_owned()).unwrap()).unwrap()
    }

    fn interpreter(&self, sandbox: &str, call: &str, body: Value) -> (u16, Value) {
        answer(self.inside(49999, sandbox, call, &[], &body.to_string()))
    }

    fn refused(&self, sandbox: &str, call: &str, body: Value) -> (u16, String) {
        plain(self.inside(49999, sandbox, call, &[], &body.to_string()))
    }

    fn stream(&self, sandbox: &str, body: Value) -> Stream {
        let response = self.inside(49999, sandbox, "POST /execute", &[], &body.to_string());
        assert_eq!(response.status(), 200);
        Stream(BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    fn execute(&self, sandbox: &str, body: Value) -> Run {
        Run::new(self.stream(sandbox, body).map(Result::unwrap).collect())
    }

    /// A request written by hand: `{host}` stands for the engine's address, `{port}` for its port.
    fn raw(&self, request: &str) -> (u16, String) {
        let address = self.engine.url().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let port = address.rsplit_once(':').unwrap().1;
        let request = request.replace("{host}", &address).replace("{port}", port);
        stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        (text.split(' ').nth(1).unwrap().parse().unwrap(), body)
    }
}

fn plain(mut response: Response<ureq::Body>) -> (u16, String) {
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"), "{response:?}");
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), text)
}

fn not_found(id: &str) -> (u16, Value) {
    (502, json!({"sandboxId": id, "message": "The sandbox was not found", "code": 502}))
}

#[test]
fn off_unless_asked_for() {
    let peer = Peer::new();
    let id = peer.create_with(json!({"templateID": "base", "secure": true}));
    for call in ["POST /execute", "GET /contexts", "GET /health"] {
        let (status, problem) = answer(peer.inside(49999, &id, call, &[], r#"{"code":"1"}"#));
        assert_eq!((status, problem["code"].as_u64()), (404, Some(404)));
        assert!(problem["message"].as_str().unwrap().contains("serve_e2b"), "{problem}");
    }
    assert_eq!(peer.raw(&format!("GET /health HTTP/1.1\r\nHost: 49999-{id}.localhost:{{port}}\r\n")).0, 404);
    assert_eq!(peer.post("/v2/sandboxes", json!({"templateID": "base"})).0, 405);
    assert_eq!(peer.post(&format!("/v2/sandboxes/{id}/connect"), json!({})).0, 404);
    assert_eq!(peer.text(&id, "1"), "1");
}

#[test]
fn the_gateway_dialect_stays() {
    let peer = engine();
    let id = peer.create();
    assert_eq!(peer.text(&id, "x = 2; x"), "2");
    assert_eq!(peer.execute(&id, json!({"code": "x"})).text.as_deref(), Some("2"));
    let unsecured = peer.agent.post(peer.url(&format!("/sandboxes/{id}/execute"))).send("{}").unwrap();
    assert_eq!(unsecured.status(), 401);
}
