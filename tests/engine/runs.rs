//! How runs go, wait for each other and end.

use super::peer::*;
use crate::without_node;
use code_interpreter::LocalEngineBuilder;
use serde_json::{Value, json};
use std::{
    io::BufReader,
    time::{Duration, Instant},
};

#[test]
fn a_dead_kernel_is_told_of_and_replaced() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "x = 1");
    let run = peer.run(&id, "import os\nprint('last words', end='', flush=True)\nos._exit(1)");
    assert_eq!((run.error(), run.stdout.as_str()), ("KernelDied", "last words"));
    assert!(run.value.contains("status 1") && run.value.contains("lost"), "{}", run.value);
    assert_eq!(peer.run(&id, "x").error(), "NameError");
    let run = peer.run(&id, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)");
    assert!(run.value.contains("signal 11"), "{}", run.value);
    assert_eq!(peer.text(&id, "2"), "2");
    peer.run(&id, "import threading, os\nthreading.Timer(0.1, lambda: os._exit(4)).start()");
    std::thread::sleep(Duration::from_millis(300));
    assert!(peer.run(&id, "x = 5").value.contains("status 4"));
    assert_eq!(peer.text(&id, "3"), "3");
    // User code that finds the driver's socket hurts its own context at most.
    let find = "import os, stat\nfor fd in range(3, 20):\n    try:\n        if stat.S_ISSOCK(os.fstat(fd).st_mode): break\n    except OSError: pass\n";
    let forged = r#"b'{"event": "result", "run": 1, "ack": 1, "main": true, "data": {"text/plain": "forged"}}\nnonsense\n[1]\n{"event": "done", "run": 99}\n'"#;
    let run = peer.run(&id, &format!("{find}os.write(fd, {forged})\nprint('end')"));
    assert_eq!(run.stdout, "end\n");
    assert_eq!(peer.text(&id, "4"), "4");
    assert_eq!(peer.run(&id, &format!("{find}os.close(fd)\nwhile True: pass")).error(), "KernelKilled");
    assert_eq!(peer.text(&id, "5"), "5");
}

#[test]
fn a_client_that_goes_away_interrupts() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "kept = 'kept'");
    for (code, keeps_state) in [
        ("print('on')\nwhile True: pass", true),
        ("import time; print('on'); time.sleep(100)", true),
        ("import subprocess; print('on'); subprocess.run(['sleep', '100'])", true),
        ("import asyncio; print('on'); await asyncio.sleep(100)", true),
        ("while True: print('flood' * 1000)", true),
        ("print('on'); sum(range(10**12))", false),
    ] {
        let mut stream = peer.start(&id, json!({"code": code}));
        while stream.next().unwrap().unwrap()["type"] != "stdout" {}
        drop(stream);
        let start = Instant::now();
        let run = peer.run(&id, "kept");
        let took = start.elapsed();
        if keeps_state {
            assert_eq!(run.text.as_deref(), Some("kept"), "{code}: {run:?}");
            assert!(took < Duration::from_millis(1500), "{code}: {took:?}");
        } else {
            assert_eq!(run.error(), "NameError");
            assert!(took > Duration::from_secs(1) && took < Duration::from_secs(4), "{code}: {took:?}");
        }
    }
}

#[test]
fn one_context_runs_one_thing_at_a_time() {
    let peer = Peer::new();
    let id = peer.create();
    let first = peer.start(&id, json!({"code": "import time; time.sleep(0.5); order = ['first']"}));
    let left = peer.start(&id, json!({"code": "order.append('left the queue')"}));
    let second = peer.start(&id, json!({"code": "order.append('second')"}));
    drop(left);
    std::thread::sleep(Duration::from_millis(50));
    let third = peer.start(&id, json!({"code": "order"}));
    assert_eq!(first.count(), 2);
    assert_eq!(second.count(), 2);
    let run = Run::new(third.map(Result::unwrap).collect());
    assert_eq!(run.text.as_deref(), Some("['first', 'second']"));
}

