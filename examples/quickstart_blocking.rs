//! Runs Python in a sandbox of the embedded engine. The same program inside a runtime is `quickstart`.
//!
//! `cargo run --features blocking,local --example quickstart_blocking`

use code_interpreter::{Error, blocking::CodeInterpreter};

fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local()?;
    let sandbox = client.sandboxes().create("python3")?;

    let code = "import sys\nprint('Python', sys.version.split()[0])\nsum(n * n for n in range(10))";
    let result = client.sandboxes().execute_code(sandbox.id(), code)?;
    print!("{}", result.stdout());
    println!("result: {}", result.text().unwrap_or("none"));

    // Variables stay; code that raises is a result, not an `Err`.
    sandbox.execute_code("total = 0")?;
    let failed = sandbox.execute_code("1 / total")?;
    if let Some(raised) = &failed.error {
        println!("raised: {raised}");
    }

    sandbox.kill()?;
    Ok(())
}
