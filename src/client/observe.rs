//! What sandboxes use, and what happened to them.

use std::time::SystemTime;

use super::{Sandbox, SandboxManager, core::Core, maybe_async};
use crate::{
    error::{Error, Result},
    model::{SandboxLog, SandboxMetrics},
    protocol::{LogQuery, MetricsQuery, Request, decode_logs, decode_metrics},
    transport::Answer,
};

#[maybe_async]
impl SandboxManager {
    /// What a sandbox used and uses, the oldest first. `GET /sandboxes/{id}/metrics`
    ///
    #[doc = example!(r#"for point in client.sandboxes().metrics(sandbox.id())"# await r#"? {
    println!("{} % of {} processors, {} MiB", point.cpu_used_percent, point.cpu_count, point.memory_used >> 20);
}"#)]
    ///
    /// The embedded engine measures when it is asked, once a second at most, and keeps a thousand points; the first time,
    /// and after ten seconds in which nobody asked, that takes 0.1 s. E2B measures every few seconds, so that there may
    /// be nothing yet for a new sandbox.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none with this id, or
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) if this client knew it;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the service does not measure.
    pub async fn metrics(&self, id: &str) -> Result<Vec<SandboxMetrics>> {
        self.core.metrics(id, MetricsQuery::default()).await
    }

    /// What a sandbox used from one time to another, in whole seconds, the oldest first.
    /// `GET /sandboxes/{id}/metrics?start=..&end=..`
    ///
    #[doc = example!(r#"let now = std::time::SystemTime::now();
let start = now - std::time::Duration::from_secs(60);
let points = client.sandboxes().metrics_between(sandbox.id(), start, now)"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`metrics`](Self::metrics).
    pub async fn metrics_between(&self, id: &str, start: SystemTime, end: SystemTime) -> Result<Vec<SandboxMetrics>> {
        self.core.metrics(id, MetricsQuery { start: Some(start), end: Some(end) }).await
    }

    /// What happened to a sandbox: the latest lines of its log, a thousand at most, the oldest first.
    /// `GET /v2/sandboxes/{id}/logs`
    ///
    #[doc = example!(r#"for line in client.sandboxes().logs(sandbox.id())"# await r#"? {
    println!("{} {}", line.level, line.message);
}"#)]
    ///
    /// The embedded engine notes how the sandbox, its contexts and executions began and ended, but neither code nor output,
    /// and keeps a thousand lines of each, also of the 64 that ended last. It numbers the executions of the whole sandbox:
    /// [`ExecutionResult::execution_count`](crate::ExecutionResult::execution_count) is that of a context.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none with this id, or
    /// [`ErrorKind::SandboxGone`](crate::ErrorKind::SandboxGone) if this client knew it;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the service keeps no log.
    pub async fn logs(&self, id: &str) -> Result<Vec<SandboxLog>> {
        let mut lines = self.core.logs(id, LogQuery::Latest).await?;
        lines.reverse();
        Ok(lines)
    }

    /// The lines of a sandbox's log from a time on, in whole milliseconds, a thousand at most, the oldest first. The time of
    /// the last line is where to go on from. `GET /v2/sandboxes/{id}/logs?cursor=..`
    ///
    #[doc = example!(r#"let minute = std::time::Duration::from_secs(60);
let lines = client.sandboxes().logs_since(sandbox.id(), std::time::SystemTime::now() - minute)"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`logs`](Self::logs).
    pub async fn logs_since(&self, id: &str, start: SystemTime) -> Result<Vec<SandboxLog>> {
        self.core.logs(id, LogQuery::Since(start)).await
    }
}

#[maybe_async]
impl Sandbox {
    /// What it used and uses, as [`SandboxManager::metrics`] tells. `GET /sandboxes/{id}/metrics`
    ///
    #[doc = example!(r#"if let Some(now) = sandbox.metrics()"# await r#"?.last() {
    println!("{} of {} bytes of memory", now.memory_used, now.memory_total);
}"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::metrics`].
    pub async fn metrics(&self) -> Result<Vec<SandboxMetrics>> {
        self.manager.metrics(self.id()).await
    }

    /// What it used from one time to another, as [`SandboxManager::metrics_between`] tells.
    /// `GET /sandboxes/{id}/metrics?start=..&end=..`
    ///
    #[doc = example!(r#"let now = std::time::SystemTime::now();
let points = sandbox.metrics_between(now - std::time::Duration::from_secs(60), now)"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::metrics`].
    pub async fn metrics_between(&self, start: SystemTime, end: SystemTime) -> Result<Vec<SandboxMetrics>> {
        self.manager.metrics_between(self.id(), start, end).await
    }

    /// What happened to it, as [`SandboxManager::logs`] tells. `GET /v2/sandboxes/{id}/logs`
    ///
    #[doc = example!(r#"for line in sandbox.logs()"# await r#"? {
    println!("{} {}", line.level, line.message);
}"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::logs`].
    pub async fn logs(&self) -> Result<Vec<SandboxLog>> {
        self.manager.logs(self.id()).await
    }

    /// What happened to it from a time on, as [`SandboxManager::logs_since`] tells.
    /// `GET /v2/sandboxes/{id}/logs?cursor=..`
    ///
    #[doc = example!(r#"let start = std::time::SystemTime::now();
sandbox.execute_code("1")"# await r#"?;
let lines = sandbox.logs_since(start)"# await r#"?;"#)]
    ///
    /// # Errors
    ///
    /// Those of [`SandboxManager::logs`].
    pub async fn logs_since(&self, start: SystemTime) -> Result<Vec<SandboxLog>> {
        self.manager.logs_since(self.id(), start).await
    }
}

#[maybe_async]
impl Core {
    async fn metrics(&self, id: &str, query: MetricsQuery) -> Result<Vec<SandboxMetrics>> {
        let request = self.endpoint().metrics(id, &query)?;
        self.observe(id, request, decode_metrics).await
    }

    async fn logs(&self, id: &str, query: LogQuery) -> Result<Vec<SandboxLog>> {
        let request = self.endpoint().logs(id, &query)?;
        self.observe(id, request, decode_logs).await
    }

    async fn observe<T>(&self, id: &str, request: Request, decode: fn(&[u8]) -> Result<T>) -> Result<T> {
        let action = request.action;
        let answer: Answer = match self.call_about(id, request).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.not_offered(error)),
        };
        let about = |error: Error| self.redact(error).doing(action).in_sandbox(id).with_attempts(answer.attempts);
        decode(&answer.body).map_err(about)
    }
}
