//! The async flavour: `src/client/` as it is written.

use maybe_async::must_be_async as maybe_async;

mod flow;
mod runtime;

/// An example in the documentation: `await` between two pieces of code is an `.await` here, and nothing in the
/// blocking flavour.
macro_rules! example {
    ($first:literal $(await $next:literal)*) => {
        concat!(
            "```no_run\n# use code_interpreter::{*, Builder, CodeInterpreter, SandboxManager, Sandbox};\n",
            "# async fn example(client: CodeInterpreter, sandbox: Sandbox) -> Result<(), Error> {\n",
            $first, $(".await", $next,)* "\n# Ok(())\n# }\n```"
        )
    };
}

/// The example of scoped use, whose closure is spelled differently in each flavour.
macro_rules! scope_example {
    () => {
        r#"```no_run
# use code_interpreter::{CodeInterpreter, Error};
# async fn example(client: CodeInterpreter) -> Result<(), Error> {
let answer = client.sandboxes().with("python3", async |sandbox| sandbox.execute_code("6 * 7").await).await?;
# Ok(())
# }
```"#
    };
}

#[path = "../client/mod.rs"]
mod client;

pub use client::*;
