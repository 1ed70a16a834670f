//! The behaviour of the async flavour: `tests/suite/` as it is written.
#![cfg(feature = "async")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]
#![allow(clippy::duplicate_mod, reason = "behaviour of the engine is run over each of its dialects")]
#![cfg_attr(not(feature = "local"), allow(unused_imports, unused_macros, dead_code))]

pub use code_interpreter::{Builder, CodeInterpreter, Sandbox};
use maybe_async::must_be_async as maybe_async;

/// Defines tests. Each returns an [`Outcome`].
macro_rules! behaviours {
    ($($(#[$meta:meta])* async fn $name:ident() { $($body:tt)* })*) => {
        $(
            $(#[$meta])*
            #[tokio::test]
            async fn $name() -> crate::Outcome {
                $($body)*
                Ok(())
            }
        )*
    };
}

/// Starts a call that goes on by itself; `finish` waits for it.
macro_rules! meanwhile {
    ($call:expr) => {
        tokio::spawn($call)
    };
}

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

pub async fn finish<T>(started: tokio::task::JoinHandle<T>) -> T {
    started.await.unwrap()
}

/// As [`finish`], for a call that may panic.
pub async fn finish_caught<T>(started: tokio::task::JoinHandle<T>) -> Option<T> {
    started.await.ok()
}

pub async fn sleep(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}

#[path = "only/asynchronous.rs"]
mod only;
#[path = "suite/mod.rs"]
pub mod suite;
#[path = "support/mod.rs"]
mod support;
