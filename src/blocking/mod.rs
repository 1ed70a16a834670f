//! The blocking flavour: the same client without a runtime to set up.
//!
//! Every type and method has the name that it has at the crate root; only the `.await` is gone. Data types, errors
//! and handles such as [`Cancel`](crate::Cancel) are those of the crate root.
//!
//! ```no_run
//! # #[cfg(feature = "local")]
//! # fn main() -> Result<(), code_interpreter::Error> {
//! use code_interpreter::blocking::CodeInterpreter;
//!
//! let client = CodeInterpreter::local()?;
//! let sandbox = client.sandboxes().create("python3")?;
//! println!("{}", sandbox.execute_code("1 + 1")?.text().unwrap_or_default());
//! sandbox.kill()?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "local"))]
//! # fn main() {}
//! ```
//!
//! One thread of the program does the I/O of all its blocking clients, started at the first use. Calls may be made
//! and clients dropped on any thread, also inside an async runtime (where they block the thread they are on, so prefer
//! `spawn_blocking` there).

use maybe_async::must_be_sync as maybe_async;

mod flow;
mod runtime;

/// An example in the documentation: `await` between two pieces of code is an `.await` in the async flavour, and
/// nothing here.
macro_rules! example {
    ($first:literal $(await $next:literal)*) => {
        concat!(
            "```no_run\n# use code_interpreter::{*, blocking::{Builder, CodeInterpreter, SandboxManager, Sandbox}};\n",
            "# fn example(client: CodeInterpreter, sandbox: Sandbox) -> Result<(), Error> {\n",
            $first, $($next,)* "\n# Ok(())\n# }\n```"
        )
    };
}

/// The example of scoped use, whose closure is spelled differently in each flavour.
macro_rules! scope_example {
    () => {
        r#"```no_run
# use code_interpreter::{blocking::CodeInterpreter, Error};
# fn example(client: CodeInterpreter) -> Result<(), Error> {
let answer = client.sandboxes().with("python3", |sandbox| sandbox.execute_code("6 * 7"))?;
# Ok(())
# }
```"#
    };
}

#[path = "../client/mod.rs"]
mod client;

pub use client::*;
