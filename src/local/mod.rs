//! The embedded engine: runs code on this machine, in the program's own process tree.
//!
//! [`LocalEngine`] answers on a loopback port, in the dialect of the gateways that the clients of this crate talk
//! to, and in E2B's when told to ([`LocalEngineBuilder::serve_e2b`]). Every sandbox is one directory and one Python
//! process that forks a kernel for each context; everything
//! ends with the engine, however the engine ends.
//!
//! Code is confined: see [`Policy`] for what it may do, [`ConfinementReport`] for what this machine has to keep it in.
//! Where the layers that are needed are missing, an engine does not start, unless
//! [`LocalEngineBuilder::unconfined`] says that it may without them. In an unconfined sandbox, code that kills its own
//! supervisor frees the processes that it put into sessions of their own; on Linux they are then found by a variable
//! in their environment, and killed, unless they cleared it.
//!
//! ```no_run
//! # fn main() -> code_interpreter::Result<()> {
//! use code_interpreter::LocalEngine;
//!
//! let engine = LocalEngine::start()?;
//! println!("listening on {}", engine.url());
//! engine.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! How it is put together: `server` takes requests, `registry` keeps the sandboxes, `sandbox` has a `supervisor`
//! (one Python process) and `context`s, a context has a `kernel` (a fork of the supervisor), and `run` is one
//! execution on it. `confinement` keeps a sandbox's processes in, `watch` looks after what they use, and `proxy` is their
//! way out if they have one. `pause` makes a sandbox stand still, `meter` measures it, and `log` keeps what happened to
//! it. What Python does is in `python/supervisor.py` and `python/driver.py`, or in `python/interactive.py` where IPython
//! is installed; what makes a notebook of it, in `python/notebook/`.

mod builder;
#[cfg(unix)]
mod engine;
#[cfg(not(unix))]
#[path = "unsupported.rs"]
mod engine;
mod policy;
mod report;
mod shell;

#[cfg(unix)]
mod answer;
#[cfg(unix)]
mod backlog;
#[cfg(unix)]
mod carriers;
#[cfg(unix)]
mod channel;
#[cfg(unix)]
mod confinement;
#[cfg(unix)]
mod context;
#[cfg(unix)]
mod descriptor;
#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod disk;
#[cfg(unix)]
mod ending;
#[cfg(unix)]
mod event;
#[cfg(unix)]
mod expiry;
#[cfg(unix)]
mod heard;
#[cfg(unix)]
mod kernel;
#[cfg(unix)]
mod language;
#[cfg(unix)]
mod leftovers;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod look;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod message;
#[cfg(unix)]
mod meter;
#[cfg(unix)]
mod nameless;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod overuse;
#[cfg(unix)]
mod pace;
#[cfg(unix)]
mod pause;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
mod python;
#[cfg(unix)]
mod queues;
#[cfg(unix)]
mod random;
#[cfg(unix)]
mod registry;
#[cfg(unix)]
mod removal;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod sandbox;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod starts;
#[cfg(unix)]
mod stopwatch;
#[cfg(unix)]
mod supervisor;
#[cfg(unix)]
mod tally;
#[cfg(unix)]
mod tokens;
#[cfg(unix)]
mod warm;
#[cfg(unix)]
mod watch;

pub use builder::LocalEngineBuilder;
pub use engine::LocalEngine;
pub use policy::{Namespaces, Network, Policy};
pub use report::{ConfinementReport, Layer};
pub use shell::Shell;

/// Locks; a panic elsewhere leaves nothing half done under any lock of the engine.
#[cfg(unix)]
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
