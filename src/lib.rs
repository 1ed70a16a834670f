#![allow(clippy::duplicate_mod, reason = "`client/` is mounted twice on purpose: once per flavour")]
#![doc = "docs to come"]

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "_client")]
mod cancel;
mod clock;
#[cfg(feature = "_client")]
mod collector;
#[cfg(feature = "_client")]
mod config;
mod error;
#[cfg(feature = "local")]
mod local;
mod model;
#[cfg(feature = "_client")]
mod protocol;
#[cfg(feature = "_client")]
mod retry;
#[cfg(feature = "_client")]
mod transport;

#[cfg(feature = "async")]
pub use asynchronous::*;
#[cfg(feature = "_client")]
pub use cancel::Cancel;
pub use clock::Clock;
#[cfg(feature = "_client")]
pub use config::RetryPolicy;
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "local")]
pub use local::{LocalEngine, LocalEngineBuilder};
pub use model::*;
