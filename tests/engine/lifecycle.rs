//! Pausing and resuming, and what the engine tells of a sandbox.

use super::peer::*;
use serde_json::{Value, json};
use std::{
    sync::mpsc,
    thread::sleep,
    time::{Duration, Instant},
};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl Peer {
    fn on(&self, sandbox: &str, verb: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/sandboxes/{sandbox}/{verb}"), body)
    }

    fn pause(&self, sandbox: &str) {
        let (status, problem) = self.on(sandbox, "pause", json!({}));
        assert_eq!(status, 204, "{problem}");
    }

    fn resume(&self, sandbox: &str) {
        let (status, info) = self.on(sandbox, "connect", json!({"timeout": 60}));
        assert_eq!((status, &info["state"]), (201, &json!("running")), "{info}");
    }

    fn state(&self, sandbox: &str) -> String {
        self.get(&format!("/sandboxes/{sandbox}")).1["state"].as_str().unwrap().to_owned()
    }

    fn messages(&self, sandbox: &str, query: &str) -> Vec<String> {
        let (status, logs) = self.get(&format!("/v2/sandboxes/{sandbox}/logs{query}"));
        assert_eq!(status, 200, "{logs}");
        logs["logs"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }
}

/// The states of the processes below this directory that run user code, as /proc has them.
fn states(peer: &Peer) -> Vec<char> {
    let stat = |id: String| std::fs::read_to_string(format!("/proc/{id}/stat")).ok();
    let state = |stat: String| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    processes_of(&peer.root).into_iter().filter_map(stat).filter_map(state).collect()
}

/// Counts in a thread, in a process and in a process of its own session, and stops one process itself.
const BUSY: &str = "import subprocess, sys, threading, os, signal, time
code = '''import os, sys, time
n = 0
while True:
    n += 1
    with open(sys.argv[1] + '.new', 'w') as file: file.write(str(n))
    os.replace(sys.argv[1] + '.new', sys.argv[1])
    time.sleep(0.01)
'''
counts = {}
def count():
    while True:
        counts['thread'] = counts.get('thread', 0) + 1
        time.sleep(0.01)
threading.Thread(target=count, daemon=True).start()
children = [subprocess.Popen([sys.executable, '-c', code, f'count{n}'], start_new_session=n == 1) for n in range(3)]
while not all(os.path.exists(f'count{n}') for n in range(3)): time.sleep(0.01)
children[2].send_signal(signal.SIGSTOP)
def now():
    read = lambda n: int(open(f'count{n}').read() or 0)
    before = [counts['thread'], *map(read, range(3))]
    time.sleep(0.3)
    return [after > before for before, after in zip(before, [counts['thread'], *map(read, range(3))])]
";

#[test]
fn a_pause_stops_everything_and_keeps_the_memory() {
    for (level, change) in levels() {
        let peer = Peer::with(|builder| change(builder.warm(0)));
        let id = peer.create();
        peer.run(&id, BUSY);
        assert_eq!(peer.text(&id, "now()"), "[True, True, True, False]", "{level}");
        let start = Instant::now();
        peer.pause(&id);
        assert!(start.elapsed() < ms(2000), "{level}: {:?}", start.elapsed());
        assert_eq!(peer.state(&id), "paused");
        // All but the supervisor.
        let (all, stopped) = (states(&peer), states(&peer).into_iter().filter(|state| *state == 'T').count());
        assert_eq!((all.len(), stopped), (5, 4), "{level}: {all:?}");

        let refused = peer.on(&id, "execute", json!({"code": "1"}));
        assert_eq!((refused.0, refused.1["message"].as_str().unwrap().contains("resume")), (409, true));
        assert_eq!(peer.on(&id, "contexts", json!({})).0, 409);
        assert_eq!(peer.get(&format!("/sandboxes/{id}/contexts")).0, 409);
        let again = peer.on(&id, "pause", json!({}));
        assert_eq!(again.1["message"], format!("Error pausing sandbox - sandbox '{id}' is already paused"));
        assert_eq!(again.0, 409);
        assert_eq!(peer.on(&id, "timeout", json!({"timeout": 9})).0, 404);

        peer.resume(&id);
        assert_eq!(peer.state(&id), "running");
        assert_eq!(peer.text(&id, "now()"), "[True, True, True, False]", "{level}");
        assert_eq!(peer.on(&id, "connect", json!({"timeout": 60})).0, 200);
        assert_eq!(peer.on(&id, "resume", json!({})).0, 409);
        assert_eq!(peer.on("nope", "pause", json!({})).0, 404);
        assert_eq!(peer.on("nope", "resume", json!({})).0, 404);
        assert_eq!(peer.on(&id, "pause", json!({"memory": false})).0, 501);
    }
}

#[test]
fn what_is_paused_is_listed_and_does_not_expire() {
    let peer = Peer::new();
    let paused = peer.create_with(json!({"timeout": 1}));
    let running = peer.create();
    peer.pause(&paused);
    let list = |query: &str| {
        let request = peer.agent.get(peer.url(&format!("/v2/sandboxes{query}")));
        let response = request.header("X-API-Key", peer.engine.api_key()).call().unwrap();
        let total = response.headers().get("x-total-running").map(|total| total.to_str().unwrap().to_owned());
        let list = answer(response).1;
        let ids = list.as_array().unwrap().iter().map(|info| info["sandboxID"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), total)
    };
    assert_eq!(list(""), (vec![running.clone(), paused.clone()], Some("1".to_owned())));
    assert_eq!(list("?state=paused"), (vec![paused.clone()], None));
    assert_eq!(list("?state=running"), (vec![running.clone()], Some("1".to_owned())));
    assert_eq!(peer.get("/sandboxes").1.as_array().unwrap().len(), 1);
    sleep(ms(1300));
    let info = peer.get(&format!("/sandboxes/{paused}")).1;
    assert_eq!((&info["state"], &info["lifecycle"]["onTimeout"]), (&json!("paused"), &json!("kill")));
    // The first generation's resume, whose time is short unless given.
    let (status, info) = peer.on(&paused, "resume", json!({"timeout": 1, "autoPause": true}));
    assert_eq!((status, &info["lifecycle"]["onTimeout"]), (201, &json!("pause")));
    assert_eq!(peer.text(&paused, "1"), "1");
    eventually("it was paused at its end", || peer.state(&paused) == "paused");

    let auto = peer.create_with(json!({"timeout": 1, "autoPause": true}));
    peer.run(&auto, "x = 7");
    eventually("it was paused at its end", || peer.state(&auto) == "paused");
    peer.resume(&auto);
    assert_eq!(peer.text(&auto, "x"), "7");
    assert_eq!(peer.on(&auto, "timeout", json!({"timeout": 0})).0, 204);
    eventually("it was paused at once", || peer.state(&auto) == "paused");
    assert_eq!(peer.post("/sandboxes", json!({"autoPause": true, "autoPauseMemory": false})).0, 501);
}

#[test]
fn a_run_waits_for_the_resume() {
    let peer = Peer::new();
    let id = peer.create();
    let slow = "import time\nprint('on', flush=True)\nfor n in range(20): time.sleep(0.05)\n'done'";
    let mut running = peer.start(&id, json!({"code": slow, "timeout": 4}));
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &Value| event["type"] != "stdout") {
        events.push(running.next().unwrap().unwrap());
    }
    let queued = peer.start(&id, json!({"code": "2", "timeout": 4}));
    peer.pause(&id);
    let resumed = Instant::now() + ms(5600);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(resumed.saturating_duration_since(Instant::now()));
            peer.resume(&id);
        });
        events.extend(running.by_ref().map(Result::unwrap));
    });
    assert!(Instant::now() >= resumed);
    let run = Run::new(events);
    assert_eq!((run.text.as_deref(), run.error.as_deref()), (Some("done"), None));
    assert!(run.kinds().contains(&"keepalive"), "{run:?}");
    assert_eq!(Run::new(queued.map(Result::unwrap).collect()).text.as_deref(), Some("2"));

    // What was left of the timeout before the pause is left after it.
    let endless = peer.start(&id, json!({"code": "print('on', flush=True)\nwhile True: pass", "timeout": 1}));
    sleep(ms(300));
    peer.pause(&id);
    sleep(ms(1500));
    let start = Instant::now();
    peer.resume(&id);
    let run = Run::new(endless.map(Result::unwrap).collect());
    assert!(run.value.contains("variables are kept") && start.elapsed() > ms(300), "{run:?} {:?}", start.elapsed());
}

