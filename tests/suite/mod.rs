//! Behaviour, written once as async code and run in both flavours.

use crate::{CodeInterpreter, support};

mod addresses;
mod answers;
mod cancelling;
mod clocks;
mod refusals;
mod requests;
mod retries;

#[cfg(feature = "local")]
mod endings;
#[cfg(feature = "local")]
mod interrupts;
#[cfg(feature = "local")]
mod lifecycle;
#[cfg(feature = "local")]
mod python;
#[cfg(feature = "local")]
mod scopes;
#[cfg(feature = "local")]
mod volume;

/// A client of a fake gateway.
fn client_of(server: &support::fake_server::FakeServer) -> CodeInterpreter {
    CodeInterpreter::builder().url(server.url()).api_key("test-key").build().unwrap()
}

/// A client with an engine of its own, which makes nothing in advance.
#[cfg(feature = "local")]
pub fn local_client() -> CodeInterpreter {
    let engine = code_interpreter::LocalEngine::builder().unconfined().warm(0).start().unwrap();
    CodeInterpreter::builder().engine(engine).build().unwrap()
}

/// Milliseconds.
const fn ms(count: u64) -> std::time::Duration {
    std::time::Duration::from_millis(count)
}
