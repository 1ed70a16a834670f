//! The contexts of a sandbox.

use std::{fmt, sync::Arc};

use super::{core::Core, maybe_async};
use crate::{
    error::{Error, Result},
    model::{Context, CreateContext},
    protocol::{Request, decode_context, decode_contexts},
    transport::Answer,
};

/// Creates and ends contexts of one sandbox.
///
/// Made by [`Sandbox::contexts`](super::Sandbox::contexts). A context keeps variables; code that names none runs in the
/// default context of its language. Contexts run at the same time, executions in one of them one after the other.
#[derive(Clone)]
pub struct ContextManager {
    core: Arc<Core>,
    sandbox_id: Arc<str>,
}

impl ContextManager {
    pub(super) fn new(core: Arc<Core>, sandbox_id: Arc<str>) -> Self {
        Self { core, sandbox_id }
    }

    fn about(&self, error: Error) -> Error {
        self.core.redact_inside(&self.sandbox_id, error).in_sandbox(&*self.sandbox_id)
    }
}

#[maybe_async]
impl ContextManager {
    /// Creates a context. `POST /contexts`
    ///
    #[doc = example!(r#"let context = sandbox.contexts().create("python")"# await r#"?;
sandbox.execute_code(Execute::new("x = 1").context(&context.id))"# await r#"?;
let other = sandbox.contexts().create(CreateContext::new("python").cwd("/tmp"))"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the sandbox is not there, or
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) if this client knew it;
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) or [`ErrorKind::Server`](crate::ErrorKind::Server),
    /// depending on the service, when it has no such language.
    pub async fn create(&self, spec: impl Into<CreateContext>) -> Result<Context> {
        let spec = spec.into();
        let route = self.core.route(&self.sandbox_id).await?;
        let request = self.core.endpoint().create_context(&self.sandbox_id, &route, &spec)?;
        let answer = self.call(request).await?;
        decode_context(&answer.body).map_err(|error| self.about(error).doing("create a context"))
    }

    /// The contexts that there are: default ones first, which the embedded engine may list before they are used, then the
    /// others in the order in which they were created. `GET /contexts`
    ///
    #[doc = example!(r#"for context in sandbox.contexts().list()"# await r#"? {
    println!("{} runs {} in {}", context.id, context.language, context.cwd);
}"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when the sandbox is not there, or
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) if this client knew it.
    pub async fn list(&self) -> Result<Vec<Context>> {
        let route = self.core.route(&self.sandbox_id).await?;
        let request = self.core.endpoint().list_contexts(&self.sandbox_id, &route)?;
        let answer = self.call(request).await?;
        decode_contexts(&answer.body).map_err(|error| self.about(error).doing("list contexts"))
    }

    /// Restarts a context: its variables are gone. What runs in it ends, with the error `ContextRestarting`.
    /// `POST /contexts/{id}/restart`
    ///
    #[doc = example!(r#"sandbox.contexts().restart("c1")"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none with this id.
    pub async fn restart(&self, id: &str) -> Result<()> {
        let route = self.core.route(&self.sandbox_id).await?;
        let request = self.core.endpoint().restart_context(&self.sandbox_id, &route, id)?;
        self.call(request).await?;
        Ok(())
    }

    /// Removes a context. What runs in it ends, with the error `UnexpectedEndOfExecution`. `DELETE /contexts/{id}`
    ///
    #[doc = example!(r#"sandbox.contexts().remove("c1")"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none with this id.
    pub async fn remove(&self, id: &str) -> Result<()> {
        let route = self.core.route(&self.sandbox_id).await?;
        let request = self.core.endpoint().remove_context(&self.sandbox_id, &route, id)?;
        self.call(request).await?;
        Ok(())
    }

    async fn call(&self, request: Request) -> Result<Answer> {
        self.core.call_inside(&self.sandbox_id, request).await
    }
}

impl fmt::Debug for ContextManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextManager").field("sandbox_id", &self.sandbox_id).finish_non_exhaustive()
    }
}
