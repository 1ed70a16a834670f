//! Scoped use: a sandbox that is killed whatever happens.

use std::sync::Arc;

use super::{Sandbox, SandboxManager, core::Core, maybe_async, runtime};
use crate::{
    error::{Error, Result},
    model::CreateSandbox,
    protocol::Target,
};

#[maybe_async]
impl SandboxManager {
    /// Creates a sandbox, runs `body` with it, and kills it on every path: value, error, panic, and in the async
    /// flavour also when the future is dropped, even while the sandbox is being created (if it has a
    /// [`mark`](CreateSandbox::mark), as all have on E2B).
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
        let spec = self.core.endpoint().marked(spec.into());
        let mut guard = KillGuard { core: Arc::clone(&self.core), target: spec.given_mark().map(Target::Mark) };
        let sandbox = match self.create(spec).await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                if error.mark().is_none() {
                    guard.target = None;
                }
                return Err(error.into());
            }
        };
        guard.target = Some(Target::Id(sandbox.id().to_owned()));
        let outcome = body(sandbox.clone()).await;
        let killed = sandbox.kill().await;
        if killed.is_ok() {
            guard.target = None;
        }
        let value = outcome?;
        killed?;
        Ok(value)
    }
}

/// Kills a sandbox when dropped, unless that was done.
struct KillGuard {
    core: Arc<Core>,
    target: Option<Target>,
}

impl Drop for KillGuard {
    fn drop(&mut self) {
        let Some(target) = self.target.take() else { return };
        if let Ok(finished) = self.core.transport.kill_apart(target, Arc::clone(&self.core)) {
            self.core.runtime.let_finish(finished);
        }
    }
}
