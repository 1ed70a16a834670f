//! Sandboxes that stand still for a while.

use std::time::Duration;

use super::{Sandbox, SandboxManager, maybe_async};
use crate::{
    error::{ErrorKind, Result},
    model::SandboxState,
};

#[maybe_async]
impl SandboxManager {
    /// Pauses a sandbox: what runs in it stands still, and its memory and files are kept until it is resumed.
    /// `POST /sandboxes/{id}/pause`
    ///
    /// Whether it ran: `false` when it was paused already.
    ///
    #[doc = example!(r#"client.sandboxes().pause(sandbox.id())"# await r#"?;"#)]
    ///
    /// A paused sandbox does not reach its end by itself, and can be killed. Code and contexts are refused with
    /// [`ErrorKind::SandboxPaused`]. What is known of it can still be asked for.
    ///
    /// On the embedded engine an execution that is under way waits for the resume: its stream stays open with
    /// keep-alives, and the engine's clock for it stands still. The client's own clocks do not, so an execution whose
    /// timeout ends meanwhile fails here, and is interrupted after the resume. Clocks that code itself looks at go on as
    /// well: a `sleep` may be over at once. On E2B the connection of an execution may break.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none with this id, or [`ErrorKind::SandboxGone`] if this client knew it;
    /// [`ErrorKind::InvalidInput`] when it cannot be an id, [`ErrorKind::Unsupported`] when the service cannot pause, [`ErrorKind::Conflict`] when it is in between two states.
    pub async fn pause(&self, id: &str) -> Result<bool> {
        let request = self.core.endpoint().pause(id)?;
        match self.core.call_about(id, request).await {
            Ok(_) => {
                // It has no end now.
                self.core.known.ends_at(id, None);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Conflict => match self.core.get(id).await {
                Ok(info) if info.state == SandboxState::Paused => Ok(false),
                _ => Err(error),
            },
            Err(error) => Err(self.core.not_offered(error)),
        }
    }

    /// Resumes a sandbox that is paused, to live for this long from now on. One that runs goes on, and lives for this
    /// long at least. Sent in whole seconds, rounded up. `POST /sandboxes/{id}/connect`
    ///
    #[doc = example!(r#"client.sandboxes().resume(sandbox.id(), std::time::Duration::from_secs(300))"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none with this id, or [`ErrorKind::SandboxGone`] if this client knew it;
    /// [`ErrorKind::InvalidInput`] when it cannot be an id, [`ErrorKind::Unsupported`] when the service cannot resume, [`ErrorKind::Conflict`] when it is being killed.
    pub async fn resume(&self, id: &str, life: Duration) -> Result<()> {
        let request = self.core.endpoint().resume(id, life)?;
        match self.core.call_for_sandbox(request).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.core.not_offered(error)),
        }
    }
}

#[maybe_async]
impl Sandbox {
    /// Pauses it, as [`SandboxManager::pause`] does. `POST /sandboxes/{id}/pause`
    ///
    #[doc = example!(r#"sandbox.execute_code("x = 1")"# await r#"?;
sandbox.pause()"# await r#"?;
sandbox.resume(std::time::Duration::from_secs(300))"# await r#"?;
let result = sandbox.execute_code("x")"# await r#"?;
assert_eq!(result.text(), Some("1"));"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::pause`].
    pub async fn pause(&self) -> Result<bool> {
        self.manager.pause(self.id()).await
    }

    /// Resumes it, as [`SandboxManager::resume`] does. `POST /sandboxes/{id}/connect`
    ///
    #[doc = example!(r#"sandbox.resume(std::time::Duration::from_secs(300))"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::resume`].
    pub async fn resume(&self, life: Duration) -> Result<()> {
        self.manager.resume(self.id(), life).await
    }
}
