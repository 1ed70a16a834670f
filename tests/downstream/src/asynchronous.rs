use code_interpreter::{CodeInterpreter, CreateSandbox, Error, Sandbox};

use crate::server;

pub fn run() {
    let (url, server) = server::start(2);
    let client = CodeInterpreter::builder().url(url).api_key(server::KEY).build().unwrap();
    // Not polled: the server here has no sandbox to run code in.
    drop(is_send(work(client.clone())));
    // On a runtime with threads, where the futures of tasks have to be `Send`.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let calls = runtime.spawn(async move {
        for _ in 0..2 {
            let sandbox: Sandbox = client.sandboxes().get("one").await.unwrap();
            assert_eq!(sandbox.id(), "one");
        }
    });
    runtime.block_on(calls).unwrap();
    server::check("async", &server.join().unwrap());
}

fn is_send<T: Send + 'static>(future: T) -> T {
    future
}

async fn work(client: CodeInterpreter) -> Result<Option<String>, Error> {
    let sandbox = client.sandboxes().create(CreateSandbox::new("python3")).await?;
    let result = client.sandboxes().execute_code(sandbox.id(), "1 + 1").await?;
    let doubled = client.sandboxes().with("python3", async |sandbox| sandbox.execute_code("2 * 2").await).await?;
    sandbox.kill().await?;
    Ok(result.text().or(doubled.text()).map(str::to_owned))
}
