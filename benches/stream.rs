//! A stream of 100,000 events of one line each, as services send them: a chunk an event.
//!
//! `cargo bench --features blocking --bench stream`

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::{fmt::Write, sync::LazyLock};

use code_interpreter::{CodeInterpreter, Event, blocking};
use divan::{Bencher, counter::ItemsCount};
use fake_server::FakeServer;

#[path = "../tests/support/fake_server.rs"]
mod fake_server;

const EVENTS: usize = 100_000;

static SERVER: LazyLock<FakeServer> = LazyLock::new(|| {
    let mut body = String::new();
    for number in 0..EVENTS {
        let line = format!(
            "{{\"type\": \"stdout\", \"text\": \"line {number}\\n\", \"timestamp\": \"2026-01-01T00:00:00.000000+00:00\"}}\n"
        );
        write!(body, "{:x}\r\n{line}\r\n", line.len()).unwrap();
    }
    let end = "{\"type\": \"end_of_execution\"}\n";
    write!(body, "{:x}\r\n{end}\r\n0\r\n\r\n", end.len()).unwrap();
    FakeServer::start(move |_, reply| {
        reply.raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        reply.raw(body.as_bytes())
    })
});

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn async_on_a_current_thread_runtime(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    measure_async(bencher, &runtime);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn async_on_a_multi_thread_runtime(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    measure_async(bencher, &runtime);
}

fn measure_async(bencher: Bencher<'_, '_>, runtime: &tokio::runtime::Runtime) {
    let client = CodeInterpreter::builder().url(SERVER.url()).api_key("k").build().unwrap();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        runtime.block_on(async {
            let mut execution = client.sandboxes().execute_stream("sb-1", "x").await.unwrap();
            let mut lines = 0;
            while let Some(event) = execution.next().await {
                lines += usize::from(matches!(event.unwrap(), Event::Stdout(_)));
            }
            assert_eq!(lines, EVENTS);
        });
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn blocking_flavour(bencher: Bencher<'_, '_>) {
    let client = blocking::CodeInterpreter::builder().url(SERVER.url()).api_key("k").build().unwrap();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let execution = client.sandboxes().execute_stream("sb-1", "x").unwrap();
        let lines = execution.filter(|event| matches!(event, Ok(Event::Stdout(_)))).count();
        assert_eq!(lines, EVENTS);
    });
}