#[test]
fn contexts_are_parallel_and_apart() {
    let peer = Peer::new();
    let id = peer.create();
    let contexts = format!("/sandboxes/{id}/contexts");
    let (status, made) = peer.post(&contexts, json!({"language": null, "cwd": "/"}));
    assert_eq!((status, &made["language"], &made["cwd"]), (200, &json!("python"), &json!("/")));
    let other = made["id"].as_str().unwrap().to_owned();
    let listed = peer.get(&contexts).1.as_array().cloned().unwrap();
    assert_eq!(listed.len(), if without_node() { 2 } else { 3 });
    assert_eq!(listed.last().unwrap()["id"], json!(other));
    peer.run(&id, "x = 'default'");
    let in_other = |code: &str| peer.run_with(&id, json!({"code": code, "context_id": other}));
    assert_eq!(in_other("x").error(), "NameError");
    assert_eq!(in_other("import os; os.getcwd()").text.as_deref(), Some("/"));

    let start = Instant::now();
    let slow = peer.start(&id, json!({"code": "import time; time.sleep(1)"}));
    assert_eq!(in_other("1").text.as_deref(), Some("1"));
    assert!(start.elapsed() < Duration::from_millis(900));
    drop(slow);

    let (status, problem) = peer.post(&contexts, json!({"cwd": "/nowhere"}));
    assert_eq!(status, 400, "{problem}");
    assert!(problem["message"].as_str().unwrap().contains("/nowhere"));
    assert_eq!(peer.post(&contexts, json!({"language": "cobol"})).0, 400);
    assert_eq!(peer.get(&contexts).1.as_array(), Some(&listed));
    let execute = format!("/sandboxes/{id}/execute");
    assert_eq!(peer.post(&execute, json!({"code": "1", "context_id": "nope"})).1["message"], "Context nope not found");
    assert_eq!(peer.post(&execute, json!({"code": "1", "context_id": other, "language": "python"})).0, 400);
    let (status, problem) = peer.post(&execute, json!({"code": "1", "language": "cobol"}));
    assert_eq!(status, 400);
    assert!(problem["message"].as_str().unwrap().contains("'cobol'"));
    assert_eq!(peer.run_with(&id, json!({"code": "x", "language": "Python3"})).text.as_deref(), Some("default"));
}

#[test]
fn restarting_and_removing_a_context() {
    let peer = Peer::new();
    let id = peer.create();
    let contexts = format!("/sandboxes/{id}/contexts");
    let default = peer.get(&contexts).1[0]["id"].as_str().unwrap().to_owned();
    peer.run(&id, "x = 1");
    let mut running = peer.start(&id, json!({"code": "import time\nprint('on')\ntime.sleep(100)"}));
    assert_eq!(running.next().unwrap().unwrap()["type"], "number_of_executions");
    let queued = peer.start(&id, json!({"code": "1"}));
    assert_eq!(peer.post(&format!("{contexts}/{default}/restart"), json!({})), (200, Value::Null));
    let run = Run::new(running.map(Result::unwrap).collect());
    assert_eq!((run.error(), run.value.as_str()), ("ContextRestarting", "Context was restarted"));
    assert_eq!(Run::new(queued.map(Result::unwrap).collect()).text.as_deref(), Some("1"));
    assert_eq!(peer.run(&id, "x").error(), "NameError");
    peer.run(&id, "x = 2");
    peer.post(&format!("{contexts}/{default}/restart"), json!({}));
    assert_eq!(peer.run(&id, "x").error(), "NameError");

    let running = peer.start(&id, json!({"code": "import time; time.sleep(100)"}));
    let queued = peer.start(&id, json!({"code": "1"}));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(peer.delete(&format!("{contexts}/{default}")), (200, Value::Null));
    for stream in [running, queued] {
        assert_eq!(Run::new(stream.map(Result::unwrap).collect()).error(), "UnexpectedEndOfExecution");
    }
    assert_eq!(peer.delete(&format!("{contexts}/{default}")).0, 404);
    assert_eq!(peer.post(&format!("{contexts}/{default}/restart"), json!({})).0, 404);
    assert_eq!(peer.text(&id, "3"), "3");
}

