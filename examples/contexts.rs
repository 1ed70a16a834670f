//! Contexts: variables apart from each other in one sandbox, and code that runs at the same time.
//!
//! `cargo run --features local --example contexts`

use std::time::Instant;

use code_interpreter::{CodeInterpreter, Error, Execute};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local().await?;
    let sandbox = client.sandboxes().create("python3").await?;
    let left = sandbox.contexts().create("python").await?;
    let right = sandbox.contexts().create("python").await?;

    sandbox.execute_code(Execute::new("side = 'left'").context(&left.id)).await?;
    sandbox.execute_code(Execute::new("side = 'right'").context(&right.id)).await?;

    let start = Instant::now();
    let code = "import time\ntime.sleep(0.5)\nside";
    let (a, b) = tokio::try_join!(
        sandbox.execute_code(Execute::new(code).context(&left.id)),
        sandbox.execute_code(Execute::new(code).context(&right.id)),
    )?;
    println!("{a} and {b}, together after {:.1?}", start.elapsed());

    sandbox.contexts().restart(&left.id).await?;
    let after = sandbox.execute_code(Execute::new("'side' in globals()").context(&left.id)).await?;
    println!("after a restart, `side` is there: {after}");

    sandbox.contexts().remove(&right.id).await?;
    println!("{} contexts are left", sandbox.contexts().list().await?.len());
    sandbox.kill().await?;
    Ok(())
}
