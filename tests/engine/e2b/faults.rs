//! Faults that E2B's own server has, and this engine must not.

use super::*;
use std::io::BufRead;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Which a client ends by closing its connection when its time is over.
fn endless(peer: &Peer, id: &str) -> Stream {
    let mut run = peer.stream(id, json!({"code": "import time\nwhile True: time.sleep(100)"}));
    assert_eq!(run.next().unwrap().unwrap()["type"], "number_of_executions");
    run
}

#[test]
fn a_run_that_times_out_lets_those_go_on_that_wait_for_it() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    peer.execute(&id, json!({"code": "x = 0"}));
    for round in 0..3 {
        let slow = endless(&peer, &id);
        std::thread::scope(|scope| {
            let runs: Vec<_> =
                (0..3).map(|_| scope.spawn(|| peer.execute(&id, json!({"code": "x += 1; x"})))).collect();
            std::thread::sleep(Duration::from_millis(300));
            assert!(runs.iter().all(|run| !run.is_finished()), "they did not wait");
            let start = Instant::now();
            drop(slow);
            let mut values: Vec<i32> =
                runs.into_iter().map(|run| run.join().unwrap().text.unwrap().parse().unwrap()).collect();
            values.sort_unstable();
            assert_eq!(values, [1, 2, 3].map(|n| 3 * round + n));
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        });
    }
}

#[test]
fn one_that_times_out_while_it_waits_is_not_run() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let slow = endless(&peer, &id);
    drop(peer.stream(&id, json!({"code": "y = 1"})));
    std::thread::sleep(Duration::from_millis(300));
    drop(slow);
    assert_eq!(peer.execute(&id, json!({"code": "y"})).error(), "NameError");
}

/// Without TCP_NODELAY each run on a connection that is kept would wait 40 ms for an acknowledgment. The same runs on
/// connections of their own, which do not wait, tell how fast the machine is just now.
#[test]
fn runs_on_a_connection_that_is_kept_wait_for_no_acknowledgment() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    peer.execute(&id, json!({"code": "1"}));
    let connect = || BufReader::new(TcpStream::connect(peer.engine.url().trim_start_matches("http://")).unwrap());
    let mut kept = connect();
    let (mut on_kept, mut on_own): (Vec<_>, Vec<_>) =
        (0..20).map(|_| (timed_run(&peer, &mut kept, &id), timed_run(&peer, &mut connect(), &id))).unzip();
    on_kept.sort_unstable();
    on_own.sort_unstable();
    let (kept, own) = (on_kept[10], on_own[10]);
    assert!(kept < 2 * own + Duration::from_millis(25), "{kept:?}, and {own:?} on connections of their own");
}

/// How long a run takes that prints, shows and ends, each in a packet of its own.
fn timed_run(peer: &Peer, connection: &mut BufReader<TcpStream>, id: &str) -> Duration {
    let body = r#"{"code":"import time\nprint(1, flush=True); time.sleep(0.003); 2"}"#;
    let address = peer.engine.url().trim_start_matches("http://");
    let request = format!(
        "POST /execute HTTP/1.1\r\nHost: {address}\r\nE2b-Sandbox-Id: {id}\r\nE2b-Sandbox-Port: 49999\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let start = Instant::now();
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    // The last chunk of the answer.
    while line != "0\r\n" {
        line.clear();
        assert_ne!(connection.read_line(&mut line).unwrap(), 0, "the connection was closed");
    }
    connection.read_line(&mut line).unwrap();
    start.elapsed()
}

/// E2B's JavaScript client decodes each piece of the answer by itself.
#[test]
fn answers_are_ascii() {
    let peer = engine();
    let id = peer.create_with(json!({"templateID": "base"}));
    let code = "print('é🙂')\ndisplay({'ü': '漢'})\nraise ValueError('ß')";
    let mut response = peer.inside(49999, &id, "POST /execute", &[], &json!({"code": code}).to_string());
    let bytes = response.body_mut().read_to_vec().unwrap();
    assert!(bytes.is_ascii(), "{}", String::from_utf8_lossy(&bytes));
    let run = peer.execute(&id, json!({"code": code}));
    assert_eq!((run.stdout.as_str(), run.value.as_str()), ("é🙂\n", "ß"));
    assert!(run.events.iter().any(|event| event["json"] == json!({"ü": "漢"})), "{run:?}");
}