#[test]
fn a_timeout_ends_a_run() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "kept = 1");
    let body = json!({"code": "import time\nprint('on')\ntime.sleep(100)", "timeout": 0.4});
    let response = peer.post_raw(&format!("/sandboxes/{id}/execute"), &body.to_string());
    assert_eq!(response.headers()["x-execution-timeout"], "0.4");
    let stream = Stream(BufReader::new(response.into_body().into_reader()));
    let run = Run::new(stream.map(Result::unwrap).collect());
    assert_eq!((run.error(), run.stdout.as_str()), ("ExecutionTimeout", "on\n"));
    assert!(run.value.contains("0.4 s") && run.value.contains("kept"), "{}", run.value);
    assert_eq!(run.events.iter().filter(|event| event["type"] == "error").count(), 1);
    assert_eq!(run.events.last().unwrap()["reason"], "timeout");
    assert_eq!(peer.text(&id, "kept"), "1");

    let start = Instant::now();
    let run = peer.run_with(&id, json!({"code": "sum(range(10**12))", "timeout": 0.3}));
    assert!(run.value.contains("lost"), "{}", run.value);
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(peer.run(&id, "kept").error(), "NameError");

    let _slow = peer.start(&id, json!({"code": "import time; time.sleep(1)"}));
    std::thread::sleep(Duration::from_millis(50));
    let run = peer.run_with(&id, json!({"code": "print('never')", "timeout": 0.2}));
    assert!(run.value.contains("waiting") && run.stdout.is_empty(), "{}", run.value);
    assert_eq!(run.kinds(), ["error", "end_of_execution"]);
    // What is longer than a year is no limit, and not confirmed as one.
    let body = json!({"code": "print('on')", "timeout": 1e300}).to_string();
    let response = peer.post_raw(&format!("/sandboxes/{id}/execute"), &body);
    assert_eq!((response.status().as_u16(), response.headers().get("x-execution-timeout")), (200, None));
    assert_eq!(peer.run_with(&id, json!({"code": "while True: pass", "timeout": 1e-12})).error(), "ExecutionTimeout");
    for bad in [json!(0), json!(-1), json!("1")] {
        assert_eq!(
            peer.post(&format!("/sandboxes/{id}/execute"), json!({"code": "1", "timeout": bad})).0,
            400,
            "{bad}"
        );
    }
}

#[test]
fn a_flood_does_not_put_off_a_timeout() {
    let peer = Peer::new();
    let flood = "import gc\ndriver = [o for o in gc.get_objects() if type(o).__name__ == 'Driver'][0]\n\
                 line = b'{\"event\":\"x\"}\\n' * 5000\n";
    for (before, code) in [
        (flood, "while True: driver.control.socket.sendall(line)"),
        (
            flood,
            "while True:\n    try:\n        while True: driver.control.socket.sendall(line)\n    except KeyboardInterrupt: pass",
        ),
        ("", "while True: print('x' * 10000)"),
        ("", "while True:\n    try:\n        while True: print('x' * 10000)\n    except KeyboardInterrupt: pass"),
        ("import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2])", "while True: os.write(1, b'x' * 50000)"),
    ] {
        let id = peer.create();
        let run = peer.run(&id, before);
        assert!(run.error.is_none(), "{run:?}");
        let start = Instant::now();
        let run = peer.run_with(&id, json!({"code": code, "timeout": 1}));
        assert_eq!((run.error(), &run.events.last().unwrap()["reason"]), ("ExecutionTimeout", &json!("timeout")));
        assert!(start.elapsed() < Duration::from_millis(4500), "{code}: {:?}", start.elapsed());
        assert_eq!(peer.text(&id, "1"), "1");
        assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    }
}

