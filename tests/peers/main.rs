//! Other people's clients against the embedded engine.
#![cfg(all(unix, feature = "local"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use code_interpreter::LocalEngine;

/// Names an interpreter that can import `e2b_code_interpreter`.
const PYTHON: &str = "CODE_INTERPRETER_PEER_PYTHON";
/// Of the shape that older clients insist on.
const KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";

/// Runs a script, which ends well or says what went wrong, with E2B's client configured for an engine of its own.
fn run(script: &str) {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| panic!("{PYTHON} is not set; run .ci/peers"));
    let engine = LocalEngine::builder().serve_e2b().api_key(KEY).start().unwrap();
    let status = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script))
        .env("E2B_API_KEY", engine.api_key())
        .env("E2B_API_URL", engine.url())
        .env("E2B_SANDBOX_URL", engine.url())
        .env("NO_PROXY", "*")
        .env_remove("E2B_DEBUG")
        .env_remove("E2B_DOMAIN")
        .status()
        .unwrap();
    engine.stop().unwrap();
    assert!(status.success(), "{script} ended with {status}");
}

#[test]
#[ignore = "needs the official Python client; .ci/peers installs it"]
fn first_contact() {
    run("first_contact.py");
}
