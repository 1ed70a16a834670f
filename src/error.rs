//! One error type for both flavours and for the embedded engine.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    model::{ExecutionError, ExecutionResult},
};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// It says what was being done, to what, why that failed and what to try next. Branch on [`kind`](Self::kind) or on
/// the `is_..` methods; the text is for people and may change. Cloning is cheap. Keys and tokens never appear in it.
///
/// ```
/// use code_interpreter::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::Authentication => "check the API key",
///         ErrorKind::SandboxGone => "create another sandbox",
///         ErrorKind::SandboxPaused => "resume it",
///         ErrorKind::Timeout => "allow more time",
///         _ if error.is_retryable() => "try again",
///         _ => "read the message",
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    action: Option<Cow<'static, str>>,
    hint: Option<Cow<'static, str>>,
    sandbox_id: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    clock: Option<(Clock, Duration)>,
    attempts: u32,
    partial: Option<ExecutionResult>,
    mark: Option<String>,
    says_no_sandbox: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`], to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot work: no key, a malformed address, a half-set pair of environment variables.
    Config,
    /// An argument was refused before anything was sent, such as an id with a slash in it.
    InvalidInput,
    /// The server refused the request as malformed (HTTP 400, 413, 415, 422 and their like).
    InvalidRequest,
    /// The server does not know the API key (HTTP 401).
    Authentication,
    /// The key is known and may not do this (HTTP 403).
    PermissionDenied,
    /// There is no such sandbox, context or runtime (HTTP 404). For a sandbox that this client knew, see
    /// [`SandboxGone`](Self::SandboxGone).
    NotFound,
    /// The sandbox is in a state in which this cannot be done (HTTP 409).
    Conflict,
    /// Too many requests or too many sandboxes (HTTP 429). See [`Error::retry_after`].
    RateLimited,
    /// The server has no room for what was sent (HTTP 507).
    NotEnoughSpace,
    /// The server failed (HTTP 500).
    Server,
    /// The server cannot answer at the moment (HTTP 502, 503, 504).
    Unavailable,
    /// The server does not offer this (HTTP 405, 501).
    Unsupported,
    /// No connection could be made, so nothing was done.
    Connect,
    /// The connection broke after the request was sent; the sandbox may still be running.
    ConnectionLost,
    /// A sandbox that this client knew was killed, or reached the end of its life, before or while something was done with
    /// it. (To kill it then is no error.)
    SandboxGone,
    /// The sandbox was paused, before or while something was done that needs it running. It keeps its state; `Sandbox::resume` lets it go
    /// on.
    SandboxPaused,
    /// A clock ran out. [`Error::clock`] tells which, and its value.
    Timeout,
    /// A `Cancel` handle ended the call.
    Cancelled,
    /// The answer could not be understood.
    Protocol,
    /// The answer has a line, or is an object, beyond 128 MiB.
    TooLarge,
    /// The code raised; only [`ExecutionResult::ok`] turns that into an error.
    Execution,
    /// What the client runs on is missing: no tokio runtime around the async client, or no thread to be had. (A runtime
    /// that was built without I/O or timers cannot be told apart before tokio panics: use `enable_all`.)
    Runtime,
    /// The embedded engine could not be started or stopped, or was stopped before or while something was asked of it.
    Engine,
    /// This machine cannot confine what the embedded engine runs.
    Confinement,
    /// A file on this machine could not be written.
    File,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            action: None,
            hint: None,
            sandbox_id: None,
            status: None,
            request_id: None,
            retry_after: None,
            clock: None,
            attempts: 0,
            partial: None,
            mark: None,
            says_no_sandbox: false,
            source: None,
        }))
    }

    #[cfg(feature = "local")]
    pub(crate) fn engine(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Engine, message)
    }

    /// The kind of failure, to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, where the server answered with one that is an error.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The server's own name for the request, to quote to whoever runs it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the server asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The sandbox that the call was about.
    #[must_use]
    pub fn sandbox_id(&self) -> Option<&str> {
        self.0.sandbox_id.as_deref()
    }

    /// The clock that ran out, and the value it was set to.
    #[must_use]
    pub fn clock(&self) -> Option<(Clock, Duration)> {
        self.0.clock
    }

    /// How many times the request was tried; 0 when it was refused before it was sent.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What had come of an execution before it failed.
    #[must_use]
    pub fn partial(&self) -> Option<&ExecutionResult> {
        self.0.partial.as_ref()
    }

    /// The mark of a sandbox whose creation failed on the way, so that it may be there without its id being known:
    /// pass it to `SandboxManager::kill_marked`. See `CreateSandbox::mark`.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.0.mark.as_deref()
    }

    /// The exception of the code, when the kind is [`ErrorKind::Execution`].
    #[must_use]
    pub fn execution_error(&self) -> Option<&ExecutionError> {
        self.0.partial.as_ref().filter(|_| self.0.kind == ErrorKind::Execution)?.error.as_ref()
    }

    /// Whether a clock ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether what was named does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether the sandbox is gone: killed, or at the end of its life.
    #[must_use]
    pub fn is_sandbox_gone(&self) -> bool {
        self.0.kind == ErrorKind::SandboxGone
    }

    /// Whether the sandbox is paused, so that it has to be resumed first.
    #[must_use]
    pub fn is_sandbox_paused(&self) -> bool {
        self.0.kind == ErrorKind::SandboxPaused
    }

    /// Whether a `Cancel` handle ended the call.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// Whether the same call may work a little later, and trying it again repeats nothing: the server did not act on
    /// it. (The client has already tried again as its retry policy allows.)
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Connect | ErrorKind::RateLimited)
            || (self.0.kind == ErrorKind::Unavailable && matches!(self.0.status, Some(408 | 503)))
    }
}

/// Builders, used where an error is made or passes through.
#[allow(dead_code, reason = "which of them are used depends on the features")]
impl Error {
    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What was being done, in words that follow "could not".
    pub(crate) fn doing(self, action: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.action = Some(action.into()))
    }

    pub(crate) fn hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.hint = Some(hint.into()))
    }

    pub(crate) fn in_sandbox(self, id: impl Into<String>) -> Self {
        self.edit(|inner| inner.sandbox_id = Some(id.into()))
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        self.edit(|inner| inner.status = Some(status))
    }

    pub(crate) fn with_request_id(self, id: Option<String>) -> Self {
        self.edit(|inner| inner.request_id = id)
    }

    pub(crate) fn with_retry_after(self, wait: Option<Duration>) -> Self {
        self.edit(|inner| inner.retry_after = wait)
    }

    pub(crate) fn with_clock(self, clock: Clock, value: Duration) -> Self {
        self.edit(|inner| inner.clock = Some((clock, value)))
    }

    pub(crate) fn with_attempts(self, attempts: u32) -> Self {
        self.edit(|inner| inner.attempts = attempts)
    }

    pub(crate) fn with_partial(self, partial: ExecutionResult) -> Self {
        self.edit(|inner| inner.partial = Some(partial))
    }

    pub(crate) fn with_mark(self, mark: Option<String>) -> Self {
        self.edit(|inner| inner.mark = mark)
    }

    /// That the server itself says that there is no such sandbox.
    pub(crate) fn says_no_sandbox(self, says: bool) -> Self {
        self.edit(|inner| inner.says_no_sandbox = says)
    }

    pub(crate) fn is_no_sandbox(&self) -> bool {
        self.0.says_no_sandbox
    }

    /// Takes secrets out of what it repeats of an answer.
    #[cfg(feature = "_client")]
    pub(crate) fn without(self, secrets: &[&str]) -> Self {
        self.edit(|inner| inner.message = crate::config::redact(std::mem::take(&mut inner.message), secrets))
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.source = Some(Arc::new(source)))
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The same failure, now known to be of another kind for another reason.
    pub(crate) fn reframe(self, kind: ErrorKind, message: impl Into<String>) -> Self {
        self.edit(|inner| {
            inner.kind = kind;
            inner.message = message.into();
        })
    }

    pub(crate) fn timeout(clock: Clock, value: Duration) -> Self {
        Self::new(ErrorKind::Timeout, format!("the {clock} clock of {value:?} ran out"))
            .with_clock(clock, value)
            .hint(clock.advice())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(action) = &inner.action {
            write!(f, "could not {action}")?;
            if let Some(id) = &inner.sandbox_id {
                write!(f, " (sandbox {id})")?;
            }
            f.write_str(": ")?;
        }
        if let Some(status) = inner.status {
            write!(f, "HTTP {status}: ")?;
        }
        f.write_str(&inner.message)?;
        if inner.attempts > 1 {
            write!(f, " (after {} attempts)", inner.attempts)?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut out = f.debug_struct("Error");
        out.field("kind", &inner.kind).field("message", &self.to_string());
        if let Some(id) = &inner.request_id {
            out.field("request_id", id);
        }
        if let Some(wait) = &inner.retry_after {
            out.field("retry_after", wait);
        }
        if let Some(raised) = self.execution_error() {
            out.field("traceback", &raised.traceback);
        }
        if let Some(source) = &inner.source {
            out.field("source", &source.to_string());
        }
        out.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_was_done_to_what_why_and_what_to_try() {
        let error = Error::new(ErrorKind::NotFound, "no such sandbox")
            .doing("run code")
            .in_sandbox("abc")
            .with_status(404)
            .with_attempts(2)
            .hint("create one first");
        assert_eq!(
            error.to_string(),
            "could not run code (sandbox abc): HTTP 404: no such sandbox (after 2 attempts); create one first"
        );
        assert!(error.is_not_found() && !error.is_retryable());
    }

    #[test]
    fn it_is_small_and_crosses_threads() {
        fn check<T: Clone + Send + Sync + 'static>() {}
        check::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
