//! A client with an engine of its own.

use super::{Builder, CodeInterpreter, maybe_async, runtime::Runtime};
use crate::{config::Settings, error::Result, local::LocalEngine};

#[maybe_async]
impl CodeInterpreter {
    /// A client of an engine embedded in this program, which it starts: no account, no container, no root.
    ///
    /// The last handle (client, manager or sandbox) that is dropped stops the engine and everything that runs in it.
    /// For an engine with settings, start one with [`LocalEngine::builder`] and pass it to
    /// [`Builder::engine`](super::Builder::engine).
    ///
    /// Code is confined as [`Policy::new`](crate::Policy::new) says: no network, none of the user's files, limits on
    /// memory, processes and disk.
    ///
    #[doc = example!(r#"let client = CodeInterpreter::local()"# await r#"?;
let sandbox = client.sandboxes().create("python3")"# await r#"?;
assert_eq!(sandbox.execute_code("1 + 1")"# await r#"?.text(), Some("2"));"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Confinement`](crate::ErrorKind::Confinement) when this machine has not what it takes to confine code;
    /// [`ErrorKind::Engine`](crate::ErrorKind::Engine) when the engine cannot be started, with the reason. Whether there
    /// is a Python is found out by [`create`](super::SandboxManager::create).
    pub async fn local() -> Result<Self> {
        let runtime = Runtime::start()?;
        let engine = runtime.unblock(LocalEngine::start).await?;
        Self::builder().engine(engine).build()
    }

    /// A client as the environment says, or of an embedded engine where it says nothing: the same program on a laptop and
    /// in the cloud.
    ///
    /// It is the engine only if none of the variables of [`from_env`](Self::from_env) is set. One that is set without the
    /// one that belongs to it is an error, so that code does not end up on this machine by mistake.
    ///
    #[doc = example!(r#"let client = CodeInterpreter::from_env_or_local()"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`from_env`](Self::from_env) and [`local`](Self::local).
    pub async fn from_env_or_local() -> Result<Self> {
        match Settings::from_env_if_set()? {
            Some(settings) => Builder::from_environment(settings).build(),
            None => Self::local().await,
        }
    }
}
