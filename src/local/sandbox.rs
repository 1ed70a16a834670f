//! One sandbox: a directory, a supervisor and contexts, for a limited time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

use super::context::{Context, Contexts};
use super::message::Environment;
use super::overuse::Overuse;
use super::python::Interpreter;
use super::registry::Specification;
use super::report::Level;
use super::supervisor::Supervisor;
use super::tokens::Tokens;
use super::warm::{Prepared, remove_directory};
use crate::error::Result;

pub(super) type Metadata = BTreeMap<String, String>;

/// When a sandbox ends by itself, on the clock that counts and on the one that clients read.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) timestamp: Timestamp,
}

impl End {
    /// `timeout` from now; the caller has bounded it.
    pub(super) fn after(timeout: Duration) -> Self {
        let now = Timestamp::now();
        let until = SignedDuration::try_from(timeout).ok().and_then(|timeout| now.checked_add(timeout).ok());
        Self { at: Instant::now() + timeout, timestamp: until.unwrap_or(now) }
    }
}

pub(super) struct Sandbox {
    pub(super) id: String,
    /// The name it was asked for by.
    pub(super) template: String,
    pub(super) interpreter: Interpreter,
    pub(super) confinement: Level,
    pub(super) metadata: Metadata,
    pub(super) env: Environment,
    pub(super) tokens: Tokens,
    pub(super) started_at: Timestamp,
    pub(super) directory: PathBuf,
    pub(super) supervisor: Arc<Supervisor>,
    pub(super) contexts: Contexts,
    pub(super) end: watch::Sender<End>,
    is_ended: watch::Sender<bool>,
    /// The limit that it is ended for.
    pub(super) overuse: OnceLock<Overuse>,
    removed: OnceCell<()>,
}

impl Sandbox {
    pub(super) fn new(prepared: Prepared, wanted: Specification, confinement: Level) -> Result<Self> {
        Ok(Self {
            id: prepared.id,
            confinement,
            template: wanted.runtime,
            interpreter: prepared.interpreter,
            metadata: wanted.metadata,
            env: wanted.env,
            tokens: Tokens::new(wanted.secured)?,
            started_at: Timestamp::now(),
            contexts: Contexts::new(&prepared.home)?,
            directory: prepared.directory,
            supervisor: prepared.supervisor,
            end: watch::Sender::new(End::after(wanted.timeout)),
            is_ended: watch::Sender::default(),
            overuse: OnceLock::new(),
            removed: OnceCell::new(),
        })
    }

    /// Starts a context that is not listed yet. The second value says why it is not in its directory, if it is not.
    pub(super) async fn start_context(&self, cwd: Option<&str>) -> Result<(Arc<Context>, Option<String>)> {
        let context = self.contexts.prepare(cwd)?;
        let started = context.turn().await.prepare(&context, &self.supervisor, &self.env).await?;
        Ok((context, started.ok().flatten()))
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        self.end.send_replace(End::after(timeout));
    }

    /// Moves the end later, never earlier.
    pub(super) fn extend(&self, timeout: Duration) {
        let end = End::after(timeout);
        self.end.send_if_modified(|current| {
            let is_later = end.at > current.at;
            if is_later {
                *current = end;
            }
            is_later
        });
    }

    /// True from the moment that its end has begun.
    pub(super) fn is_ended(&self) -> bool {
        *self.is_ended.borrow()
    }

    /// Waits until its end has begun.
    pub(super) async fn ended(&self) {
        // The sender is ours, so waiting cannot fail.
        let _ = self.is_ended.subscribe().wait_for(|is_ended| *is_ended).await;
    }

    /// Cuts what runs, ends its processes and removes its directory; returns when all of that is done.
    pub(super) async fn kill(&self) {
        self.is_ended.send_replace(true);
        self.removed
            .get_or_init(|| async {
                self.supervisor.stop().await;
                remove_directory(self.directory.clone()).await;
            })
            .await;
    }
}
