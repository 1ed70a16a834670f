//! Runs a Python file in a sandbox of the embedded engine, and shows what it prints as it comes.
//!
//! Ctrl-C interrupts the code. The exit status is 0 when the code ran to its end, 1 when it raised, 2 when it could not be
//! run, and 130 when it was interrupted.
//!
//! `cargo run --no-default-features --features blocking,local --example run_file -- script.py`

use std::{
    io::{self, Write},
    process::ExitCode,
};

use code_interpreter::{Cancel, Error, Event, Execute, LocalEngine, blocking::CodeInterpreter};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: run_file FILE");
        return ExitCode::from(2);
    };
    let code = match std::fs::read_to_string(&path) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    match run(code) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is_cancelled() => {
            eprintln!("interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the code ran to its end.
fn run(code: String) -> Result<bool, Error> {
    let cancel = Cancel::new();
    let handle = cancel.clone();
    // Without a handler, Ctrl-C would still end the program, and the engine with it.
    let _ = ctrlc::set_handler(move || handle.cancel());

    // The one file is all that runs, so nothing is made in advance.
    let engine = LocalEngine::builder().warm(0).start()?;
    let client = CodeInterpreter::builder().engine(engine).build()?;
    let sandbox = client.sandboxes().create("python3")?;
    let mut ended_well = true;
    for event in sandbox.execute_stream(Execute::new(code).timeout(None).cancel(&cancel))? {
        match event? {
            Event::Stdout(chunk) => show(io::stdout(), &chunk.text),
            Event::Stderr(chunk) => show(io::stderr(), &chunk.text),
            Event::Output(output) => show(io::stdout(), &format!("{output}\n")),
            Event::Error(raised) => {
                ended_well = false;
                let text = if raised.traceback.is_empty() { raised.to_string() } else { raised.traceback };
                show(io::stderr(), &format!("{}\n", text.trim_end()));
            }
            _ => {}
        }
    }
    Ok(ended_well)
}

fn show(mut target: impl Write, text: &str) {
    // A reader that is gone, such as `head`, is no reason to stop the code.
    let _ = target.write_all(text.as_bytes()).and_then(|()| target.flush());
}