#[test]
fn a_run_of_a_killed_sandbox_is_cut() {
    let peer = Peer::new();
    let id = peer.create();
    let mut running = peer.start(&id, json!({"code": "print('on')\nimport time; time.sleep(100)"}));
    assert_eq!(running.next().unwrap().unwrap()["type"], "number_of_executions");
    let queued = peer.start(&id, json!({"code": "1"}));
    assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    assert!(running.last().unwrap().is_err());
    assert!(queued.last().unwrap().is_err());
    let (status, problem) = peer.get(&format!("/sandboxes/{id}"));
    assert_eq!((status, problem["code"].as_u64()), (404, Some(404)));
    assert_eq!(problem["message"], format!("Sandbox \"{id}\" doesn't exist or you don't have access to it"));
    assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 404);

    // A supervisor that is killed takes its sandbox along; confined code cannot kill it.
    let peer = Peer::with(LocalEngineBuilder::unconfined);
    let id = peer.create();
    let running =
        peer.start(&id, json!({"code": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass"}));
    assert!(running.last().unwrap().is_err());
    eventually("the sandbox is gone", || peer.get(&format!("/sandboxes/{id}")).0 == 404);
}

#[test]
fn big_code_big_output_big_results() {
    let peer = Peer::new();
    let id = peer.create();
    let code = format!("x = '{}'\nlen(x)", "y".repeat(10 << 20));
    assert_eq!(peer.text(&id, &code), (10 << 20).to_string());
    let run = peer.run(&id, "for i in range(100000): print('%099d' % i)");
    assert_eq!(run.stdout.len(), 10_000_000);
    assert_eq!(run.stdout.lines().nth(99_999).map(|line| line.trim_start_matches('0')), Some("99999"));
    assert!(run.events.len() < 1000, "{}", run.events.len());
    assert_eq!(peer.run(&id, "print('z' * 10**7)").stdout.len(), 10_000_001);
    assert_eq!(peer.text(&id, "'w' * (20 << 20)").len(), 20 << 20);
    let run = peer.run(&id, "print('é€😀' * 500000, end='')");
    assert_eq!(run.stdout, "é€😀".repeat(500_000));
    let code = "import os, time\nfor b in '😀é'.encode():\n    os.write(1, bytes([b])); time.sleep(0.02)\nos.write(1, b'\\xff\\xf0\\x9f')\nNone";
    assert_eq!(peer.run(&id, code).stdout, "😀é\u{FFFD}\u{FFFD}");
    let refused = peer.run(&id, "'v' * (210 << 20)");
    assert!(refused.error() == "ValueError" && refused.value.contains("limit"), "{}", refused.value);
}

#[test]
fn what_the_engine_holds_for_a_kernel_has_a_limit() {
    let peer = Peer::new();
    let id = peer.create();
    let code = "import os, stat
is_socket = lambda fd: os.path.exists(f'/dev/fd/{fd}') and stat.S_ISSOCK(os.fstat(int(fd)).st_mode)
control = int(next(filter(is_socket, os.listdir('/dev/fd'))))
for _ in range(300): os.write(control, b'x' * (1 << 20))";
    let run = peer.run(&id, code);
    assert_eq!(run.error(), "OutOfMemory", "{}", run.value);
    assert!(run.value.contains("no client has taken"), "{}", run.value);
    assert_eq!(peer.text(&id, "1 + 1"), "2");
}

#[test]
fn a_slow_reader_stops_its_kernel_only() {
    let peer = Peer::new();
    let id = peer.create();
    let other = peer.post(&format!("/sandboxes/{id}/contexts"), json!({})).1["id"].as_str().unwrap().to_owned();
    let code = "n = 0\nwhile n < 3000:\n    print('%09999d' % n); n += 1\n    open('n', 'w').write(str(n))";
    let mut slow = peer.start(&id, json!({"code": code}));
    slow.next();
    let written = || {
        let run = peer.run_with(&id, json!({"code": "open('n').read() or 0", "context_id": other}));
        run.text.unwrap().parse::<u32>().unwrap()
    };
    let mut last = 0;
    eventually("the kernel waits", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = written();
        std::mem::replace(&mut last, now) == now
    });
    assert!(last < 2500, "{last}");
    let rest: Vec<_> = slow.map(Result::unwrap).collect();
    assert_eq!(Run::new(rest).stdout.len(), 30_000_000);

    // Timeouts and kills reach a run whose reader does not read.
    let stuck = peer.start(&id, json!({"code": "while True: print('x' * 10000)", "timeout": 1}));
    std::thread::sleep(Duration::from_millis(1500));
    let run = Run::new(stuck.map(Result::unwrap).collect());
    assert!(run.value.contains("kept"), "{}", run.value);
    let stuck = peer.start(&id, json!({"code": "while True: print('x' * 10000)"}));
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    assert_eq!(peer.delete(&format!("/sandboxes/{id}")).0, 204);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(stuck.last().unwrap().is_err());
}

#[test]
fn silence_is_kept_alive() {
    let peer = Peer::new();
    let id = peer.create();
    let run = peer.run(&id, "import time; time.sleep(5.5)");
    assert_eq!(run.kinds(), ["number_of_executions", "keepalive", "end_of_execution"]);
}
