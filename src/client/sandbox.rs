//! One sandbox.

use std::{fmt, sync::Arc, time::Duration};

use super::{ContextManager, Execution, SandboxManager, core::Core, maybe_async};
use crate::{
    error::Result,
    model::{Execute, ExecutionResult, SandboxInfo, SandboxState},
};

/// A handle of one sandbox.
///
/// Cheap to clone. Dropping it does not end the sandbox: [`kill`](Self::kill) does, or its timeout, or
/// [`SandboxManager::with`].
#[derive(Clone)]
pub struct Sandbox {
    pub(super) manager: SandboxManager,
    contexts: ContextManager,
    id: Arc<str>,
}

impl Sandbox {
    pub(super) fn new(core: Arc<Core>, id: String) -> Self {
        let id: Arc<str> = id.into();
        let contexts = ContextManager::new(Arc::clone(&core), Arc::clone(&id));
        Self { manager: SandboxManager::new(core), contexts, id }
    }

    /// The sandbox's id, by which any client of the same service finds it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What creates and ends its contexts.
    #[must_use]
    pub fn contexts(&self) -> &ContextManager {
        &self.contexts
    }
}

#[maybe_async]
impl Sandbox {
    /// What the server says about it now. `GET /sandboxes/{id}`
    ///
    #[doc = example!(r#"let info = sandbox.info()"# await r#"?;
println!("{:?} until {:?}", info.state, info.end_at);"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) when it is gone.
    pub async fn info(&self) -> Result<SandboxInfo> {
        self.manager.core.get(&self.id).await
    }

    /// Runs code in it, as [`SandboxManager::execute_code`] does.
    ///
    #[doc = example!(r#"sandbox.execute_code("x = 20")"# await r#"?;
let result = sandbox.execute_code("x + 1")"# await r#"?;
assert_eq!(result.text(), Some("21"));"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::execute_code`].
    pub async fn execute_code(&self, request: impl Into<Execute>) -> Result<ExecutionResult> {
        self.manager.execute_code(&self.id, request).await
    }

    /// Runs code in it and gives its events as they come, as [`SandboxManager::execute_stream`] does.
    ///
    #[doc = example!(r#"let mut execution = sandbox.execute_stream("print('hi')")"# await r#"?;
let first = execution.next()"# await r#";"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::execute_stream`].
    pub async fn execute_stream(&self, request: impl Into<Execute>) -> Result<Execution> {
        self.manager.execute_stream(&self.id, request).await
    }

    /// Sets how long it lives, counted from now. `POST /sandboxes/{id}/timeout`
    ///
    #[doc = example!(r#"sandbox.set_timeout(std::time::Duration::from_secs(60))"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) when it is gone,
    /// [`ErrorKind::SandboxPaused`](crate::ErrorKind::SandboxPaused) when it is paused.
    pub async fn set_timeout(&self, life: Duration) -> Result<()> {
        self.manager.set_timeout(&self.id, life).await
    }

    /// Whether it is there and runs. `GET /sandboxes/{id}`
    ///
    #[doc = example!(r#"assert!(sandbox.is_running()"# await r#"?);"#)]
    ///
    /// # Errors
    ///
    /// Those of any refused or failed call; that it is gone is no error.
    pub async fn is_running(&self) -> Result<bool> {
        match self.info().await {
            Ok(info) => Ok(info.state == SandboxState::Running),
            Err(error) if error.is_not_found() || error.is_sandbox_gone() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Kills it, and everything that runs in it. `DELETE /sandboxes/{id}`
    ///
    /// Whether it was there: `false` when it was gone already.
    ///
    #[doc = example!(r#"sandbox.kill()"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of any refused or failed call.
    pub async fn kill(&self) -> Result<bool> {
        self.manager.kill(&self.id).await
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("id", &self.id).finish_non_exhaustive()
    }
}
