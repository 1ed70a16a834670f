//! Measures the same work done one call after another, with threads, and with async tasks.
//!
//! `cargo run --release --features blocking,local --example sync_vs_async`

#![allow(clippy::expect_used)]

use std::{
    thread,
    time::{Duration, Instant},
};

use code_interpreter::{CodeInterpreter, Error, LocalEngine, blocking};
use tokio::task::JoinSet;

const SANDBOXES: usize = 10;
const SLEEP: &str = "import time\ntime.sleep(0.3)";

/// How long each way took.
struct Row {
    work: &'static str,
    serial: Duration,
    threads: Duration,
    tasks: Duration,
}

fn main() -> Result<(), Error> {
    let engine = LocalEngine::builder().start()?;
    let blocking = blocking::CodeInterpreter::builder().engine(engine.clone()).build()?;
    let asynchronous = CodeInterpreter::builder().engine(engine).build()?;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");

    println!("{SANDBOXES} sandboxes on the embedded engine\n");
    println!("| work, times {SANDBOXES} | blocking, in series | blocking, threads | async, tasks |");
    println!("| --- | ---: | ---: | ---: |");
    let (creates, ids) = measure_creates(&blocking, &asynchronous, &runtime)?;
    let sleeps = measure_code("`time.sleep(0.3)`", SLEEP, &ids, &blocking, &asynchronous, &runtime)?;
    let sums = measure_code("`1 + 1`", "1 + 1", &ids, &blocking, &asynchronous, &runtime)?;
    for Row { work, serial, threads, tasks } in [creates, sleeps, sums] {
        println!("| {work} | {serial:.1?} | {threads:.1?} | {tasks:.1?} |");
    }

    println!("\nAn error is the same value in each:\n");
    let gone = "0123456789abcdef";
    let from_blocking = blocking.sandboxes().execute_code(gone, "1").map(drop);
    let from_thread = thread::scope(|scope| {
        let call = scope.spawn(|| blocking.sandboxes().execute_code(gone, "1").map(drop));
        call.join().expect("no call panics")
    });
    let from_task = runtime.block_on(async { asynchronous.sandboxes().execute_code(gone, "1").await.map(drop) });
    for (way, outcome) in [("in series", from_blocking), ("thread", from_thread), ("task", from_task)] {
        if let Err(error) = outcome {
            println!("{way:>9}: {:?}: {error}", error.kind());
        }
    }
    Ok(())
}

/// Creates ten sandboxes in each way; the last ten are kept.
fn measure_creates(
    blocking: &blocking::CodeInterpreter,
    asynchronous: &CodeInterpreter,
    runtime: &tokio::runtime::Runtime,
) -> Result<(Row, Vec<String>), Error> {
    let kill_all =
        |sandboxes: Vec<blocking::Sandbox>| sandboxes.iter().try_for_each(|sandbox| sandbox.kill().map(drop));
    let create = || blocking.sandboxes().create("python3");

    let (serial, sandboxes) = time(|| (0..SANDBOXES).map(|_| create()).collect::<Result<Vec<_>, _>>())?;
    kill_all(sandboxes)?;
    let (threads, sandboxes) = time(|| in_threads(SANDBOXES, |_| create()))?;
    kill_all(sandboxes)?;
    let (tasks, ids) = time(|| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..SANDBOXES {
                let client = asynchronous.clone();
                tasks.spawn(async move { client.sandboxes().create("python3").await });
            }
            let created = tasks.join_all().await;
            created.into_iter().map(|sandbox| Ok(sandbox?.id().to_owned())).collect::<Result<Vec<_>, Error>>()
        })
    })?;
    Ok((Row { work: "`create`", serial, threads, tasks }, ids))
}

/// Runs the code in each sandbox, in each way.
fn measure_code(
    work: &'static str,
    code: &'static str,
    ids: &[String],
    blocking: &blocking::CodeInterpreter,
    asynchronous: &CodeInterpreter,
    runtime: &tokio::runtime::Runtime,
) -> Result<Row, Error> {
    let run = |id: &String| blocking.sandboxes().execute_code(id, code)?.ok().map(drop);
    // The first execution in a sandbox starts its kernel.
    ids.iter().try_for_each(|id| blocking.sandboxes().execute_code(id, "").map(drop))?;

    let (serial, ()) = time(|| ids.iter().try_for_each(run))?;
    let (threads, _) = time(|| in_threads(ids.len(), |number| run(&ids[number])))?;
    let (tasks, ()) = time(|| {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for id in ids {
                let (client, id) = (asynchronous.clone(), id.clone());
                tasks.spawn(async move { client.sandboxes().execute_code(&id, code).await?.ok() });
            }
            tasks.join_all().await.into_iter().try_for_each(|outcome| outcome.map(drop))
        })
    })?;
    Ok(Row { work, serial, threads, tasks })
}

fn in_threads<T: Send>(count: usize, call: impl Fn(usize) -> Result<T, Error> + Sync) -> Result<Vec<T>, Error> {
    let call = &call;
    thread::scope(|scope| {
        let calls: Vec<_> = (0..count).map(|number| scope.spawn(move || call(number))).collect();
        calls.into_iter().map(|call| call.join().expect("no call panics")).collect()
    })
}

fn time<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(Duration, T), Error> {
    let start = Instant::now();
    let value = work()?;
    Ok((start.elapsed(), value))
}
