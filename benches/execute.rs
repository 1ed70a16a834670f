//! How long code takes from the client's call to its result, on the embedded engine.
//!
//! `cargo bench --features blocking,local`

#![allow(missing_docs, clippy::unwrap_used)]

use std::{process::Command, sync::LazyLock, thread, time::Duration};

use code_interpreter::{CodeInterpreter, Execute, LocalEngine, blocking};
use divan::Bencher;

static ENGINE: LazyLock<LocalEngine> = LazyLock::new(|| LocalEngine::builder().start().unwrap());
static BLOCKING: LazyLock<blocking::CodeInterpreter> =
    LazyLock::new(|| blocking::CodeInterpreter::builder().engine(ENGINE.clone()).build().unwrap());
static ASYNC: LazyLock<CodeInterpreter> =
    LazyLock::new(|| CodeInterpreter::builder().engine(ENGINE.clone()).build().unwrap());

fn main() {
    divan::main();
    ENGINE.stop().unwrap();
}

/// A kernel that runs already, in each flavour.
#[divan::bench_group]
mod warm_one_plus_one {
    use super::*;

    #[divan::bench]
    fn blocking_flavour(bencher: Bencher<'_, '_>) {
        let sandbox = BLOCKING.sandboxes().create("python3").unwrap();
        bencher.bench_local(|| sandbox.execute_code("1 + 1").unwrap());
        sandbox.kill().unwrap();
    }

    #[divan::bench]
    fn async_flavour(bencher: Bencher<'_, '_>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sandbox = runtime.block_on(ASYNC.sandboxes().create("python3")).unwrap();
        bencher.bench_local(|| runtime.block_on(sandbox.execute_code("1 + 1")).unwrap());
        runtime.block_on(sandbox.kill()).unwrap();
    }
}

/// From nothing to a result.
#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod first_result {
    use super::*;

    /// With a supervisor kept warm, as is the default.
    #[divan::bench]
    fn sandbox_and_one_plus_one(bencher: Bencher<'_, '_>) {
        bencher
            .with_inputs(|| {
                LazyLock::force(&BLOCKING);
                // Until the engine has made the next supervisor.
                thread::sleep(Duration::from_millis(400));
            })
            .bench_local_values(|()| {
                let sandbox = BLOCKING.sandboxes().create("python3").unwrap();
                let result = sandbox.execute_code("1 + 1").unwrap();
                assert_eq!(result.text(), Some("2"));
                sandbox
            });
        for info in BLOCKING.sandboxes().list().all().unwrap() {
            BLOCKING.sandboxes().kill(&info.id).unwrap();
        }
    }

    /// A new context in a sandbox that is there already.
    #[divan::bench]
    fn context_and_one_plus_one(bencher: Bencher<'_, '_>) {
        let sandbox = BLOCKING.sandboxes().create("python3").unwrap();
        bencher.bench_local(|| {
            let context = sandbox.contexts().create("python").unwrap();
            sandbox.execute_code(Execute::new("1 + 1").context(&context.id)).unwrap()
        });
        sandbox.kill().unwrap();
    }

    /// What one would write without a client: a Python process a run.
    #[divan::bench]
    fn peer_python_process() {
        assert!(Command::new("python3").args(["-c", "print(1 + 1)"]).output().unwrap().status.success());
    }
}
