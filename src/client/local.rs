//! A client with an engine of its own.

use super::{CodeInterpreter, maybe_async, runtime::Runtime};
use crate::{error::Result, local::LocalEngine};

#[maybe_async]
impl CodeInterpreter {
    /// A client of an engine embedded in this program, which it starts: no account, no container, no root.
    ///
    /// The last handle (client, manager or sandbox) that is dropped stops the engine and everything that runs in it.
    /// For an engine with settings, start one with [`LocalEngine::builder`] and pass it to
    /// [`Builder::engine`](super::Builder::engine).
    ///
    /// **The code is not confined yet**: it runs with the rights of this program. Run only code that you would run
    /// yourself.
    ///
    #[doc = example!(r#"let client = CodeInterpreter::local()"# await r#"?;
let sandbox = client.sandboxes().create("python3")"# await r#"?;
assert_eq!(sandbox.execute_code("1 + 1")"# await r#"?.text(), Some("2"));"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Engine`](crate::ErrorKind::Engine) when the engine cannot be started, with the reason. Whether there
    /// is a Python is found out by [`create`](super::SandboxManager::create).
    pub async fn local() -> Result<Self> {
        let runtime = Runtime::start()?;
        let engine = runtime.unblock(LocalEngine::start).await?;
        Self::builder().engine(engine).build()
    }
}
