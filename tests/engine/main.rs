//! The embedded engine, with real Python, over its real port.
#![cfg(all(unix, feature = "local"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod control;
mod e2b;
mod libraries;
mod limits;
mod network;
mod notebook;
mod peer;
mod python;
mod runs;
mod traces;
