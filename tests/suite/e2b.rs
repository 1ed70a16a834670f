//! The embedded engine through E2B's dialect.

use code_interpreter::{LocalEngine, LocalEngineBuilder};

use super::ms;
use crate::CodeInterpreter;

#[path = "../real/mod.rs"]
mod real;

/// A client that sees its engine as E2B.
fn local_client() -> CodeInterpreter {
    local_client_with(LocalEngine::builder())
}

fn local_client_with(builder: LocalEngineBuilder) -> CodeInterpreter {
    let engine = builder.warm(0).serve_e2b().start().unwrap();
    let builder = CodeInterpreter::builder().api_url(engine.url()).sandbox_url(engine.url());
    builder.engine(engine).build().unwrap()
}
