//! What confinement costs: the same work at each of its levels, beside none.
//!
//! `cargo bench --features blocking,local --bench confinement`

#![allow(missing_docs, clippy::unwrap_used)]

use std::{fmt, sync::LazyLock, thread, time::Duration};

use code_interpreter::{
    LocalEngine, LocalEngineBuilder, Namespaces, Shell,
    blocking::{CodeInterpreter, Sandbox},
};
use divan::Bencher;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    None,
    Landlock,
    Namespaces,
}

const LEVELS: [Level; 3] = [Level::None, Level::Landlock, Level::Namespaces];

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
        })
    }
}

impl Level {
    fn apply(self, builder: LocalEngineBuilder) -> LocalEngineBuilder {
        match self {
            Self::None => builder.unconfined(),
            Self::Landlock => builder.namespaces(Namespaces::Off),
            Self::Namespaces => builder.namespaces(Namespaces::Required),
        }
    }

    fn start(self, warm: usize) -> (LocalEngine, CodeInterpreter) {
        // The same on machines with and without IPython.
        let builder = LocalEngine::builder().shell(Shell::Standard).warm(warm);
        let engine = self.apply(builder).start().unwrap();
        let client = CodeInterpreter::builder().engine(engine.clone()).build().unwrap();
        (engine, client)
    }

    /// An engine that keeps a supervisor warm.
    fn client(self) -> &'static CodeInterpreter {
        static ALL: LazyLock<[(LocalEngine, CodeInterpreter); 3]> =
            LazyLock::new(|| LEVELS.map(|level| level.start(1)));
        &ALL[LEVELS.iter().position(|level| *level == self).unwrap()].1
    }
}

fn main() {
    divan::main();
    for level in LEVELS {
        print_memory(level);
        for info in level.client().sandboxes().list().all().unwrap() {
            level.client().sandboxes().kill(&info.id).unwrap();
        }
    }
}

/// What ten sandboxes take that have run something, as the system counts what they share.
fn print_memory(level: Level) {
    let sandboxes: Vec<_> = (0..10).map(|_| ready(level)).collect();
    let taken: u64 = sandboxes.iter().map(|sandbox| sandbox.metrics().unwrap().last().unwrap().memory_used).sum();
    println!("{level}: {} KiB of memory for each sandbox", taken / 10 / 1024);
    for sandbox in sandboxes {
        sandbox.kill().unwrap();
    }
}

fn ready(level: Level) -> Sandbox {
    let sandbox = level.client().sandboxes().create("python").unwrap();
    sandbox.execute_code("1 + 1").unwrap();
    sandbox
}

#[divan::bench(args = LEVELS, sample_count = 20, sample_size = 1)]
fn create_and_first_result(bencher: Bencher<'_, '_>, level: Level) {
    // Until the engine has made the next supervisor.
    let inputs = || {
        level.client();
        thread::sleep(Duration::from_millis(400));
    };
    bencher.with_inputs(inputs).bench_local_values(|()| {
        let sandbox = level.client().sandboxes().create("python").unwrap();
        sandbox.execute_code("1 + 1").unwrap();
        sandbox
    });
}

#[divan::bench(args = LEVELS, sample_count = 20, sample_size = 1)]
fn create_and_first_result_with_nothing_warm(bencher: Bencher<'_, '_>, level: Level) {
    let (engine, client) = level.start(0);
    bencher.bench_local(|| {
        let sandbox = client.sandboxes().create("python").unwrap();
        sandbox.execute_code("1 + 1").unwrap();
        sandbox
    });
    engine.stop().unwrap();
}

#[divan::bench(args = LEVELS)]
fn warm_execute(bencher: Bencher<'_, '_>, level: Level) {
    let sandbox = ready(level);
    bencher.bench_local(|| sandbox.execute_code("1 + 1").unwrap());
    sandbox.kill().unwrap();
}

#[divan::bench(args = LEVELS, sample_count = 30, sample_size = 1)]
fn restart_and_first_result(bencher: Bencher<'_, '_>, level: Level) {
    let sandbox = ready(level);
    let context = sandbox.contexts().create("python").unwrap();
    bencher.bench_local(|| {
        sandbox.contexts().restart(&context.id).unwrap();
        sandbox.execute_code(code_interpreter::Execute::new("1 + 1").context(&context.id)).unwrap()
    });
    sandbox.kill().unwrap();
}

#[divan::bench(args = LEVELS, sample_count = 20, sample_size = 1)]
fn kill(bencher: Bencher<'_, '_>, level: Level) {
    bencher.with_inputs(|| ready(level)).bench_local_values(|sandbox| sandbox.kill().unwrap());
}
