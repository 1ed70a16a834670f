//! Runs code in sandboxes, and gives back what it printed, what it returned and how it failed.
//!
//! One client, in two flavours from one source: async at the crate root, blocking under `blocking`, with the same
//! names. It talks to an engine embedded in the program (no account, no container, no root), to a gateway of your
//! own, and to E2B. Changing the service is a change of configuration (and of [what only one of them
//! has](#which-service)); changing the flavour is one `use` and the `.await`s.
//!
//! # From nothing to a result
//!
//! With Python 3.9 or newer on the machine and the feature `local`:
//!
//! ```toml
//! [dependencies]
//! code-interpreter = { version = "0.1", features = ["local"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
#![cfg_attr(all(feature = "async", feature = "local"), doc = "```")]
#![cfg_attr(not(all(feature = "async", feature = "local")), doc = "```ignore")]
//! use code_interpreter::{CodeInterpreter, Error};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let client = CodeInterpreter::local().await?;
//!     let sandbox = client.sandboxes().create("python3").await?;
//!     let result = client.sandboxes().execute_code(sandbox.id(), "print('hello')\n1 + 1").await?;
//!     assert_eq!(result.stdout(), "hello\n");
//!     assert_eq!(result.text(), Some("2"));
//!     sandbox.kill().await?;
//!     Ok(())
//! }
//! ```
//!
//! The same in a script, a build tool or a command-line program, with no runtime to set up:
//!
//! ```toml
//! [dependencies]
//! code-interpreter = { version = "0.1", default-features = false, features = ["blocking", "local"] }
//! ```
//!
#![cfg_attr(all(feature = "blocking", feature = "local"), doc = "```")]
#![cfg_attr(not(all(feature = "blocking", feature = "local")), doc = "```ignore")]
//! use code_interpreter::{Error, blocking::CodeInterpreter};
//!
//! fn main() -> Result<(), Error> {
//!     let client = CodeInterpreter::local()?;
//!     let sandbox = client.sandboxes().create("python3")?;
//!     let result = client.sandboxes().execute_code(sandbox.id(), "print('hello')\n1 + 1")?;
//!     assert_eq!(result.stdout(), "hello\n");
//!     assert_eq!(result.text(), Some("2"));
//!     sandbox.kill()?;
//!     Ok(())
//! }
//! ```
//!
//! On Linux, code in the embedded engine is confined: see `Policy` for what it may do, and `ConfinementReport` for what
//! the machine has to keep it in. Elsewhere starting the engine is an error, unless the program gives up confinement with
//! `LocalEngineBuilder::unconfined`.
//!
//! # Which service
//!
//! | service | client |
//! | --- | --- |
//! | the embedded engine (feature `local`) | `CodeInterpreter::local()` |
//! | a gateway, or any service with `POST /sandboxes` and `POST /sandboxes/{id}/execute` | `CodeInterpreter::builder().url(..).api_key(..).build()` |
//! | E2B | `CodeInterpreter::new(api_key)` |
//! | what the environment says | `CodeInterpreter::from_env()` |
//! | what the environment says, else the embedded engine | `CodeInterpreter::from_env_or_local()` |
//!
//! A program that creates `python3` stays the same. On E2B, runtimes such as `python3` or `node` are languages of its
//! code-interpreter template; `Builder::template` and `CreateSandbox::template` name others. The embedded engine's runtimes
//! are Pythons only: what runs in its sandboxes besides, such as JavaScript and bash, is the language of a context or of
//! an execution (`Execute::language`), which works on E2B as well.
//!
//! # While the code runs
//!
//! `execute_stream` gives events as they happen: a `Stream` in the async flavour, an `Iterator` in the blocking one.
//!
#![cfg_attr(feature = "async", doc = "```no_run")]
#![cfg_attr(not(feature = "async"), doc = "```ignore")]
//! # async fn example(sandbox: code_interpreter::Sandbox) -> Result<(), code_interpreter::Error> {
//! use code_interpreter::Event;
//!
//! let mut execution = sandbox.execute_stream("for step in range(3): print(step)").await?;
//! while let Some(event) = execution.next().await {
//!     if let Event::Stdout(chunk) = event? {
//!         print!("{}", chunk.text);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Figures, tables and images
//!
//! An [`Output`] has a value in all its forms. A matplotlib figure is an image and a typed [`Chart`], a pandas `DataFrame`
//! HTML and [its columns](Output::table), a list or a dictionary [JSON](Output::json).
//!
//! ```no_run
//! # fn example(result: code_interpreter::ExecutionResult) -> Result<(), code_interpreter::Error> {
//! use code_interpreter::Chart;
//!
//! for output in &result.outputs {
//!     match output.chart() {
//!         Some(Chart::Bar(chart)) => chart.elements.iter().for_each(|bar| println!("{}: {}", bar.label, bar.value)),
//!         Some(_) => println!("{}", output.save("figure")?.display()), // figure.png
//!         None => println!("{output}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Sandboxes that clean up
//!
//! A sandbox lives until it is killed or its timeout ends. `with` kills it on every path, a panic included:
//!
#![cfg_attr(feature = "async", doc = "```no_run")]
#![cfg_attr(not(feature = "async"), doc = "```ignore")]
//! # async fn example(client: code_interpreter::CodeInterpreter) -> Result<(), code_interpreter::Error> {
//! let answer = client.sandboxes().with("python3", async |sandbox| sandbox.execute_code("6 * 7").await).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # When something fails
//!
//! Code that raises is a result with an [`error`](ExecutionResult::error), and [`ExecutionResult::ok`] turns it into an
//! `Err`. Everything else that fails is an [`Error`], the same in both flavours: its [`kind`](Error::kind) to branch on, a
//! text that says what was done, to what, why it failed and what to try, and what had come of an execution in
//! [`partial`](Error::partial). Four [`Clock`]s bound every wait. What may be tried again is, as [`ErrorKind`] and the
//! retry policy say; creating a sandbox and running code are never sent twice blindly.
//!
//! # What becomes of odd input
//!
//! | input | outcome |
//! | --- | --- |
//! | no key, a half-set pair of variables, a malformed URL, plain `http` to another machine | [`ErrorKind::Config`], before anything is sent |
//! | an id with a slash, a dot, a line break | [`ErrorKind::InvalidInput`], before anything is sent |
//! | an unknown runtime | [`ErrorKind::NotFound`]; the embedded engine lists those that there are |
//! | empty code | an empty result |
//! | code that asks for `input()` | its standard input is empty: `EOFError` in the result |
//! | code that ends its process | the error `KernelDied`, or `KernelKilled` by a signal, in the result, with [`ExecutionResult::state_lost`]; the next execution starts afresh |
//! | code that uses too much, on the embedded engine | `MemoryError` or `OutOfMemory`, `CpuTimeExceeded`, `TooManyProcesses`, `DiskFull` (which ends the sandbox) in the result |
//! | code that never ends | interrupted by the execution clock, a `Cancel`, or dropping the call; killed 2 s later if it does not react |
//! | more output than is kept | the beginning of the text is kept, outputs as long as there is room for a whole one, and [`ExecutionResult::truncated`] set |
//! | a line of an answer that is not JSON | [`ErrorKind::Protocol`], with what had come in [`Error::partial`] |
//! | a line, or an object, beyond 128 MiB | [`ErrorKind::TooLarge`], with what had come |
//! | bytes that are not UTF-8, halves of surrogate pairs | U+FFFD in their place |
//! | events of an unknown type | ignored; unknown forms of an output are kept under their names |
//! | a value whose JSON, table or chart would have more than 64 MiB or some million items, or has no end | its other forms, without that one |
//! | a chart of an unknown kind, or without the fields of its kind | [`Chart::Other`], as it came |
//! | an answer that ends before the execution did | [`ErrorKind::ConnectionLost`], or [`ErrorKind::SandboxGone`] or [`ErrorKind::SandboxPaused`] if the service says so |
//! | a status that is an error, with any body | the kind of that status, with the body's text |
//!
//! # Features
//!
//! | feature | what it gives |
//! | --- | --- |
//! | `async` (default) | the async client; needs tokio around it |
//! | `blocking` | the blocking client |
//! | `local` | the embedded engine; Linux and macOS |
//! | `default-tls` (default) | `https` by rustls |
//! | `native-tls` | `https` by the operating system's library |
//!
//! All of them add up: a program in which one crate uses `async` and another `blocking` gets both, with one set of models
//! and errors.

#![allow(clippy::duplicate_mod, reason = "`client/` is mounted twice on purpose: once per flavour")]
#![warn(clippy::print_stdout)]

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
pub use local::{ConfinementReport, Layer, LocalEngine, LocalEngineBuilder, Namespaces, Network, Policy, Shell};
pub use model::*;
