//! Scoped use: a sandbox that is killed whatever happens.

use std::sync::Arc;

use super::{Sandbox, SandboxManager, core::Core, maybe_async, runtime};
use crate::{
    error::{Error, Result},
    model::CreateSandbox,
};

#[maybe_async]
impl SandboxManager {
    /// Creates a sandbox, runs `body` with it, and kills it on every path: value, error, panic, and in the async
    /// flavour also when the future is dropped.
    ///
    #[doc = scope_example!()]
    ///
    /// After a panic or a dropped future the kill is sent from a thread of its own. A process that ends right then can
    /// still lose it; the sandbox's timeout is what ends it then. Set one that fits:
    /// [`CreateSandbox::timeout`](crate::CreateSandbox::timeout).
    ///
    /// # Errors
    ///
    /// What `body` fails with. Otherwise what [`create`](Self::create) or [`kill`](Self::kill) fails with; a sandbox
    /// that is gone already is no failure.
    pub async fn with<T, E: From<Error>>(
        &self,
        spec: impl Into<CreateSandbox>,
        body: impl runtime::ScopeFn(Sandbox) -> Result<T, E>,
    ) -> Result<T, E> {
        let sandbox = self.create(spec).await?;
        let guard = KillGuard { core: Some(Arc::clone(&self.core)), id: sandbox.id().to_owned() };
        let outcome = body(sandbox.clone()).await;
        let killed = sandbox.kill().await;
        if killed.is_ok() {
            guard.disarm();
        }
        let value = outcome?;
        killed?;
        Ok(value)
    }
}

/// Kills a sandbox when dropped, unless that was done.
struct KillGuard {
    core: Option<Arc<Core>>,
    id: String,
}

impl KillGuard {
    fn disarm(mut self) {
        self.core = None;
    }
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        let Some(core) = self.core.take() else { return };
        let Ok(request) = core.endpoint().kill(&self.id) else { return };
        if let Ok(finished) = core.transport.send_apart(request, Arc::clone(&core)) {
            core.runtime.let_finish(finished);
        }
    }
}
