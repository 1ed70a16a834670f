//! A server that answers a few requests, and what a request of the client must look like.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread::{self, JoinHandle},
};

/// The key that the clients are given.
pub const KEY: &str = "a-key";

const BODY: &str = r#"{"sandboxID":"one"}"#;

/// Answers as many requests as this, each with a sandbox and a cookie. Gives its address, and in the end the heads of
/// the requests, in small letters.
pub fn start(requests: usize) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, thread::spawn(move || (0..requests).map(|_| answer(&listener)).collect()))
}

fn answer(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let lines = BufReader::new(&stream).lines().map(Result::unwrap);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let length = BODY.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         set-cookie: session=1; Path=/\r\nconnection: close\r\n\r\n{BODY}"
    )
    .unwrap();
    head.join("\n").to_ascii_lowercase()
}

/// What the client sends, whatever other crates turn on in the HTTP client that they share.
pub fn check(flavour: &str, heads: &[String]) {
    for head in heads {
        assert!(head.starts_with("get /sandboxes/one http/1.1\n"), "{flavour}: {head}");
        assert!(head.contains(&format!("\nx-api-key: {KEY}")), "{flavour}: {head}");
        for unwanted in ["\naccept-encoding:", "\ncookie:", "\nupgrade:", "\nreferer:"] {
            assert!(!head.contains(unwanted), "{flavour} sends{unwanted}\n{head}");
        }
    }
    println!("{flavour}: ok, {} calls", heads.len());
}
