//! What a sandbox can connect to, by its policy. Everything stays on this machine.

use super::peer::*;
use code_interpreter::{LocalEngine, Namespaces, Network, Policy};
use std::{
    io::{Read, Write},
    net::TcpListener,
};

/// A web server that tells what it was asked.
struct Server {
    port: u16,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map(Result::unwrap) {
                let mut read = [0; 4096];
                let length = stream.read(&mut read).unwrap_or(0);
                let body = format!("asked: {}", String::from_utf8_lossy(&read[..length]));
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { port }
    }
}

/// Asks with Python's own client, which goes by the proxy that the environment names, but not for `localhost`.
fn fetch(peer: &Peer, id: &str, url: &str) -> String {
    let code = format!(
        "import os, urllib.request\nfor name in ('no_proxy', 'NO_PROXY'): os.environ.pop(name, None)\n\
         try:\n    answer = urllib.request.urlopen('{url}', timeout=10).read().decode()\n\
         except urllib.error.HTTPError as error:\n    answer = f'{{error.code}} {{error.read().decode()}}'\n\
         except OSError as error:\n    answer = str(error)\nprint(answer)"
    );
    peer.run(id, &code).stdout
}

fn with_network(network: Network, change: fn(Policy) -> Policy) -> (Peer, String) {
    let policy = change(Policy::new().network(network));
    let peer = Peer::with(|builder| builder.policy(policy));
    let id = peer.create();
    (peer, id)
}

fn hosts(names: &[&str]) -> Network {
    Network::Hosts(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn off_is_off() {
    let server = Server::start();
    for (_, level) in confined() {
        let peer = Peer::with(level);
        let id = peer.create();
        let answer = fetch(&peer, &id, &format!("http://127.0.0.1:{}/", server.port));
        assert!(answer.contains("refused") || answer.contains("not permitted"), "{answer}");
    }
}

#[test]
fn the_internet_is_not_this_machine() {
    if !is_expected("namespaces") {
        return;
    }
    let server = Server::start();
    let (peer, id) = with_network(Network::On, |policy| policy);
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let answer = fetch(&peer, &id, &format!("http://{host}:{}/", server.port));
        assert!(answer.contains("local network") || answer.contains("cannot be reached"), "{host}: {answer}");
    }
    // Past the proxy there is nothing.
    let code = format!("import socket\nsocket.create_connection(('127.0.0.1', {}), 5)", server.port);
    assert_eq!(peer.run(&id, &code).error.as_deref(), Some("ConnectionRefusedError"));
    let run = peer.run(&id, "socket.create_connection(('1.1.1.1', 443), 5)");
    assert_eq!((run.error.as_deref(), run.value.contains("unreachable")), (Some("OSError"), true));
}

#[test]
fn named_hosts_and_no_others() {
    if !is_expected("namespaces") {
        return;
    }
    let server = Server::start();
    let (peer, id) = with_network(hosts(&["127.0.0.1"]), Policy::allow_local_network);
    let answer = fetch(&peer, &id, &format!("http://127.0.0.1:{}/path?query", server.port));
    assert!(
        answer.starts_with("asked: GET /path?query HTTP/1.1\r\n") && answer.contains("Connection: close"),
        "{answer}"
    );
    let answer = fetch(&peer, &id, &format!("http://localhost:{}/", server.port));
    assert!(answer.contains("403 this sandbox may not connect to localhost"), "{answer}");
    // Programs that keep to the variables find it, also by a name that is usually theirs.
    let plain = format!("import urllib.request as r\nr.urlopen('http://127.0.0.1:{}/').read()[:6]", server.port);
    assert_eq!(peer.text(&id, &plain), "b'asked:'");
    // A tunnel, as for everything encrypted.
    let tunnel = format!(
        "import socket\ns = socket.create_connection(('127.0.0.1', 3128))\n\
         s.sendall(b'CONNECT 127.0.0.1:{} HTTP/1.1\\r\\n\\r\\n')\nprint(s.recv(100))\n\
         s.sendall(b'hello')\nread = b''\nwhile more := s.recv(1000): read += more\nprint(read[-12:])",
        server.port
    );
    let run = peer.run(&id, &tunnel);
    assert!(run.stdout.contains("200 Connection established") && run.stdout.contains("asked: hello"), "{run:?}");
    // Each sandbox has a way of its own, and it goes with the sandbox.
    let other = peer.create();
    assert!(fetch(&peer, &other, &format!("http://127.0.0.1:{}/", server.port)).starts_with("asked: "));
    assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    assert!(fetch(&peer, &other, &format!("http://127.0.0.1:{}/", server.port)).starts_with("asked: "));
}

#[test]
fn the_network_of_this_machine() {
    let server = Server::start();
    for (name, level) in confined() {
        let policy = Policy::new().network(Network::On).allow_local_network();
        let peer = Peer::with(|builder| level(builder.policy(policy)));
        let id = peer.create();
        let answer = fetch(&peer, &id, &format!("http://127.0.0.1:{}/", server.port));
        assert!(answer.starts_with("asked: GET / HTTP/1.1"), "{name}: {answer}");
        // Sockets of the machine's services stay out of reach.
        let run = peer.run(&id, "import socket\nsocket.socket(socket.AF_UNIX)");
        assert_eq!(run.error.as_deref(), Some("PermissionError"), "{name}");
    }
}

#[test]
fn what_cannot_be_enforced_is_refused() {
    for network in [Network::On, hosts(&["pypi.org"])] {
        let builder = LocalEngine::builder().namespaces(Namespaces::Off).policy(Policy::new().network(network));
        let error = builder.start().unwrap_err().to_string();
        assert!(error.contains("Policy::network needs namespaces"), "{error}");
    }
}
