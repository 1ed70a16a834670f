//! Shows what code prints while it runs. The same program without a runtime is `streaming_blocking`.
//!
//! `cargo run --features local --example streaming`

use code_interpreter::{CodeInterpreter, Error, Event};

const CODE: &str = "
import time
for step in range(1, 4):
    print('step', step)
    time.sleep(0.3)
display({'steps': step})
'done'
";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local().await?;
    let sandbox = client.sandboxes().create("python3").await?;

    // A `Stream` too, for `StreamExt`. Dropping it before its end interrupts the code.
    let mut execution = sandbox.execute_stream(CODE).await?;
    while let Some(event) = execution.next().await {
        match event? {
            Event::Started(number) => println!("execution {number}"),
            Event::Stdout(chunk) => print!("{}", chunk.text),
            Event::Stderr(chunk) => eprint!("{}", chunk.text),
            Event::Output(output) if output.is_main => println!("value: {output}"),
            Event::Output(output) => println!("shown: {output}"),
            Event::Error(raised) => println!("raised: {raised}"),
            _ => {}
        }
    }

    sandbox.kill().await?;
    Ok(())
}
