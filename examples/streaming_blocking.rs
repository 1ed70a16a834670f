//! Shows what code prints while it runs. The same program inside a runtime is `streaming`.
//!
//! `cargo run --features blocking,local --example streaming_blocking`

use code_interpreter::{Error, Event, blocking::CodeInterpreter};

const CODE: &str = "
import time
for step in range(1, 4):
    print('step', step)
    time.sleep(0.3)
display({'steps': step})
'done'
";

fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local()?;
    let sandbox = client.sandboxes().create("python3")?;

    // An `Iterator`. Dropping it before its end interrupts the code.
    let execution = sandbox.execute_stream(CODE)?;
    for event in execution {
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

    sandbox.kill()?;
    Ok(())
}
