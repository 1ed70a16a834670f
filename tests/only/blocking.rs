//! What only the blocking flavour has to bear: being called from inside async runtimes.

use code_interpreter::blocking::CodeInterpreter;

use crate::support::fake_server::FakeServer;

fn server() -> FakeServer {
    FakeServer::always(200, "", r#"{"id":"sb-1"}"#)
}

fn use_and_drop(server: &FakeServer, calls: usize) {
    let client = CodeInterpreter::builder().url(server.url()).api_key("k").build().unwrap();
    for _ in 0..calls {
        assert_eq!(client.sandboxes().get("sb-1").unwrap().id(), "sb-1");
    }
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    match threads {
        0 => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap(),
    }
}

#[test]
fn it_works_inside_every_kind_of_runtime() {
    let server = server();
    for threads in [0, 1, 2] {
        let runtime = runtime(threads);
        runtime.block_on(async { use_and_drop(&server, 3) });
        runtime.block_on(async { tokio::task::LocalSet::new().run_until(async { use_and_drop(&server, 3) }).await });
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(async { use_and_drop(&server, 3) })).join().unwrap()
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_in_spawn_blocking_and_in_block_in_place() {
    let server = std::sync::Arc::new(server());
    let shared = std::sync::Arc::clone(&server);
    tokio::task::spawn_blocking(move || use_and_drop(&shared, 3)).await.unwrap();
    tokio::task::block_in_place(|| use_and_drop(&server, 3));
}

/// A task of tokio has a budget of operations; one that never yields must not run out of it.
#[tokio::test]
async fn five_hundred_calls_inside_one_task_end() {
    let server = server();
    tokio::spawn(async move { use_and_drop(&server, 500) }).await.unwrap();
}

/// Without a timer of the caller's runtime, clocks run on the driver's.
#[test]
fn its_clocks_run_in_a_runtime_without_timers() {
    let server = FakeServer::start(|_, reply| reply.stall());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let client = CodeInterpreter::builder()
            .url(server.url())
            .api_key("k")
            .request_timeout(std::time::Duration::from_millis(100))
            .build()
            .unwrap();
        assert!(client.sandboxes().get("sb-1").unwrap_err().is_timeout());
    });
}

#[cfg(feature = "async")]
#[tokio::test]
async fn both_flavours_share_models_and_errors_in_one_program() {
    let server = server();
    let asynchronous = code_interpreter::CodeInterpreter::builder().url(server.url()).api_key("k").build().unwrap();
    let blocking = CodeInterpreter::builder().url(server.url()).api_key("k").build().unwrap();
    let infos: [code_interpreter::SandboxInfo; 2] = [
        asynchronous.sandboxes().get("sb-1").await.unwrap().info().await.unwrap(),
        blocking.sandboxes().get("sb-1").unwrap().info().unwrap(),
    ];
    assert_eq!(infos[0], infos[1]);
    let errors: [code_interpreter::Error; 2] =
        [asynchronous.sandboxes().get("no/id").await.unwrap_err(), blocking.sandboxes().get("no/id").unwrap_err()];
    assert_eq!(errors[0].to_string(), errors[1].to_string());
}

#[cfg(feature = "local")]
#[test]
fn an_engine_is_used_and_dropped_inside_a_runtime() {
    for threads in [0, 2] {
        runtime(threads).block_on(async {
            let client = crate::suite::gateway::local_client();
            let sandbox = client.sandboxes().create("python3").unwrap();
            assert_eq!(sandbox.execute_code("1 + 1").unwrap().text(), Some("2"));
        });
    }
}
