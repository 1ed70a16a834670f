//! Runs Python in a sandbox of the embedded engine. The same program without a runtime is `quickstart_blocking`.
//!
//! `cargo run --features local --example quickstart`

use code_interpreter::{CodeInterpreter, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local().await?;
    let sandbox = client.sandboxes().create("python3").await?;

    let code = "import sys\nprint('Python', sys.version.split()[0])\nsum(n * n for n in range(10))";
    let result = client.sandboxes().execute_code(sandbox.id(), code).await?;
    print!("{}", result.stdout());
    println!("result: {}", result.text().unwrap_or("none"));

    // Variables stay; code that raises is a result, not an `Err`.
    sandbox.execute_code("total = 0").await?;
    let failed = sandbox.execute_code("1 / total").await?;
    if let Some(raised) = &failed.error {
        println!("raised: {raised}");
    }

    sandbox.kill().await?;
    Ok(())
}
