//! Many sandboxes at a time and one after the other, and what is left of them.
//!
//! The numbers are small unless `CODE_INTERPRETER_LOAD=full` asks for those of a busy day; that takes some minutes:
//! `CODE_INTERPRETER_LOAD=full cargo test --release --features local --test load -- --nocapture`
#![cfg(all(target_os = "linux", feature = "async", feature = "local"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use code_interpreter::{CodeInterpreter, Event, LocalEngine, Sandbox, Shell};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many sandboxes are alive at once, are made in sequence, and run code together.
struct Load {
    alive: usize,
    sequence: usize,
    together: usize,
}

/// What a process has, as the system counts it.
#[derive(Clone, Copy, Debug)]
struct Usage {
    descriptors: usize,
    threads: usize,
    children: usize,
    resident: usize,
}

impl Usage {
    fn now() -> Self {
        let count = |path: &str| std::fs::read_dir(path).unwrap().count();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")).unwrap();
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            children: children().len(),
            resident: resident.trim().parse::<usize>().unwrap() << 10,
        }
    }
}

/// The processes that this one started.
fn children() -> BTreeSet<u32> {
    let own = format!("PPid:\t{}\n", std::process::id());
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes
        .filter(|id| std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default().contains(&own))
        .collect()
}

/// In one test, because it counts what the whole process has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sandboxes_leave_nothing() {
    let load = match std::env::var("CODE_INTERPRETER_LOAD").as_deref() {
        Ok("full") => Load { alive: 200, sequence: 1000, together: 50 },
        _ => Load { alive: 12, sequence: 40, together: 12 },
    };
    allow_descriptors(8 * load.alive as u64 + 256);
    let root = std::env::temp_dir().join(format!("load-{}", std::process::id()));
    // The same on machines with and without IPython, which takes longer to start.
    let engine = LocalEngine::builder().directory(&root).shell(Shell::Standard).start().unwrap();
    println!("{}", engine.confinement());
    let client = CodeInterpreter::builder().engine(engine.clone()).build().unwrap();
    // The first ones make what stays: connections, threads and buffers.
    in_sequence(&client, 20).await;
    let first = create(&client, load.alive).await;
    execute_all(&first, "1").await;
    kill_all(first).await;
    settle(&root, 2).await;
    let before = Usage::now();

    let start = Instant::now();
    in_sequence(&client, load.sequence).await;
    report("created, used and killed in sequence", load.sequence, start);
    settle(&root, 2).await;
    alike(before, "in sequence");

    let start = Instant::now();
    let sandboxes = create(&client, load.alive).await;
    report("created at once", load.alive, start);
    let texts = execute_all(&sandboxes, "6 * 7").await;
    assert!(texts.iter().all(|text| text == "42"));
    println!("with all alive: {:?}", Usage::now());
    at_rest(sandboxes.len()).await;

    let start = Instant::now();
    let together = &sandboxes[..load.together.min(sandboxes.len())];
    execute_all(together, "import time\nsum(range(300_000)); time.sleep(0.2)").await;
    report("executing together, of 0.2 s each", together.len(), start);
    a_flood_is_held_back(&sandboxes[0], &sandboxes[1]).await;

    let (start, count) = (Instant::now(), sandboxes.len());
    kill_all(sandboxes).await;
    report("killed at once", count, start);
    settle(&root, 2).await;
    alike(before, "all at once");

    drop(client);
    engine.stop().unwrap();
    assert_eq!(children(), BTreeSet::new());
    assert!(engines(&root).is_empty());
    std::fs::remove_dir_all(&root).unwrap();
}

/// A sandbox takes four of the engine's descriptors, and each connection one at each end, which are both here.
fn allow_descriptors(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.map(|current| current.max(count));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}

async fn in_sequence(client: &CodeInterpreter, count: usize) {
    for number in 0..count {
        let sandbox = client.sandboxes().create("python").await.unwrap();
        let result = sandbox.execute_code(format!("open('file', 'w').write('x' * 1000); {number}")).await.unwrap();
        assert_eq!(result.text(), Some(number.to_string().as_str()));
        sandbox.kill().await.unwrap();
    }
}

