//! Other people's clients against the embedded engine.
#![cfg(all(unix, feature = "local"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use code_interpreter::LocalEngine;

/// Names an interpreter that can import `e2b_code_interpreter`.
const PYTHON: &str = "CODE_INTERPRETER_PEER_PYTHON";
/// Names a directory with `node_modules` that have `@e2b/code-interpreter`.
const MODULES: &str = "CODE_INTERPRETER_PEER_MODULES";
/// Names an interpreter for the sandboxes, with matplotlib and pandas.
const INSIDE: &str = "CODE_INTERPRETER_TEST_PYTHON";
/// Of the shape that older clients insist on.
const KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run .ci/peers"))
}

fn script(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(path)
}

/// Runs a program, which ends well or says what went wrong, with E2B's client configured for an engine of its own.
fn run(program: &mut Command) {
    let builder = LocalEngine::builder().python(setting(INSIDE));
    let engine = builder.serve_e2b().api_key(KEY).start().unwrap();
    let status = program
        .env("E2B_API_KEY", engine.api_key())
        .env("E2B_API_URL", engine.url())
        .env("E2B_SANDBOX_URL", engine.url())
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("E2B_DEBUG")
        .env_remove("E2B_DOMAIN")
        .status()
        .unwrap();
    engine.stop().unwrap();
    assert!(status.success(), "{program:?} ended with {status}");
}

#[test]
#[ignore = "needs the official Python client; .ci/peers installs it"]
fn python_first_contact() {
    run(Command::new(setting(PYTHON)).arg(script("first_contact.py")));
}

#[test]
#[ignore = "needs the official Python client; .ci/peers installs it"]
fn python_cases() {
    run(Command::new(setting(PYTHON)).arg(script("python/main.py")));
}

#[test]
#[ignore = "needs the official JavaScript client; .ci/peers installs it"]
fn javascript() {
    run(Command::new("node").env(MODULES, setting(MODULES)).arg(script("javascript/smoke.mjs")));
}