#[test]
fn a_client_that_goes_in_a_pause_costs_no_variables() {
    let peer = Peer::new();
    let id = peer.create();
    peer.run(&id, "x = 5");
    let mut running = peer.start(&id, json!({"code": "print('on', flush=True)\nwhile True: pass"}));
    while running.next().unwrap().unwrap()["type"] != "stdout" {}
    peer.pause(&id);
    drop(running);
    sleep(ms(2500));
    peer.resume(&id);
    assert_eq!(peer.text(&id, "x"), "5");
}

#[test]
fn what_is_paused_ends_quickly_and_leaves_nothing() {
    for (level, change) in levels() {
        let peer = Peer::with(|builder| change(builder.warm(0)));
        let ids: Vec<_> = (0..3).map(|_| peer.create()).collect();
        for id in &ids {
            peer.run(id, BUSY);
            peer.pause(id);
        }
        let start = Instant::now();
        assert_eq!(peer.delete(&format!("/sandboxes/{}", ids[0])).0, 204);
        assert!(start.elapsed() < ms(1000), "{level}: {:?}", start.elapsed());
        eventually("its processes are gone", || processes_of(&peer.root).len() == 10);
        let start = Instant::now();
        peer.engine.stop().unwrap();
        assert!(start.elapsed() < ms(2000), "{level}: {:?}", start.elapsed());
        assert_eq!((processes_of(&peer.root), entries(&peer.root)), (vec![], vec![]));
    }
}

