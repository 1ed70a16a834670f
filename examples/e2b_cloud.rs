//! One program for every service: where it runs is a matter of the environment.
//!
//! | environment | service |
//! | --- | --- |
//! | nothing set | the engine embedded in this program |
//! | `CODE_INTERPRETER_URL`, `CODE_INTERPRETER_API_KEY` | that gateway |
//! | `E2B_API_KEY` | the E2B cloud |
//! | `E2B_API_KEY`, `E2B_DOMAIN` | an E2B cluster of your own |
//!
//! `cargo run --features local --example e2b_cloud`

use code_interpreter::{CodeInterpreter, CreateSandbox, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = CodeInterpreter::from_env_or_local().await?;
    println!("{client:?}");

    let spec = CreateSandbox::new("python3").metadata("example", "e2b_cloud");
    let outcome = client.sandboxes().with(spec, async |sandbox| {
        let result = sandbox.execute_code("import platform\nplatform.platform()").await?;
        println!("{} says {result}", sandbox.id());
        for info in client.sandboxes().list().metadata("example", "e2b_cloud").all().await? {
            println!("{} is {:?}", info.id, info.state);
        }
        Ok(())
    });
    outcome.await
}
