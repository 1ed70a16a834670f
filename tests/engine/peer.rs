//! A client of the engine that sees the wire as it is, and what its processes leave behind.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use code_interpreter::{LocalEngine, LocalEngineBuilder, Namespaces, Policy, Shell};
use serde_json::{Value, json};

/// A directory of its own for each test, so that what is left over is seen.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("engine-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub struct Peer {
    pub engine: LocalEngine,
    pub agent: ureq::Agent,
    pub scratch: Scratch,
    pub root: PathBuf,
}

impl Peer {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(change: impl FnOnce(LocalEngineBuilder) -> LocalEngineBuilder) -> Self {
        let scratch = Scratch::new();
        let root = scratch.0.clone();
        // The same on machines with and without IPython.
        let builder = LocalEngine::builder().directory(&root).shell(Shell::Standard);
        let engine = change(builder).start().unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self { engine, agent, scratch, root }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.engine.url())
    }

    pub fn post_raw(&self, path: &str, body: &str) -> ureq::http::Response<ureq::Body> {
        self.agent.post(self.url(path)).header("X-API-Key", self.engine.api_key()).send(body).unwrap()
    }

    pub fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.post_raw(path, &body.to_string()))
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        answer(self.agent.get(self.url(path)).header("X-API-Key", self.engine.api_key()).call().unwrap())
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.agent.delete(self.url(path)).header("X-API-Key", self.engine.api_key()).call().unwrap())
    }

    pub fn create(&self) -> String {
        self.create_with(json!({}))
    }

    pub fn create_with(&self, body: Value) -> String {
        let (status, info) = self.post("/sandboxes", body);
        assert_eq!(status, 201, "{info}");
        info["sandboxID"].as_str().unwrap().to_owned()
    }

    pub fn start(&self, sandbox: &str, body: Value) -> Stream {
        let response = self.post_raw(&format!("/sandboxes/{sandbox}/execute"), &body.to_string());
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        Stream(BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    pub fn run_with(&self, sandbox: &str, body: Value) -> Run {
        let events: Result<Vec<_>, _> = self.start(sandbox, body).collect();
        Run::new(events.unwrap())
    }

    pub fn run(&self, sandbox: &str, code: &str) -> Run {
        self.run_with(sandbox, json!({"code": code}))
    }

    pub fn text(&self, sandbox: &str, code: &str) -> String {
        let run = self.run(sandbox, code);
        run.text.clone().unwrap_or_else(|| panic!("{code}: {run:?}"))
    }
}

/// How to get an engine that confines in one way.
pub type Change = fn(LocalEngineBuilder) -> LocalEngineBuilder;

/// The levels of confinement, as the sandboxes' info has them, and how to get an engine of each.
pub const LEVELS: [(&str, Change); 3] = [
    ("namespaces", |builder| builder.namespaces(Namespaces::Required)),
    ("landlock", |builder| builder.namespaces(Namespaces::Off)),
    ("none", LocalEngineBuilder::unconfined),
];

/// Those of them that confine.
pub fn confined() -> impl Iterator<Item = (&'static str, Change)> {
    levels().filter(|(level, _)| *level != "none")
}

/// Runs something at every level that has limits, in a sandbox of a new engine with this policy.
pub fn at_each_level(policy: Policy, test: impl Fn(&Peer, &str)) {
    for (name, level) in confined() {
        eprintln!("level {name}");
        let peer = Peer::with(|builder| level(builder.policy(policy.clone()).warm(0)));
        let id = peer.create();
        test(&peer, &id);
    }
}

/// Those that this run is not told to do without.
pub fn levels() -> impl Iterator<Item = (&'static str, Change)> {
    LEVELS.into_iter().filter(|(level, _)| is_expected(level))
}

/// What a machine lacks, its tests fail without, unless `CODE_INTERPRETER_TEST_WITHOUT` lists it, as in `namespaces,node`.
pub fn is_expected(what: &str) -> bool {
    let without = std::env::var("CODE_INTERPRETER_TEST_WITHOUT").unwrap_or_default();
    !without.split(',').any(|name| name.trim() == what)
}

pub fn answer(mut response: ureq::http::Response<ureq::Body>) -> (u16, Value) {
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub struct Stream(pub BufReader<ureq::BodyReader<'static>>);

impl Iterator for Stream {
    type Item = std::io::Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:.200}")))),
            Err(error) => Some(Err(error)),
        }
    }
}

#[derive(Debug)]
pub struct Run {
    pub events: Vec<Value>,
    pub stdout: String,
    pub stderr: String,
    pub text: Option<String>,
    pub error: Option<String>,
    pub value: String,
    pub traceback: String,
}

impl Run {
    pub fn new(events: Vec<Value>) -> Self {
        assert_eq!(events.last().map(|event| &event["type"]), Some(&json!("end_of_execution")), "{events:?}");
        let joined = |kind: &str| {
            events.iter().filter(|e| e["type"] == kind).map(|e| e["text"].as_str().unwrap()).collect::<String>()
        };
        let error = events.iter().rfind(|e| e["type"] == "error");
        let field = |name: &str| error.map(|e| e[name].as_str().unwrap().to_owned());
        let main = events.iter().rfind(|e| e["is_main_result"] == true);
        Self {
            stdout: joined("stdout"),
            stderr: joined("stderr"),
            text: main.map(|e| e["text"].as_str().unwrap().to_owned()),
            error: field("name"),
            value: field("value").unwrap_or_default(),
            traceback: field("traceback").unwrap_or_default(),
            events,
        }
    }

    pub fn error(&self) -> &str {
        self.error.as_deref().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    pub fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event["type"].as_str().unwrap()).collect()
    }
}

pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(8), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes that have a directory below this one as their home, in their environment or as a mount.
pub fn processes_of(root: &Path) -> Vec<String> {
    let home = format!("HOME={}", root.display());
    let mount = format!("{}/engine-", root.file_name().unwrap().to_string_lossy());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let holds = |file: &str, text: &str| {
            String::from_utf8_lossy(&std::fs::read(entry.path().join(file)).unwrap_or_default()).contains(text)
        };
        if holds("environ", &home) || holds("mountinfo", &mount) {
            found.push(name);
        }
    }
    found
}

pub fn entries(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("engine-"))
        .collect();
    names.sort();
    names
}
