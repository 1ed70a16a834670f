//! The client, written once as async code and compiled once per flavour. See `CONTRIBUTING.md` for the rules.

mod builder;
mod contexts;
mod core;
mod execution;
mod interpreter;
mod known;
mod lifecycle;
mod list;
#[cfg(feature = "local")]
mod local;
mod manager;
mod marks;
mod observe;
mod sandbox;
mod scope;
mod source;

use super::{maybe_async, runtime};

pub(crate) use source::Source;

pub use builder::Builder;
pub use contexts::ContextManager;
pub use execution::Execution;
pub use interpreter::CodeInterpreter;
pub use list::SandboxList;
pub use manager::SandboxManager;
pub use sandbox::Sandbox;
