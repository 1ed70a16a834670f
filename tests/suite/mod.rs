//! Behaviour, written once as async code and run in both flavours.

use crate::{CodeInterpreter, support};

mod addresses;
mod answers;
mod cancelling;
mod clocks;
mod e2b_wire;
mod lifecycle;
mod refusals;
mod requests;
mod retries;
mod streams;

#[cfg(all(unix, feature = "local"))]
mod e2b;
#[cfg(all(unix, feature = "local"))]
pub mod gateway;
#[cfg(all(unix, feature = "local"))]
mod runtimes;

/// A client of a fake gateway.
fn client_of(server: &support::fake_server::FakeServer) -> CodeInterpreter {
    CodeInterpreter::builder().url(server.url()).api_key("test-key").build().unwrap()
}

/// Milliseconds.
const fn ms(count: u64) -> std::time::Duration {
    std::time::Duration::from_millis(count)
}
