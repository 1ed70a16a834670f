//! The embedded engine, with real Python, over its real port.
#![cfg(all(unix, feature = "local"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod attacks;
mod cells;
mod control;
mod e2b;
mod evading;
mod hiding;
mod in_system;
mod languages;
mod libraries;
mod lifecycle;
mod limits;
mod missing;
mod network;
mod notebook;
mod peer;
mod python;
mod runs;
mod starts;
mod traces;

/// True on a machine of which it was said that it has no node; else a test that needs node and finds none fails.
fn without_node() -> bool {
    std::env::var("CODE_INTERPRETER_TEST_WITHOUT").is_ok_and(|without| without.split(',').any(|name| name == "node"))
}
