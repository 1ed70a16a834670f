//! The behaviour of the blocking flavour: `tests/suite/` with the awaits taken out.
#![cfg(feature = "blocking")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]
#![allow(clippy::duplicate_mod, reason = "behaviour of the engine is run over each of its dialects")]
#![cfg_attr(not(feature = "local"), allow(unused_imports, unused_macros, dead_code))]

pub use code_interpreter::blocking::{Builder, CodeInterpreter, Sandbox};
use maybe_async::must_be_sync as maybe_async;

/// Defines tests. Each returns an [`Outcome`].
macro_rules! behaviours {
    ($($(#[$meta:meta])* async fn $name:ident() { $($body:tt)* })*) => {
        $(
            $(#[$meta])*
            #[maybe_async::must_be_sync]
            #[test]
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
        std::thread::spawn(move || $call)
    };
}

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

pub fn finish<T>(started: std::thread::JoinHandle<T>) -> T {
    started.join().unwrap()
}

/// As [`finish`], for a call that may panic.
pub fn finish_caught<T>(started: std::thread::JoinHandle<T>) -> Option<T> {
    started.join().ok()
}

pub fn sleep(time: std::time::Duration) {
    std::thread::sleep(time);
}

#[path = "only/blocking.rs"]
mod only;
#[path = "suite/mod.rs"]
pub mod suite;
#[path = "support/mod.rs"]
mod support;
