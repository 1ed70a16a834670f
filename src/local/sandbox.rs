//! One sandbox: a directory, a supervisor and contexts, for a limited time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, OnceCell, watch};
use tokio::time::Instant;

use super::context::{Context, ContextInfo, Contexts};
use super::language::{Language, Runner};
use super::log::{Log, Severity};
use super::machine::Size;
use super::message::Environment;
use super::meter::Meter;
use super::overuse::Overuse;
use super::programs::Programs;
use super::python::Interpreter;
use super::registry::Specification;
use super::report::Level;
use super::server::Problem;
use super::supervisor::Supervisor;
use super::tokens::Tokens;
use super::warm::{Prepared, remove_directory};
use crate::error::Result;

pub(super) type Metadata = BTreeMap<String, String>;

/// When a sandbox ends by itself, on the clock that counts and on the one that clients read.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// None while it is paused.
    pub(super) at: Option<Instant>,
    pub(super) timestamp: Timestamp,
}

impl End {
    /// `timeout` from now; the caller has bounded it.
    pub(super) fn after(timeout: Duration) -> Self {
        let now = Timestamp::now();
        let until = SignedDuration::try_from(timeout).ok().and_then(|timeout| now.checked_add(timeout).ok());
        Self { at: Some(Instant::now() + timeout), timestamp: until.unwrap_or(now) }
    }

    /// That of a sandbox that is paused now. Clients read when that was.
    fn put_off() -> Self {
        Self { at: None, timestamp: Timestamp::now() }
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
    programs: Arc<Programs>,
    pub(super) contexts: Contexts,
    pub(super) end: watch::Sender<End>,
    /// At its end it is paused, not killed.
    pauses_at_end: AtomicBool,
    /// While it is paused, what comes in resumes it, for as long as it was created for.
    pub(super) auto_resumes: bool,
    timeout: Duration,
    /// What its creator said of it.
    pub(super) allows_internet: Option<bool>,
    /// Held while it is being paused or resumed, so that its end is put off exactly as long as it is paused.
    changing: Mutex<()>,
    pub(super) size: Size,
    pub(super) meter: Meter,
    pub(super) log: Arc<Log>,
    is_ended: watch::Sender<bool>,
    /// The limit that it is ended for.
    pub(super) overuse: OnceLock<Overuse>,
    removed: OnceCell<()>,
}

impl Sandbox {
    pub(super) fn new(
        prepared: Prepared,
        wanted: Specification,
        confinement: Level,
        size: Size,
        programs: Arc<Programs>,
    ) -> Result<Self> {
        let log = Log::default();
        let runtime = prepared.interpreter.runtime();
        let seconds = wanted.timeout.as_secs_f64();
        log.note(
            Severity::Info,
            format!("created with {runtime}, confined by {}, to end in {seconds} s", confinement.name()),
        );
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
            programs,
            end: watch::Sender::new(End::after(wanted.timeout)),
            pauses_at_end: AtomicBool::new(wanted.pauses_at_end),
            auto_resumes: wanted.auto_resumes,
            timeout: wanted.timeout,
            allows_internet: wanted.allows_internet,
            changing: Mutex::default(),
            size,
            meter: Meter::default(),
            log: Arc::new(log),
            is_ended: watch::Sender::default(),
            overuse: OnceLock::new(),
            removed: OnceCell::new(),
        })
    }

    /// What runs code of this language, by any of its names; or a message that says why nothing does.
    pub(super) async fn runner(&self, language: Option<&str>) -> Result<Runner, String> {
        self.programs.runner(Language::parse(language)?).await
    }

    pub(super) async fn list_contexts(&self) -> Vec<ContextInfo> {
        if let Ok(runner) = self.programs.runner(Language::JavaScript).await {
            // Without one it is a shorter list.
            let _ = self.contexts.offer_javascript(runner);
        }
        self.contexts.list()
    }

    /// Starts a context that is not listed yet. The second value says why it is not in its directory, if it is not.
    pub(super) async fn start_context(
        &self,
        runner: Runner,
        cwd: Option<&str>,
    ) -> Result<(Arc<Context>, Option<String>)> {
        let context = self.contexts.prepare(runner, cwd)?;
        let started = context.turn().await.prepare(&context, &self.supervisor, &self.env).await?;
        Ok((context, started.ok().flatten()))
    }

    /// Moves the end. False when it is paused, and has none.
    pub(super) fn set_timeout(&self, timeout: Duration) -> bool {
        self.move_end(timeout, |_, current| current.is_some())
    }

    /// Moves the end later, never earlier.
    pub(super) fn extend(&self, timeout: Duration) {
        self.move_end(timeout, |new, current| current.is_some() && new > current);
    }

    fn move_end(&self, timeout: Duration, is_wanted: impl FnOnce(Option<Instant>, Option<Instant>) -> bool) -> bool {
        let end = End::after(timeout);
        let is_moved = self.end.send_if_modified(|current| {
            let is_wanted = is_wanted(end.at, current.at);
            if is_wanted {
                *current = end;
            }
            is_wanted
        });
        if is_moved {
            self.log.note(Severity::Info, format!("timeout moved: to end in {} s", timeout.as_secs_f64()));
        }
        is_moved
    }

    pub(super) fn pauses_at_end(&self) -> bool {
        self.pauses_at_end.load(Ordering::Relaxed)
    }

    pub(super) fn set_pauses_at_end(&self, pauses: bool) {
        self.pauses_at_end.store(pauses, Ordering::Relaxed);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.supervisor.pause.is_paused()
    }

    /// Stops what runs in it, and puts its end off. False when it was paused already.
    pub(super) async fn pause(self: &Arc<Self>) -> Result<bool, Problem> {
        let sandbox = Arc::clone(self);
        // Begun, it is done: if the caller stops waiting half-way, nothing would know what was stopped.
        let pausing = tokio::spawn(async move { sandbox.pause_now().await });
        pausing.await.unwrap_or(Ok(false))
    }

    async fn pause_now(&self) -> Result<bool, Problem> {
        let _changing = self.changing.lock().await;
        let Some(supervisor) = self.supervisor.process() else { return Ok(false) };
        let is_new = self.supervisor.pause.begin(supervisor).await?;
        if is_new {
            self.end.send_replace(End::put_off());
            self.log.note(Severity::Info, "paused");
        }
        Ok(is_new)
    }

    /// Lets go on what runs in it, to end after a time. False when it was not paused.
    pub(super) async fn resume(self: &Arc<Self>, timeout: Duration) -> bool {
        let sandbox = Arc::clone(self);
        let resuming = tokio::spawn(async move { sandbox.resume_now(timeout).await });
        resuming.await.unwrap_or(false)
    }

    /// Resumes it, if it is paused and is of those that resume by themselves; whether it runs.
    pub(super) async fn wake(self: &Arc<Self>) -> bool {
        if self.is_paused() && self.auto_resumes {
            self.resume(self.timeout).await;
        }
        !self.is_paused()
    }

    async fn resume_now(&self, timeout: Duration) -> bool {
        let _changing = self.changing.lock().await;
        let Some(supervisor) = self.supervisor.process() else { return false };
        let is_new = self.supervisor.pause.end(supervisor).await;
        if is_new {
            self.end.send_replace(End::after(timeout));
            self.log.note(Severity::Info, format!("resumed, to end in {} s", timeout.as_secs_f64()));
        }
        is_new
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
