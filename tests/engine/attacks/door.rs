//! Who comes in by the engine's port: programs without the key, pages that resolve their name to this machine, and pages
//! that send requests across origins.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::peer::*;

/// Sends a request as it is; the status of the answer.
fn status(peer: &Peer, request: &str) -> u16 {
    let address = peer.engine.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = request.replace("{address}", address).replace("{port}", address.rsplit(':').next().unwrap());
    stream.write_all(request.replace("{key}", peer.engine.api_key()).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

fn request(line: &str, headers: &[&str]) -> String {
    let body = "{\"code\": \"open('came-in', 'w')\"}";
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!(
        "{line} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn no_page_and_no_stranger_comes_in() {
    let peer = Peer::new();
    let id = peer.create();
    let (key, host) = ("X-API-Key: {key}", "Host: {address}");
    let lines = [
        "GET /sandboxes".to_owned(),
        "POST /sandboxes".to_owned(),
        format!("POST /sandboxes/{id}/execute"),
        format!("GET /sandboxes/{id}"),
        format!("POST /sandboxes/{id}/contexts"),
        format!("DELETE /sandboxes/{id}"),
        "GET /v2/sandboxes".to_owned(),
        "POST /execute".to_owned(),
        "OPTIONS /sandboxes".to_owned(),
    ];
    for line in &lines {
        // A name that leads here, as after DNS rebinding, even with the key.
        for name in [
            "evil.example:{port}",
            "evil.example",
            "127.0.0.1.evil.example:{port}",
            "localhost",
            "0.0.0.0:{port}",
            "[::]:{port}",
            "",
        ] {
            assert_eq!(status(&peer, &request(line, &[&format!("Host: {name}"), key])), 421, "{line} {name}");
        }
        assert!([400, 421].contains(&status(&peer, &request(line, &[key]))), "{line}");
        assert!([400, 421].contains(&status(&peer, &request(line, &["Host: evil.example", host, key]))), "{line}");
        for origin in ["https://evil.example", "null", "http://{address}", "http://localhost:{port}", ""] {
            assert_eq!(
                status(&peer, &request(line, &[host, key, &format!("Origin: {origin}")])),
                403,
                "{line} {origin}"
            );
        }
        for key in [
            "X-API-Key: ",
            "X-API-Key: x",
            "X-API-Key: {key}x",
            "Authorization: Bearer {key}",
            "Cookie: X-API-Key={key}",
        ] {
            assert_eq!(status(&peer, &request(line, &[host, key])), 401, "{line} {key}");
        }
        let in_the_address = request(&line.replacen(' ', " /..", 1), &[host]);
        assert_eq!(status(&peer, &in_the_address), 401, "{line}");
    }
    // E2B's ways into a sandbox ask for no key, and so are closed unless asked for.
    for name in [
        format!("49999-{id}.localhost:{{port}}"),
        format!("49983-{id}.localhost:{{port}}"),
        format!("49999-{id}.e2b.app"),
    ] {
        let status = status(&peer, &request("POST /execute", &[&format!("Host: {name}")]));
        assert!([401, 404, 421].contains(&status), "{name} {status}");
    }
    for more in [&[][..], &[key]] {
        let sandbox = format!("E2b-Sandbox-Id: {id}");
        let headers = [&[host, sandbox.as_str(), "E2b-Sandbox-Port: 49999"], more].concat();
        assert!([401, 404].contains(&status(&peer, &request("POST /execute", &headers))));
    }
    assert_eq!(peer.text(&id, "import os; os.listdir()"), "['.tmp']");
}

#[test]
fn nothing_can_be_guessed() {
    let (one, other) = (Peer::new(), Peer::new());
    assert!(one.engine.api_key().len() >= 32 && one.engine.api_key() != other.engine.api_key());
    let ids: HashSet<String> = (0..8).map(|_| one.create()).collect();
    assert_eq!(ids.len(), 8);
    for id in ids {
        // 128 bits in hexadecimal digits.
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(other.get(&format!("/sandboxes/{id}")).0, 404);
    }
}
