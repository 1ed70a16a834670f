//! Sandboxes prepared ahead of time, so that creating one does not wait for an interpreter to start.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::confinement::Confinement;
use super::directory::{self, EngineDirectory};
use super::lock;
use super::python::Interpreter;
use super::random::random_id;
use super::shell::Shell;
use super::starts::{Starts, Turn};
use super::supervisor::Supervisor;
use crate::error::{Error, Result};

/// Where sandboxes are made, and how they are kept there.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) directory: Arc<EngineDirectory>,
    pub(super) confinement: Arc<Confinement>,
    pub(super) shell: Shell,
    pub(super) starts: Starts,
}

/// A directory and the supervisor that waits in it.
pub(super) struct Prepared {
    pub(super) id: String,
    pub(super) directory: PathBuf,
    /// The same directory, as code in the sandbox has it.
    pub(super) home: PathBuf,
    pub(super) interpreter: Interpreter,
    pub(super) supervisor: Arc<Supervisor>,
}

impl Prepared {
    pub(super) async fn start(interpreter: Interpreter, place: Place, _turn: Turn) -> Result<Self> {
        let id = random_id()?;
        let directory = place
            .directory
            .create_sandbox(&id)
            .map_err(|error| Error::engine("could not make the directory of a sandbox").with_source(error))?;
        let home = place.confinement.home(&directory);
        match Supervisor::start(&place.confinement, &interpreter, place.shell, &id, &directory).await {
            Ok(supervisor) => Ok(Self { id, directory, home, interpreter, supervisor: Arc::new(supervisor) }),
            Err(error) => {
                remove_directory(directory).await;
                Err(error)
            }
        }
    }

    pub(super) async fn discard(self) {
        self.supervisor.stop().await;
        remove_directory(self.directory).await;
    }
}

/// Removes a sandbox's directory, off the engine's thread. What resists goes at the next sweep.
pub(super) async fn remove_directory(path: PathBuf) {
    let _ = tokio::task::spawn_blocking(move || directory::remove(&path)).await;
}

/// A sandbox that was just taken gets the processor for its first moments; only then is the next one prepared.
const REST: Duration = Duration::from_millis(200);

/// Prepared sandboxes of the default interpreter, ready or on their way.
pub(super) struct Warm {
    size: usize,
    place: Place,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    coming: VecDeque<Coming>,
    is_closed: bool,
}

/// One that is ready, on its way, or about to be.
struct Coming {
    interpreter: Interpreter,
    /// Sent to, it ends the rest before the start; dropped, there is no start.
    hurry: oneshot::Sender<()>,
    task: JoinHandle<Result<Prepared>>,
}

impl Warm {
    pub(super) fn new(size: usize, place: Place) -> Self {
        Self { size, place, pool: Mutex::default() }
    }

    /// Starts what is missing, in the background.
    pub(super) fn fill(&self, interpreter: &Interpreter, rest: Duration) {
        let mut pool = lock(&self.pool);
        while !pool.is_closed && pool.coming.len() < self.size {
            let (hurry, hurried) = oneshot::channel();
            let (place, its) = (self.place.clone(), interpreter.clone());
            let start = async move {
                let turn = place.starts.turn().await?;
                Prepared::start(its, place, turn).await
            };
            let task = tokio::spawn(async move {
                match tokio::time::timeout(rest, hurried).await {
                    Ok(Err(_)) => Err(Error::engine("the engine is stopping")),
                    Ok(Ok(())) | Err(_) => start.await,
                }
            });
            pool.coming.push_back(Coming { interpreter: interpreter.clone(), hurry, task });
        }
    }

    /// Starts what is missing in the place of one that was taken.
    pub(super) fn refill(&self, interpreter: &Interpreter) {
        self.fill(interpreter, REST);
    }

    /// Takes the next one of this interpreter, waiting for one that is on its way.
    pub(super) async fn claim(&self, interpreter: &Interpreter) -> Option<Prepared> {
        loop {
            let coming = {
                let mut pool = lock(&self.pool);
                let at = pool.coming.iter().position(|coming| coming.interpreter == *interpreter)?;
                pool.coming.remove(at)?
            };
            let _ = coming.hurry.send(());
            let Ok(Ok(prepared)) = coming.task.await else { continue };
            if !prepared.supervisor.is_gone() {
                return Some(prepared);
            }
            prepared.discard().await;
        }
    }

    /// Ends all of them, and starts no more.
    pub(super) async fn stop(&self) {
        let coming = {
            let mut pool = lock(&self.pool);
            pool.is_closed = true;
            std::mem::take(&mut pool.coming)
        };
        for Coming { hurry, task, .. } in coming {
            drop(hurry);
            if let Ok(Ok(prepared)) = task.await {
                prepared.discard().await;
            }
        }
    }
}
