//! The embedded engine through its gateway dialect.

use code_interpreter::{LocalEngine, LocalEngineBuilder};

use super::ms;
use crate::CodeInterpreter;

#[path = "../real/mod.rs"]
mod real;

/// A client with an engine of its own, which makes nothing in advance.
pub fn local_client() -> CodeInterpreter {
    local_client_with(LocalEngine::builder())
}

fn local_client_with(builder: LocalEngineBuilder) -> CodeInterpreter {
    let engine = builder.warm(0).start().unwrap();
    CodeInterpreter::builder().engine(engine).build().unwrap()
}
