//! How long a cell takes in each language, and in each of the shells of Python.
//!
//! `cargo bench --features blocking,local --bench drivers`
//!
//! The shell of IPython needs an interpreter that has it, named by `CODE_INTERPRETER_TEST_PYTHON`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

use std::{thread, time::Duration};

use code_interpreter::{Execute, LocalEngine, Shell, blocking};
use divan::Bencher;

const DRIVERS: [&str; 4] = ["python-standard", "python-ipython", "bash", "javascript"];

fn main() {
    divan::main();
}

/// An engine, a sandbox in it, the name of a language and a cell; none where the machine lacks what that needs.
struct Driver {
    engine: LocalEngine,
    client: blocking::CodeInterpreter,
    sandbox: blocking::Sandbox,
    language: &'static str,
    code: &'static str,
}

impl Driver {
    fn start(name: &str) -> Option<Self> {
        let mut builder = LocalEngine::builder().shell(Shell::Standard);
        if let Ok(python) = std::env::var("CODE_INTERPRETER_TEST_PYTHON") {
            builder = builder.python(python);
        }
        let (language, code) = match name {
            "bash" => ("bash", "echo $((1 + 1))"),
            "javascript" => ("javascript", "1 + 1"),
            _ => ("python", "1 + 1"),
        };
        if name == "python-ipython" {
            builder = builder.shell(Shell::IPython);
        }
        let engine = builder.start().unwrap();
        let client = blocking::CodeInterpreter::builder().engine(engine.clone()).build().unwrap();
        let started = client.sandboxes().create("python3").and_then(|sandbox| {
            sandbox.execute_code(Execute::new(code).language(language))?;
            Ok(sandbox)
        });
        match started {
            Ok(sandbox) => Some(Self { engine, client, sandbox, language, code }),
            Err(error) => {
                eprintln!("{name} is left out: {error}");
                None
            }
        }
    }

    fn end(self) {
        self.engine.stop().unwrap();
    }
}

/// In a context that is there.
#[divan::bench(args = DRIVERS)]
fn warm_one_plus_one(bencher: Bencher<'_, '_>, name: &str) {
    let Some(driver) = Driver::start(name) else { return };
    bencher.bench_local(|| driver.sandbox.execute_code(Execute::new(driver.code).language(driver.language)).unwrap());
    driver.end();
}

/// A new context, and its first result.
#[divan::bench(args = DRIVERS, sample_count = 20, sample_size = 1)]
fn context_and_one_plus_one(bencher: Bencher<'_, '_>, name: &str) {
    let Some(driver) = Driver::start(name) else { return };
    bencher.bench_local(|| {
        let context = driver.sandbox.contexts().create(driver.language).unwrap();
        driver.sandbox.execute_code(Execute::new(driver.code).context(&context.id)).unwrap()
    });
    driver.end();
}

/// A new sandbox, made ready before, and its first result.
#[divan::bench(args = &DRIVERS[..2], sample_count = 20, sample_size = 1)]
fn sandbox_and_one_plus_one(bencher: Bencher<'_, '_>, name: &str) {
    let Some(driver) = Driver::start(name) else { return };
    // Until the engine has made the next one.
    let inputs = || thread::sleep(Duration::from_secs(1));
    bencher.with_inputs(inputs).bench_local_values(|()| {
        let sandbox = driver.client.sandboxes().create("python3").unwrap();
        sandbox.execute_code(driver.code).unwrap();
        sandbox
    });
    driver.end();
}
