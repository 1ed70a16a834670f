//! The client, written once as async code and compiled once per flavour. See `CONTRIBUTING.md` for the rules.

mod builder;
mod core;
mod execution;
mod interpreter;
#[cfg(feature = "local")]
mod local;
mod manager;
mod sandbox;
mod scope;

use super::{maybe_async, runtime};

pub use builder::Builder;
pub use interpreter::CodeInterpreter;
pub use manager::SandboxManager;
pub use sandbox::Sandbox;
