//! Scoped use: the sandbox is gone afterwards, whatever happened.

use code_interpreter::{Error, ErrorKind};

use super::local_client;
use crate::{CodeInterpreter, Sandbox, maybe_async};

#[maybe_async]
async fn answer(sandbox: Sandbox) -> Result<String, Error> {
    let result = sandbox.execute_code("6 * 7").await?.ok()?;
    Ok(result.text().unwrap().to_owned())
}

#[maybe_async]
async fn failing(sandbox: Sandbox) -> Result<String, Error> {
    let result = sandbox.execute_code("1 / 0").await?.ok()?;
    Ok(result.text().unwrap().to_owned())
}

#[maybe_async]
async fn killing_it_itself(sandbox: Sandbox) -> Result<(), Error> {
    sandbox.kill().await?;
    Ok(())
}

#[maybe_async]
async fn panicking(_sandbox: Sandbox) -> Result<(), Error> {
    panic!("on purpose");
}

#[maybe_async]
async fn scope_that_panics(client: CodeInterpreter) {
    let _ = client.sandboxes().with("python3", panicking).await;
}

/// How many sandboxes are left, once that has had time to settle.
#[maybe_async]
async fn left(client: &CodeInterpreter) -> usize {
    for _ in 0..40 {
        let sandboxes = client.sandboxes().list().all().await.unwrap();
        if sandboxes.is_empty() {
            return 0;
        }
        crate::sleep(super::ms(50)).await;
    }
    let sandboxes = client.sandboxes().list().all().await.unwrap();
    sandboxes.len()
}

behaviours! {
    async fn the_value_comes_out_and_the_sandbox_is_gone() {
        let client = local_client();
        let value = client.sandboxes().with("python3", answer).await?;
        assert_eq!(value, "42");
        let sandboxes = client.sandboxes().list().all().await?;
        assert!(sandboxes.is_empty());
    }

    async fn the_bodys_error_comes_out_and_the_sandbox_is_gone() {
        let client = local_client();
        let error = client.sandboxes().with("python3", failing).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Execution);
        let sandboxes = client.sandboxes().list().all().await?;
        assert!(sandboxes.is_empty());
    }

    async fn a_sandbox_that_is_gone_already_is_no_failure() {
        local_client().sandboxes().with("python3", killing_it_itself).await?;
    }

    async fn a_panic_goes_on_and_the_sandbox_is_gone() {
        let client = local_client();
        let same = client.clone();
        let running = meanwhile!(scope_that_panics(same));
        let result = crate::finish_caught(running).await;
        assert!(result.is_none());
        let left = left(&client).await;
        assert_eq!(left, 0);
    }
}
