//! The sandboxes of an engine.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{RwLock, oneshot};

use super::log::{Archive, Log, Severity};
use super::machine::Size;
use super::message::Environment;
use super::overuse::Overuse;
use super::programs::Programs;
use super::python::{Interpreter, Pythons};
use super::sandbox::{Metadata, Sandbox};
use super::server::Problem;
use super::tokens::Secured;
use super::warm::{Place, Prepared, Warm};
use super::{expiry, lock};

/// How long stopping waits for sandboxes that are being created.
const LAST_CREATION: Duration = Duration::from_secs(5);

/// How many ends are remembered.
const REMEMBERED: usize = 256;

/// The runtime of those who name none.
pub(super) const DEFAULT_RUNTIME: &str = "python";

/// What a new sandbox is to be.
pub(super) struct Specification {
    pub(super) runtime: String,
    pub(super) timeout: Duration,
    pub(super) pauses_at_end: bool,
    pub(super) auto_resumes: bool,
    pub(super) allows_internet: Option<bool>,
    pub(super) metadata: Metadata,
    pub(super) env: Environment,
    pub(super) secured: Secured,
}

impl Specification {
    /// By which programs know that they run in a sandbox of E2B's.
    fn add_variables(&mut self, id: &str) {
        let template = self.runtime.clone();
        let variables = [("E2B_SANDBOX", "true"), ("E2B_SANDBOX_ID", id), ("E2B_TEMPLATE_ID", &template)];
        for (name, value) in variables {
            self.env.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
}

pub(super) struct Registry {
    pythons: Arc<Pythons>,
    programs: Arc<Programs>,
    pub(super) place: Place,
    warm: Warm,
    size: Size,
    serves_e2b: bool,
    /// Those that are ending stay here until they have ended, and are shown to nobody.
    sandboxes: Mutex<HashMap<String, Arc<Sandbox>>>,
    /// Why the latest ones were ended that passed a limit.
    ended: Mutex<VecDeque<(String, Overuse)>>,
    logs: Archive,
    is_closed: AtomicBool,
    /// Read by every creation under way, so that stopping can wait for them.
    creations: RwLock<()>,
}

impl Registry {
    pub(super) fn new(pythons: Pythons, place: Place, warm: usize, serves_e2b: bool) -> Self {
        Self {
            pythons: Arc::new(pythons),
            programs: Arc::default(),
            warm: Warm::new(warm, place.clone()),
            size: Size::new(place.confinement.policy(), place.directory.path()),
            place,
            serves_e2b,
            sandboxes: Mutex::default(),
            ended: Mutex::default(),
            logs: Archive::default(),
            is_closed: AtomicBool::new(false),
            creations: RwLock::new(()),
        }
    }

    /// The interpreter for a runtime, with what its sandboxes need for other languages.
    async fn interpreter(&self, runtime: &str) -> Result<Interpreter, String> {
        let (interpreter, places) = tokio::join!(self.pythons.find_async(runtime), self.programs.places());
        Ok(interpreter?.with_places(places))
    }

    /// Prepares sandboxes of the default interpreter, if there is one.
    pub(super) async fn warm_up(&self) {
        if let Ok(interpreter) = self.interpreter(DEFAULT_RUNTIME).await {
            self.warm.fill(&interpreter, Duration::ZERO);
        }
    }

    /// Creates a sandbox. One that nobody waits for any more when it is there is killed again.
    pub(super) async fn create(self: &Arc<Self>, specification: Specification) -> Result<Arc<Sandbox>, Problem> {
        let (mut sender, created) = oneshot::channel();
        let registry = Arc::clone(self);
        tokio::spawn(async move {
            let creations = Arc::clone(&registry);
            let _creation = creations.creations.read().await;
            let outcome = registry.create_now(specification, sender.closed()).await;
            let _ = sender.send(outcome.map(|sandbox| Unclaimed { registry, sandbox: Some(sandbox) }));
        });
        let unclaimed = created.await.unwrap_or_else(|_| Err(stopping()))?;
        // If the client has gone by now, the connection is looked at first, and the rest is not run.
        tokio::task::yield_now().await;
        unclaimed.claim().ok_or_else(stopping)
    }

    async fn create_now(
        self: &Arc<Self>,
        mut wanted: Specification,
        given_up: impl Future<Output = ()>,
    ) -> Result<Arc<Sandbox>, Problem> {
        let interpreter =
            self.interpreter(&wanted.runtime).await.map_err(|message| Problem::new(StatusCode::NOT_FOUND, message))?;
        let prepared = match self.warm.claim(&interpreter).await {
            Some(prepared) => prepared,
            None => {
                let turn = tokio::select! {
                    turn = self.place.starts.turn() => turn.map_err(|_| stopping())?,
                    () = given_up => return Err(stopping()),
                };
                Prepared::start(interpreter.clone(), self.place.clone(), turn).await?
            }
        };
        if let Ok(default) = self.interpreter(DEFAULT_RUNTIME).await {
            self.warm.refill(&default);
        }
        if self.serves_e2b {
            wanted.add_variables(&prepared.id);
        }
        let confinement = self.place.confinement.level();
        let sandbox = Sandbox::new(prepared, wanted, confinement, self.size, Arc::clone(&self.programs))?;
        let sandbox = Arc::new(sandbox);
        lock(&self.sandboxes).insert(sandbox.id.clone(), Arc::clone(&sandbox));
        if self.is_closed.load(Ordering::Acquire) {
            self.kill(sandbox).await;
            return Err(stopping());
        }
        tokio::spawn(expiry::watch(Arc::clone(self), Arc::clone(&sandbox)));
        Ok(sandbox)
    }

    pub(super) fn get(&self, id: &str) -> Result<Arc<Sandbox>, Problem> {
        // Old clients append a name of their own.
        let id = id.split_once('-').map_or(id, |(id, _)| id);
        let found = lock(&self.sandboxes).get(id).filter(|sandbox| !sandbox.is_ended()).cloned();
        found.ok_or_else(|| {
            let ended = lock(&self.ended);
            let message = match ended.iter().find(|(ended, _)| ended == id) {
                Some((_, why)) => format!("Sandbox \"{id}\" was ended: {why}"),
                None => format!("Sandbox \"{id}\" doesn't exist or you don't have access to it"),
            };
            Problem::new(StatusCode::NOT_FOUND, message)
        })
    }

    /// One that is not paused.
    pub(super) fn running(&self, id: &str) -> Result<Arc<Sandbox>, Problem> {
        let sandbox = self.get(id)?;
        if sandbox.is_paused() {
            let message = format!("Sandbox \"{id}\" is paused; resume it first");
            return Err(Problem::new(StatusCode::CONFLICT, message));
        }
        Ok(sandbox)
    }

    /// The log of a sandbox, also of one that has ended.
    pub(super) fn log(&self, id: &str) -> Result<Arc<Log>, Problem> {
        self.get(id).map(|sandbox| Arc::clone(&sandbox.log)).or_else(|problem| self.logs.get(id).ok_or(problem))
    }

    /// The sandboxes, running and paused, the newest first.
    pub(super) fn list(&self) -> Vec<Arc<Sandbox>> {
        let mut all: Vec<_> = lock(&self.sandboxes).values().filter(|sandbox| !sandbox.is_ended()).cloned().collect();
        all.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// Ends a sandbox, even if the caller stops waiting for it.
    pub(super) async fn kill(self: &Arc<Self>, sandbox: Arc<Sandbox>) {
        let registry = Arc::clone(self);
        self.logs.keep(&sandbox.id, &sandbox.log);
        let task = tokio::spawn(async move {
            sandbox.kill().await;
            lock(&registry.sandboxes).remove(&sandbox.id);
        });
        let _ = task.await;
    }

    /// Begins the end of a sandbox whose files take too much, in bytes.
    pub(super) fn limit_disk(self: &Arc<Self>, sandbox: Arc<Sandbox>, used: u64, limit: u64) {
        if used > limit {
            let registry = Arc::clone(self);
            tokio::spawn(async move { registry.end(sandbox, Overuse::Disk { used, limit }).await });
        }
    }

    /// Ends a sandbox that passed a limit, and remembers why.
    async fn end(self: &Arc<Self>, sandbox: Arc<Sandbox>, overuse: Overuse) {
        {
            let mut ended = lock(&self.ended);
            ended.truncate(REMEMBERED - 1);
            ended.push_front((sandbox.id.clone(), overuse.clone()));
        }
        sandbox.log.note(Severity::Warn, format!("ended: {overuse}"));
        // The first reason counts.
        let _ = sandbox.overuse.set(overuse);
        self.kill(sandbox).await;
    }

    /// Ends all sandboxes and waits until they are gone.
    pub(super) async fn stop(self: &Arc<Self>) {
        self.is_closed.store(true, Ordering::Release);
        self.place.starts.close();
        let _ = tokio::time::timeout(LAST_CREATION, self.creations.write()).await;
        let all: Vec<_> = lock(&self.sandboxes).values().cloned().collect();
        let kills: Vec<_> = all
            .into_iter()
            .map(|sandbox| {
                let registry = Arc::clone(self);
                tokio::spawn(async move { registry.kill(sandbox).await })
            })
            .collect();
        self.warm.stop().await;
        for kill in kills {
            let _ = kill.await;
        }
    }
}

/// A new sandbox on its way to the client; killed when it gets lost there.
struct Unclaimed {
    registry: Arc<Registry>,
    sandbox: Option<Arc<Sandbox>>,
}

impl Unclaimed {
    fn claim(mut self) -> Option<Arc<Sandbox>> {
        self.sandbox.take()
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        // Without a runtime the engine has stopped, and all its sandboxes with it.
        if let (Some(sandbox), Ok(runtime)) = (self.sandbox.take(), Handle::try_current()) {
            let registry = Arc::clone(&self.registry);
            runtime.spawn(async move { registry.kill(sandbox).await });
        }
    }
}

fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the engine is stopping")
}