#[test]
fn pausing_while_contexts_come_and_forks_go_on() {
    let peer = Peer::new();
    let id = peer.create();
    let forks = "import os, threading\ndef forks():\n    while True:\n        if (pid := os.fork()) == 0: os._exit(0)\n        os.waitpid(pid, 0)\n\
        for _ in range(3): threading.Thread(target=forks, daemon=True).start()";
    peer.run(&id, forks);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let (peer, id) = (&peer, &id);
        scope.spawn(move || {
            while receiver.try_recv().is_err() {
                let status = peer.on(id, "contexts", json!({})).0;
                assert!(matches!(status, 200 | 409), "{status}");
            }
        });
        for _ in 0..8 {
            peer.pause(id);
            let all = states(peer);
            sleep(ms(30));
            // The supervisors of this sandbox and of the next one, and what had ended already.
            assert!(states(peer).iter().filter(|state| matches!(state, 'R' | 'S')).count() <= 2, "{all:?}");
            peer.resume(id);
        }
        sender.send(()).unwrap();
    });
    assert_eq!(peer.text(&id, "1"), "1");
}

#[test]
fn metrics() {
    for (level, change) in levels() {
        let policy = code_interpreter::Policy::new().memory(512 << 20).disk(64 << 20);
        let peer = Peer::with(|builder| match level {
            "none" => change(builder),
            _ => change(builder.policy(policy)),
        });
        let id = peer.create();
        let created = peer.get(&format!("/sandboxes/{id}")).1;
        if level != "none" {
            assert_eq!((&created["memoryMB"], &created["diskSizeMB"]), (&json!(512), &json!(64)));
        }
        peer.run(&id, "data = bytearray(64 << 20)\nopen('file', 'wb').write(bytes(8 << 20))");
        let read = |query: &str| {
            let (status, points) = peer.get(&format!("/sandboxes/{id}/metrics{query}"));
            assert_eq!(status, 200, "{points}");
            points.as_array().unwrap().clone()
        };
        let first = read("").pop().unwrap();
        let number = |name: &str| first[name].as_f64().unwrap();
        assert!((64e6..256e6).contains(&number("memUsed")), "{level}: {first}");
        assert!((8e6..12e6).contains(&number("diskUsed")), "{level}: {first}");
        assert_eq!(number("memTotal") as u64 >> 20, created["memoryMB"].as_u64().unwrap());
        assert_eq!(number("cpuCount"), created["cpuCount"].as_f64().unwrap());
        assert!(number("cpuUsedPct") < 50.0 && number("processes") >= 2.0, "{first}");

        let busy = peer.start(&id, json!({"code": "while True: pass"}));
        sleep(ms(1200));
        let points = read("");
        let used = points[1]["cpuUsedPct"].as_f64().unwrap();
        assert!(used > 10.0 / created["cpuCount"].as_f64().unwrap() && used <= 100.0, "{points:?}");
        let start = first["timestampUnix"].as_i64().unwrap();
        assert_eq!(read(&format!("?end={}", start - 1)), [] as [Value; 0]);
        assert!(read(&format!("?start={start}&end={}", start + 60)).len() >= 2);
        assert_eq!(peer.get(&format!("/sandboxes/{id}/metrics?start=x")).0, 400);
        drop(busy);

        let several = peer.get(&format!("/sandboxes/metrics?sandbox_ids={id},nope")).1;
        let several = several["sandboxes"].as_object().unwrap();
        assert_eq!(several.keys().collect::<Vec<_>>(), [&id]);
        assert_eq!(peer.get("/sandboxes/metrics").0, 400);
        assert_eq!(peer.get("/sandboxes/nope/metrics").0, 404);
    }
}

