//! What each kind of failure looks like, and what to do about it.
//!
//! `cargo run --features local --example errors`

use std::time::Duration;

use code_interpreter::{Cancel, CodeInterpreter, Error, ErrorKind, Execute};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = CodeInterpreter::local().await?;
    let sandbox = client.sandboxes().create("python3").await?;

    // Code that raises is a result. `ok` makes an error of it, for who wants to use `?`.
    let result = sandbox.execute_code("int('seven')").await?;
    println!("raised:     {}", result.error.as_ref().map(ToString::to_string).unwrap_or_default());
    show("with `ok`:  ", result.ok());

    // A clock that ran out is named, with its value, and what had come is kept.
    let slow = Execute::new("print('so far')\nimport time\ntime.sleep(60)").timeout(Duration::from_millis(500));
    show("too slow:   ", sandbox.execute_code(slow).await);

    // A handle ends a call from anywhere.
    let cancel = Cancel::new();
    let handle = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        handle.cancel();
    });
    show("cancelled:  ", sandbox.execute_code(Execute::new("while True: pass").cancel(&cancel)).await);

    show("no runtime: ", client.sandboxes().create("cobol").await);
    show("no id:      ", client.sandboxes().kill("../etc").await);

    // What ends a sandbox ends what runs in it, and the error says that it was this.
    let (running, killer) = (sandbox.clone(), sandbox.clone());
    let run = tokio::spawn(async move { running.execute_code("import time\ntime.sleep(60)").await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    killer.kill().await?;
    if let Ok(outcome) = run.await {
        show("killed:     ", outcome);
    }

    let nobody = CodeInterpreter::builder().url("http://127.0.0.1:9").api_key("key").build()?;
    show("no service: ", nobody.sandboxes().create("python3").await);
    Ok(())
}

fn show<T>(what: &str, outcome: Result<T, Error>) {
    let Err(error) = outcome else { return println!("{what}worked") };
    println!("{what}{:?}: {error}", error.kind());
    if let Some(partial) = error.partial().filter(|_| error.kind() != ErrorKind::Execution) {
        println!("            what had come: {:?}", partial.stdout());
    }
    if error.is_retryable() {
        println!("            (worth trying again)");
    }
}
