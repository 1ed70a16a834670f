//! A context: a kernel with its variables, which runs one piece of code at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tokio::sync::{OwnedMutexGuard, watch};

use super::kernel::Kernel;
use super::language::{Language, Runner};
use super::lock;
use super::message::Environment;
use super::random::random_id;
use super::supervisor::{Exit, Supervisor};
use crate::error::Result;

/// What a client sees of a context.
#[derive(Clone, Serialize)]
pub(super) struct ContextInfo {
    pub(super) id: String,
    pub(super) language: Language,
    pub(super) cwd: PathBuf,
}

/// What was done to a context from outside.
#[derive(Clone, Copy, Default)]
pub(super) struct Fate {
    /// Counts the restarts: a kernel of an earlier generation is not used any more.
    pub(super) generation: u64,
    pub(super) removed: bool,
}

/// The place of a context's kernel. Who holds it runs code; the others queue for it.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) kernel: Option<Kernel>,
    generation: u64,
    /// A kernel was lost, and no run has been told since.
    pub(super) has_lost_state: bool,
}

pub(super) struct Context {
    pub(super) info: ContextInfo,
    runner: Runner,
    is_default: bool,
    fate: watch::Sender<Fate>,
    slot: Arc<tokio::sync::Mutex<Slot>>,
}

impl Context {
    fn new(runner: Runner, cwd: PathBuf, is_default: bool) -> Result<Arc<Self>> {
        let info = ContextInfo { id: random_id()?, language: runner.language, cwd };
        Ok(Arc::new(Self { info, runner, is_default, fate: watch::Sender::default(), slot: Arc::default() }))
    }

    pub(super) fn fate(&self) -> watch::Receiver<Fate> {
        self.fate.subscribe()
    }

    /// Waits for one's turn; turns come in the order of asking.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<Slot> {
        Arc::clone(&self.slot).lock_owned().await
    }

    /// The run that is on ends and loses its kernel; the next run gets a fresh one.
    pub(super) async fn restart(&self) {
        self.fate.send_modify(|fate| fate.generation += 1);
        self.end_idle_kernel().await;
    }

    async fn remove(&self) {
        self.fate.send_modify(|fate| fate.removed = true);
        self.end_idle_kernel().await;
    }

    /// A run that is on ends its kernel itself, so only one that nobody uses is left to do here.
    async fn end_idle_kernel(&self) {
        let kernel = match self.slot.try_lock() {
            Ok(mut slot) => slot.kernel.take(),
            Err(_) => None,
        };
        if let Some(kernel) = kernel {
            kernel.kill().await;
        }
    }
}

impl Slot {
    /// Makes sure of a kernel. `Err` in the inner result tells of one that died since its last run.
    pub(super) async fn prepare(
        &mut self,
        context: &Context,
        supervisor: &Arc<Supervisor>,
        env: &Environment,
    ) -> Result<Result<Option<String>, Exit>> {
        let generation = context.fate.borrow().generation;
        if let Some(kernel) = &self.kernel {
            let died = kernel.exit();
            if self.generation == generation && died.is_none() {
                return Ok(Ok(None));
            }
            self.kernel = None;
            self.has_lost_state |= self.generation == generation;
            if let (Some(exit), true) = (died, self.generation == generation) {
                return Ok(Err(exit));
            }
        }
        let (kernel, failure) = Kernel::start(supervisor, &context.runner, &context.info.cwd, env).await?;
        self.kernel = Some(kernel);
        self.generation = generation;
        Ok(Ok(failure))
    }
}

/// The contexts of a sandbox in the order of their creation, the default ones of Python and JavaScript first.
pub(super) struct Contexts {
    home: PathBuf,
    all: Mutex<Vec<Arc<Context>>>,
    /// The default contexts that are there from the start are made once; JavaScript's when it is first known that
    /// the machine has it.
    has_javascript: AtomicBool,
}

impl Contexts {
    pub(super) fn new(home: &Path) -> Result<Self> {
        let default = Context::new(Runner::python(), home.to_owned(), true)?;
        Ok(Self { home: home.to_owned(), all: Mutex::new(vec![default]), has_javascript: AtomicBool::new(false) })
    }

    /// The context for code that names none but its language; made anew after it was removed.
    pub(super) fn default(&self, runner: Runner) -> Result<Arc<Context>> {
        let mut all = lock(&self.all);
        let language = runner.language;
        let is_default = |context: &&Arc<Context>| context.is_default && context.info.language == language;
        if let Some(context) = all.iter().find(is_default) {
            return Ok(Arc::clone(context));
        }
        let context = Context::new(runner, self.home.clone(), true)?;
        let place = all.iter().take_while(|other| other.is_default && other.info.language < language).count();
        let place = if language.is_listed_first() { place } else { all.len() };
        all.insert(place, Arc::clone(&context));
        Ok(context)
    }

    /// Makes the default context of JavaScript, unless that has been done.
    pub(super) fn offer_javascript(&self, runner: Runner) -> Result<()> {
        if !self.has_javascript.swap(true, Ordering::Relaxed) {
            self.default(runner)?;
        }
        Ok(())
    }

    pub(super) fn list(&self) -> Vec<ContextInfo> {
        lock(&self.all).iter().map(|context| context.info.clone()).collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Context>> {
        lock(&self.all).iter().find(|context| context.info.id == id).cloned()
    }

    /// A context that is not listed yet; relative directories are the sandbox's.
    pub(super) fn prepare(&self, runner: Runner, cwd: Option<&str>) -> Result<Arc<Context>> {
        Context::new(runner, cwd.map_or_else(|| self.home.clone(), |cwd| self.home.join(cwd)), false)
    }

    pub(super) fn add(&self, context: &Arc<Context>) {
        lock(&self.all).push(Arc::clone(context));
    }

    /// False when there is no such context.
    pub(super) async fn remove(&self, id: &str) -> bool {
        let removed = {
            let mut all = lock(&self.all);
            let at = all.iter().position(|context| context.info.id == id);
            at.map(|at| all.remove(at))
        };
        match removed {
            Some(context) => {
                context.remove().await;
                true
            }
            None => false,
        }
    }
}