#[test]
fn logs_say_what_happened_and_neither_code_nor_output() {
    let peer = Peer::new();
    let id = peer.create_with(json!({"timeout": 90}));
    peer.run(&id, "print('s3cret')");
    peer.run(&id, "raise ValueError('s3cret')");
    peer.run(&id, "import os; os._exit(3)");
    peer.run_with(&id, json!({"code": "while True: pass", "timeout": 0.2}));
    let context = peer.on(&id, "contexts", json!({})).1["id"].as_str().unwrap().to_owned();
    assert_eq!(peer.on(&id, &format!("contexts/{context}/restart"), json!({})).0, 200);
    assert_eq!(peer.delete(&format!("/sandboxes/{id}/contexts/{context}")).0, 200);
    peer.on(&id, "timeout", json!({"timeout": 80}));
    peer.pause(&id);
    peer.resume(&id);
    peer.delete(&format!("/sandboxes/{id}"));

    // Also when it has ended: that is when one wants to know.
    let all = peer.messages(&id, "");
    let expected = [
        "created with python3.",
        "execution 1 started",
        "execution 1 ended",
        "execution 2 started",
        "execution 2 ended",
        "execution 3 started",
        "execution 3 ended",
        "execution 4 started",
        "execution 4 ended",
        "context",
        "context",
        "context",
        "timeout moved: to end in 80 s",
        "paused",
        "resumed, to end in 60 s",
        "ended: killed by a client",
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (line, expected) in all.iter().zip(expected) {
        assert!(line.starts_with(expected) && !line.contains("s3cret"), "{line}");
    }
    let outcomes =
        ["done", "the code raised an exception", "its process exited with status 3", "interrupted at its timeout"];
    for (line, outcome) in all.iter().filter(|line| line.contains(" ended after ")).zip(outcomes) {
        assert!(line.ends_with(outcome), "{line}");
    }
    assert_eq!(peer.messages(&id, "?level=warn").len(), 2);
    assert_eq!(peer.messages(&id, "?search=paused"), ["paused"]);
    assert_eq!(peer.messages(&id, "?direction=backward&limit=1"), ["ended: killed by a client"]);
    assert_eq!(peer.messages(&id, "?cursor=99999999999999"), [] as [&str; 0]);
    assert_eq!(peer.messages(&id, "?direction=backward&cursor=1"), [] as [&str; 0]);
    let old = peer.get(&format!("/sandboxes/{id}/logs?limit=2")).1;
    assert_eq!((old["logs"].as_array().unwrap().len(), &old["logEntries"][0]["level"]), (2, &json!("info")));
    assert!(old["logs"][0]["line"].as_str().unwrap().starts_with("created"), "{old}");
    for bad in ["limit=1001", "limit=-1", "level=loud", "direction=up", "cursor=now"] {
        assert_eq!(peer.get(&format!("/v2/sandboxes/{id}/logs?{bad}")).0, 400, "{bad}");
    }
    assert_eq!(peer.get("/v2/sandboxes/nope/logs").0, 404);
}

#[test]
fn no_shell_and_no_program_takes_a_pause_for_a_stop() {
    let peer = Peer::new();
    let id = peer.create();
    let bash = "set -m; n=0; echo on; for i in 1 2 3 4 5 6 7 8; do (sleep 0.1); n=$((n + 1)); done; sleep 0.1 & wait; echo $n; jobs";
    let javascript =
        "console.log('on'); for (let i = 0; i < 8; i++) await new Promise(r => setTimeout(r, 100)); 'done'";
    let python = "import subprocess; print('on', flush=True); subprocess.run(['sh', '-c', 'sleep 0.8; echo done'], capture_output=True).stdout";
    for (language, code, text, printed) in [
        ("bash", bash, None, "on\n8\n"),
        ("python", python, Some("b'done\\n'"), "on\n"),
        ("javascript", javascript, Some("done"), "on\n"),
    ] {
        if language == "javascript" && crate::without_node() {
            continue;
        }
        let mut running = peer.start(&id, json!({"code": code, "language": language}));
        let mut events = Vec::new();
        while events.last().is_none_or(|event: &Value| event["type"] != "stdout") {
            events.push(running.next().unwrap().unwrap());
        }
        for _ in 0..3 {
            sleep(ms(150));
            peer.pause(&id);
            sleep(ms(200));
            peer.resume(&id);
        }
        events.extend(running.map(Result::unwrap));
        let run = Run::new(events);
        let seen = (run.text.as_deref(), run.stdout.as_str(), run.error.as_deref());
        assert_eq!(seen, (text, printed, None), "{language}");
        // A shell tells of its jobs there.
        assert!(!run.stderr.contains("Stopped"), "{language}: {}", run.stderr);
    }
}
