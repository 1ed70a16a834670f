//! Ten sandboxes, created and used at once: it takes about as long as the slowest of them.
//!
//! `cargo run --features local --example concurrent_sandboxes`

use std::time::{Duration, Instant};

use code_interpreter::{CodeInterpreter, Error};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = CodeInterpreter::local().await?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 1..=10 {
        let client = client.clone();
        tasks.spawn(async move { square(client, number).await });
    }
    let mut slowest = Duration::ZERO;
    while let Some(outcome) = tasks.join_next().await {
        let (text, took) = outcome??;
        println!("{text:<12} after {took:>8.1?}");
        slowest = slowest.max(took);
    }
    println!("all ten      after {:>8.1?}, the slowest after {slowest:.1?}", start.elapsed());
    Ok(())
}

async fn square(client: CodeInterpreter, number: u32) -> Result<(String, Duration), Error> {
    let start = Instant::now();
    let answer = client
        .sandboxes()
        .with("python3", async |sandbox| {
            let code = format!("import time\ntime.sleep(0.3)\n{number} ** 2");
            sandbox.execute_code(code).await?.ok()
        })
        .await?;
    Ok((format!("{number:>2}² = {}", answer.text().unwrap_or("?")), start.elapsed()))
}