async fn create(client: &CodeInterpreter, count: usize) -> Vec<Sandbox> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.sandboxes().create("python").await })
        })
        .collect();
    let mut sandboxes = Vec::new();
    for task in tasks {
        sandboxes.push(task.await.unwrap().unwrap());
    }
    sandboxes
}

async fn kill_all(sandboxes: Vec<Sandbox>) {
    let kill = |sandbox: Sandbox| tokio::spawn(async move { sandbox.kill().await });
    let kills: Vec<_> = sandboxes.into_iter().map(kill).collect();
    for kill in kills {
        kill.await.unwrap().unwrap();
    }
}

async fn execute_all(sandboxes: &[Sandbox], code: &'static str) -> Vec<String> {
    let start = |sandbox: &Sandbox| {
        let sandbox = sandbox.clone();
        tokio::spawn(async move { sandbox.execute_code(code).await })
    };
    let tasks: Vec<_> = sandboxes.iter().map(start).collect();
    let mut texts = Vec::new();
    for task in tasks {
        let result = task.await.unwrap().unwrap();
        assert!(result.is_ok(), "{result}");
        texts.push(result.text().unwrap_or_default().to_owned());
    }
    texts
}

/// What the engine takes, and this client, when all sandboxes have nothing to do.
async fn at_rest(count: usize) {
    let (start, before) = (Instant::now(), processor_ticks());
    tokio::time::sleep(Duration::from_secs(5 + count as u64 / 10)).await;
    // A tick is 10 ms.
    let used = 10 * (processor_ticks() - before);
    println!("{count} at rest: {:.2} ms of processor time a second", used as f64 / start.elapsed().as_secs_f64());
}

/// Of this process, by the system and by itself.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Output that nobody reads stops its own sandbox, stays out of the engine's memory, and delays no other.
async fn a_flood_is_held_back(flooding: &Sandbox, other: &Sandbox) {
    let before = Usage::now().resident;
    let mut events = flooding.execute_stream("while True: print('x' * 1000)").await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(Event::Started(_)))));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        assert_eq!(other.execute_code("1 + 1").await.unwrap().text(), Some("2"));
    }
    let grown = Usage::now().resident.saturating_sub(before);
    println!("two seconds of a flood that nobody reads: {} KiB more", grown >> 10);
    assert!(grown < 32 << 20, "{grown}");
    drop(events);
    assert_eq!(flooding.execute_code("2 + 2").await.unwrap().text(), Some("4"));
}

/// Waits until only what is kept warm is left, and its parts.
async fn settle(root: &PathBuf, most: usize) {
    let start = Instant::now();
    while children().len() > most || directories(root) > most {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} {}", children(), directories(root));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // For the one that is being made, and for threads that have nothing more to do.
    tokio::time::sleep(Duration::from_secs(3)).await;
}

fn engines(root: &PathBuf) -> Vec<PathBuf> {
    let all = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.is_dir() && path.file_name().unwrap().to_string_lossy().starts_with("engine-")).collect()
}

/// The sandboxes' directories.
fn directories(root: &PathBuf) -> usize {
    let inside = engines(root).into_iter().flat_map(|engine| std::fs::read_dir(engine).unwrap());
    inside.filter(|entry| entry.as_ref().unwrap().file_name().len() == 32).count()
}

fn alike(before: Usage, when: &str) {
    let now = Usage::now();
    println!("{when}: {before:?} -> {now:?}");
    assert!(now.descriptors <= before.descriptors + 12, "descriptors, {when}");
    assert!(now.threads <= before.threads + 8, "threads, {when}");
    assert!(now.children <= before.children + 1, "processes, {when}");
    assert!(now.resident <= before.resident + (48 << 20), "memory, {when}");
}

fn report(what: &str, count: usize, start: Instant) {
    let took = start.elapsed();
    println!("{count} {what}: {:.2} s, {:.1} ms each", took.as_secs_f64(), took.as_secs_f64() * 1000.0 / count as f64);
}
