//! The manager of sandboxes.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Execution, Sandbox, SandboxList, core::Core, maybe_async};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    model::{CreateSandbox, Execute, ExecutionResult},
};

/// Creates sandboxes, finds them, runs code in them and ends them.
///
/// Made by [`CodeInterpreter::sandboxes`](super::CodeInterpreter::sandboxes); a cheap handle that can be cloned and kept.
#[derive(Clone)]
pub struct SandboxManager {
    pub(super) core: Arc<Core>,
}

impl SandboxManager {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The sandboxes that there are, newest first. Nothing is asked for until the list is read; it can be narrowed before.
    /// `GET /v2/sandboxes`
    ///
    #[doc = example!(r#"for info in client.sandboxes().list().metadata("job", "42").all()"# await r#"? {
    println!("{} runs {}", info.id, info.runtime.unwrap_or_default());
}"#)]
    pub fn list(&self) -> SandboxList {
        SandboxList::new(Arc::clone(&self.core))
    }
}

#[maybe_async]
impl SandboxManager {
    /// Creates a sandbox. `POST /sandboxes`
    ///
    #[doc = example!(r#"let sandbox = client.sandboxes().create("python3.10")"# await r#"?;
let spec = CreateSandbox::new("python3").timeout(std::time::Duration::from_secs(900)).metadata("job", "42");
let other = client.sandboxes().create(spec)"# await r#"?;
println!("{} and {}", sandbox.id(), other.id());"#)]
    ///
    /// The sandbox lives until it is killed or its timeout ends; dropping the handle does not end it. For one that ends
    /// with a piece of code, use [`with`](Self::with).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such runtime; on the embedded engine the error lists those that there
    /// are. [`ErrorKind::Authentication`], [`ErrorKind::RateLimited`] and the other kinds of refused and failed calls.
    /// A create is sent again only when the server provably did not act on it. When the answer got lost, a sandbox may be
    /// there whose id never arrived: [`Error::mark`](crate::Error::mark) then has what
    /// [`kill_marked`](Self::kill_marked) finds it by.
    pub async fn create(&self, spec: impl Into<CreateSandbox>) -> Result<Sandbox> {
        let spec = self.core.endpoint().marked(spec.into());
        let info = match self.core.call_for_sandbox(self.core.endpoint().create(&spec)).await {
            Ok(info) => info,
            Err(error) if may_have_created(&error) => return Err(error.with_mark(spec.given_mark())),
            Err(error) => return Err(error),
        };
        Ok(Sandbox::new(Arc::clone(&self.core), info.id))
    }

    /// A handle of a sandbox that exists. `GET /sandboxes/{id}`
    ///
    #[doc = example!(r#"let sandbox = client.sandboxes().get("i1a2b3c4")"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none with this id, or [`ErrorKind::SandboxGone`] if this client knew it;
    /// [`ErrorKind::InvalidInput`] when it cannot be an id.
    pub async fn get(&self, id: &str) -> Result<Sandbox> {
        let info = self.core.get(id).await?;
        Ok(Sandbox::new(Arc::clone(&self.core), info.id))
    }

    /// A handle of a sandbox that exists, which is resumed if it is paused, and lives for 300 s more at least.
    /// `POST /sandboxes/{id}/connect`
    ///
    #[doc = example!(r#"let sandbox = client.sandboxes().connect("i1a2b3c4")"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none with this id, or [`ErrorKind::SandboxGone`] if this client knew it;
    /// [`ErrorKind::Conflict`] when it is being killed, [`ErrorKind::InvalidInput`] when it cannot be an id.
    pub async fn connect(&self, id: &str) -> Result<Sandbox> {
        let info = self.core.call_for_sandbox(self.core.endpoint().connect(id)?).await?;
        Ok(Sandbox::new(Arc::clone(&self.core), info.id))
    }

