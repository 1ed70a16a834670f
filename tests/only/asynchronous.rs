//! What only the async flavour can do.

use code_interpreter::{CodeInterpreter, Error, ErrorKind, Sandbox, SandboxManager};

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn handles_cross_threads_and_futures_are_send() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<CodeInterpreter>();
    is_shared::<SandboxManager>();
    is_shared::<Sandbox>();
    let client = CodeInterpreter::new("key").unwrap();
    let sandboxes = client.sandboxes();
    drop(assert_send(sandboxes.create("python3")));
    drop(assert_send(sandboxes.get("id")));
    drop(assert_send(sandboxes.list().all()));
    drop(assert_send(sandboxes.kill("id")));
    drop(assert_send(sandboxes.set_timeout("id", std::time::Duration::ZERO)));
    drop(assert_send(sandboxes.execute_code("id", "1")));
    drop(assert_send(sandboxes.with("python3", async |sandbox: Sandbox| sandbox.execute_code("1").await)));
}

#[test]
fn outside_of_a_runtime_it_is_an_error_and_not_a_panic() {
    let client = CodeInterpreter::builder().url("http://127.0.0.1:1").api_key("k").build().unwrap();
    let sandboxes = client.sandboxes();
    let mut call = std::pin::pin!(sandboxes.list().all());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = call.as_mut().poll(&mut context) else { panic!("it waits") };
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Runtime);
    assert!(error.to_string().contains("tokio"), "{error}");
}

#[cfg(feature = "local")]
mod local {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::suite::gateway::local_client;

    #[tokio::test]
    async fn ten_sandboxes_are_created_and_used_at_once() {
        let client = local_client();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..10 {
            let client = client.clone();
            tasks.spawn(async move {
                let sandbox = client.sandboxes().create("python3").await?;
                let result = sandbox.execute_code(format!("{number} * {number}")).await?;
                sandbox.kill().await?;
                Ok::<_, Error>(result.text() == Some(&(number * number).to_string()))
            });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.len(), 10);
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap()));
    }

    #[tokio::test]
    async fn a_dropped_call_interrupts_the_code() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await.unwrap();
        sandbox.execute_code("x = 1").await.unwrap();
        let call = sandbox.execute_code("while True: pass");
        let after = tokio::time::timeout(Duration::from_millis(300), call).await;
        assert!(after.is_err());
        let start = Instant::now();
        let after = sandbox.execute_code("x").await;
        assert_eq!(after.unwrap().text(), Some("1"));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_dropped_scope_kills_its_sandbox() {
        let client = local_client();
        let sandboxes = client.sandboxes();
        let scope = sandboxes
            .with("python3", async |sandbox: Sandbox| sandbox.execute_code("import time; time.sleep(60)").await);
        let after = tokio::time::timeout(Duration::from_secs(2), scope).await;
        assert!(after.is_err());
        assert_emptied(&client).await;
    }

    /// The runtime that a scope ran on ends right behind it: no task of its own is left to kill anything.
    #[test]
    fn a_scope_kills_its_sandbox_though_its_runtime_ends() {
        let client = local_client();
        let scope = async {
            let sandboxes = client.sandboxes();
            let wait = sandboxes.with("python3", async |_: Sandbox| {
                std::future::pending::<()>().await;
                Ok::<_, Error>(())
            });
            let _ = tokio::time::timeout(Duration::from_secs(2), wait).await;
        };
        runtime().block_on(scope);
        runtime().block_on(assert_emptied(&client));
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    async fn assert_emptied(client: &CodeInterpreter) {
        for _ in 0..40 {
            if client.sandboxes().list().all().await.unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sandbox is still there");
    }
}