    /// Kills a sandbox, and everything that runs in it. `DELETE /sandboxes/{id}`
    ///
    /// Whether there was one: `false` when it was gone already.
    ///
    #[doc = example!(r#"client.sandboxes().kill(sandbox.id())"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it cannot be an id, and those of any refused or failed call.
    pub async fn kill(&self, id: &str) -> Result<bool> {
        let request = self.core.endpoint().kill(id)?;
        match self.core.call(request).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sets how long a sandbox lives, counted from now; it may be shorter than before, and 0 ends it. Sent in whole
    /// seconds, rounded up. `POST /sandboxes/{id}/timeout`
    ///
    #[doc = example!(r#"client.sandboxes().set_timeout(sandbox.id(), std::time::Duration::from_secs(60))"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none with this id, or [`ErrorKind::SandboxGone`] if this client knew it;
    /// [`ErrorKind::SandboxPaused`] when it is paused, [`ErrorKind::InvalidInput`] when it cannot be an id.
    pub async fn set_timeout(&self, id: &str, life: Duration) -> Result<()> {
        let request = self.core.endpoint().set_timeout(id, life)?;
        match self.core.call(request).await {
            Ok(_) => {
                self.core.known.ends_at(id, SystemTime::now().checked_add(life));
                Ok(())
            }
            Err(error) if error.is_not_found() => Err(self.core.gone_or_paused(id, error).await),
            Err(error) => Err(error),
        }
    }

    /// Runs code in a sandbox, and gathers what comes of it. `POST /sandboxes/{id}/execute`
    ///
    #[doc = example!(r#"let result = client.sandboxes().execute_code(sandbox.id(), "print('hi'); 1 + 1")"# await r#"?;
assert_eq!(result.stdout(), "hi\n");
assert_eq!(result.text(), Some("2"));"#)]
    ///
    /// Code that raises is a result with an [`error`](ExecutionResult::error), not an `Err`. State is kept from one
    /// execution to the next. Dropping the call (async) or cancelling it ([`Execute::cancel`]) interrupts the code.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::InvalidInput`]: the id cannot be one, or both a context and a language were given.
    /// * [`ErrorKind::NotFound`]: there is no sandbox with this id, or no such context in it.
    /// * [`ErrorKind::SandboxGone`]: the sandbox, which this client knew, was killed, or expired, before or while the code ran.
    /// * [`ErrorKind::SandboxPaused`]: the sandbox is paused; resume it.
    /// * [`ErrorKind::Timeout`]: the execution or the idle clock ran out; [`Error::clock`](crate::Error::clock) says which.
    /// * [`ErrorKind::Cancelled`]: the request's [`Cancel`](crate::Cancel) was used.
    /// * [`ErrorKind::ConnectionLost`]: the connection broke, or the answer ended before the execution did.
    /// * [`ErrorKind::Protocol`], [`ErrorKind::TooLarge`]: the answer has a line that is not JSON, or one beyond 128 MiB.
    ///
    /// When it failed on the way, [`Error::partial`](crate::Error::partial) has what had come.
    pub async fn execute_code(&self, id: &str, request: impl Into<Execute>) -> Result<ExecutionResult> {
        self.execute_stream(id, request).await?.into_result().await
    }

    /// Runs code in a sandbox, and gives its events as they come. `POST /sandboxes/{id}/execute`
    ///
    #[doc = example!(r#"let mut execution = client.sandboxes().execute_stream(sandbox.id(), "for i in range(3): print(i)")"# await r#"?;
while let Some(event) = execution.next()"# await r#" {
    match event? {
        Event::Stdout(chunk) => print!("{}", chunk.text),
        Event::Error(raised) => eprintln!("{raised}"),
        _ => {}
    }
}"#)]
    ///
    /// # Errors
    ///
    /// As [`execute_code`](Self::execute_code): what is known before the first event here, what comes later from the
    /// stream.
    pub async fn execute_stream(&self, id: &str, request: impl Into<Execute>) -> Result<Execution> {
        let request = request.into();
        Ok(Execution::new(self.core.execute(id, &request).await?, request.max_output))
    }
}

/// Whether the service may have acted though no sandbox came back.
fn may_have_created(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout => error.clock().is_none_or(|(clock, _)| clock != Clock::Connect),
        ErrorKind::ConnectionLost | ErrorKind::Protocol | ErrorKind::TooLarge | ErrorKind::Server => true,
        ErrorKind::Unavailable => error.status() != Some(503),
        _ => false,
    }
}

impl fmt::Debug for SandboxManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxManager").field("endpoint", self.core.endpoint()).finish_non_exhaustive()
    }
}
