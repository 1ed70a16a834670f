//! The handle on an engine, and the thread behind it.

use std::fmt;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::builder::{LocalEngineBuilder, Settings};
use super::confinement::{Confinement, Wish};
use super::directory::EngineDirectory;
use super::lock;
use super::python::{Interpreter, Pythons};
use super::random::random_hex;
use super::registry::Registry;
use super::report::{ConfinementReport, Level};
use super::server::{self, Door};
use super::starts::Starts;
use super::warm::Place;
use super::watch;
use crate::error::{Error, Result};

/// How long `stop` waits; every step of stopping has a limit well below.
const STOP: Duration = Duration::from_secs(30);
/// How long dropping the last handle waits.
const DROP: Duration = Duration::from_secs(2);
/// How many things may block at a time: looks and counts, which have 40 places, and what is done for clients.
const BLOCKING: usize = 72;
/// What is still blocked when all sandboxes have ended gets this long.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// An engine that runs code on this machine.
///
/// A cheap handle; clones are the same engine. When the last one is dropped the engine is told to stop, and the drop
/// waits for it up to two seconds. [`stop`](Self::stop) waits until every process is gone. Neither needs a runtime,
/// and both may be called where there is one.
///
/// The engine starts processes and collects them by itself. A program that ignores the signal SIGCHLD, or collects
/// all its children with `waitpid(-1)`, takes them from it.
#[derive(Clone)]
pub struct LocalEngine {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    api_key: String,
    report: ConfinementReport,
    shared: Arc<Shared>,
}

/// Between the handles and the thread.
#[derive(Default)]
struct Shared {
    stop: Notify,
    is_told_to_stop: AtomicBool,
    /// How it ended, once it has.
    ended: Mutex<Option<Result<(), String>>>,
    has_ended: Condvar,
}

impl LocalEngine {
    /// Sets up an engine.
    pub fn builder() -> LocalEngineBuilder {
        LocalEngineBuilder::new()
    }

    /// Starts an engine with the defaults.
    ///
    /// # Errors
    ///
    /// As [`LocalEngineBuilder::start`].
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    pub(super) fn start_with(settings: Settings) -> Result<Self> {
        let api_key = match settings.api_key {
            Some(key) if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()) => key,
            Some(_) => {
                return Err(Error::engine("an engine's API key must be of printable ASCII characters"));
            }
            None => random_hex::<24>()?,
        };
        let python = match &settings.python {
            None => None,
            Some(path) => Some(Interpreter::probe(path).map_err(|why| {
                Error::engine(format!("{} cannot be the interpreter of sandboxes: {why}", path.display()))
            })?),
        };
        let (listener, port) = listen(settings.port)?;
        let directory = Arc::new(EngineDirectory::create(settings.directory.as_deref())?);
        let wish = Wish { unconfined: settings.unconfined, namespaces: settings.namespaces, policy: settings.policy };
        let confinement = match Confinement::establish(wish, &directory) {
            Ok(confinement) => Arc::new(confinement),
            Err(error) => {
                let _ = directory.remove();
                return Err(error);
            }
        };
        if confinement.level() == Level::None {
            warn_unconfined();
        }
        let report = confinement.report().clone();
        let place =
            Place { directory: Arc::clone(&directory), confinement, shell: settings.shell, starts: Starts::new() };
        let registry = Registry::new(Pythons::new(python), place, settings.warm, settings.serves_e2b);
        let shared = Arc::new(Shared::default());
        let work = Work {
            listener,
            door: Door::new(api_key.clone(), port),
            registry: Arc::new(registry),
            directory,
            shared: Arc::clone(&shared),
            serves_e2b: settings.serves_e2b,
        };
        work.spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { inner: Arc::new(Inner { url, api_key, report, shared }) })
    }

    /// The address to give to a client, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The key that every request has to show in `X-API-Key`.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.inner.api_key
    }

    /// What keeps code in this engine's sandboxes away from the machine.
    #[must_use]
    pub fn confinement(&self) -> &ConfinementReport {
        &self.inner.report
    }

    /// Kills all sandboxes, and returns when their processes and directories are gone. Blocks the thread meanwhile,
    /// for a fraction of a second as a rule. Calling it again does nothing. What is asked of it from then on, by a client
    /// that was given it, fails with [`ErrorKind::Engine`](crate::ErrorKind::Engine).
    ///
    /// # Errors
    ///
    /// When not everything could be ended or removed in time.
    pub fn stop(&self) -> Result<()> {
        match self.inner.shared.stop_within(STOP) {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(Error::engine(why)),
            None => Err(Error::engine(format!("the engine did not stop within {} s", STOP.as_secs()))),
        }
    }

    /// Whether it has ended, or is about to.
    #[cfg(feature = "_client")]
    pub(crate) fn is_stopped(&self) -> bool {
        let shared = &self.inner.shared;
        shared.is_told_to_stop.load(Ordering::Acquire) || lock(&shared.ended).is_some()
    }
}

impl fmt::Debug for LocalEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEngine").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop_within(DROP);
    }
}

impl Shared {
    fn stop_within(&self, limit: Duration) -> Option<Result<(), String>> {
        self.is_told_to_stop.store(true, Ordering::Release);
        // A permit is kept when the thread is not waiting yet.
        self.stop.notify_one();
        let deadline = Instant::now() + limit;
        let mut ended = lock(&self.ended);
        while ended.is_none() {
            let left = deadline.checked_duration_since(Instant::now())?;
            ended = self.has_ended.wait_timeout(ended, left).map_or_else(|poisoned| poisoned.into_inner().0, |it| it.0);
        }
        ended.clone()
    }

    fn set_ended(&self, how: Result<(), String>) {
        lock(&self.ended).get_or_insert(how);
        self.has_ended.notify_all();
    }
}

/// What the thread owns.
struct Work {
    listener: TcpListener,
    door: Door,
    registry: Arc<Registry>,
    directory: Arc<EngineDirectory>,
    shared: Arc<Shared>,
    serves_e2b: bool,
}

impl Work {
    fn spawn(self) -> Result<()> {
        let failed = |error: std::io::Error| Error::engine("could not start the engine's thread").with_source(error);
        let (sender, started) = mpsc::channel();
        std::thread::Builder::new()
            .name("code-interpreter".to_owned())
            .spawn(move || match runtime() {
                Ok(runtime) => {
                    let _ = sender.send(Ok(()));
                    self.run(runtime);
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            })
            .map_err(failed)?;
        started.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())).map_err(failed)
    }

    fn run(self, runtime: tokio::runtime::Runtime) {
        let Self { listener, door, registry, directory, shared, serves_e2b } = self;
        let _ending = Ending(Arc::clone(&shared));
        let served = runtime.block_on(async {
            let registry = &registry;
            let warm_up = tokio::spawn({
                let registry = Arc::clone(registry);
                async move { registry.warm_up().await }
            });
            let watch = tokio::spawn(watch::watch(Arc::clone(registry)));
            let served = tokio::select! {
                served = server::serve(listener, door, Arc::clone(registry), serves_e2b) => served,
                () = shared.stop.notified() => Ok(()),
            };
            warm_up.abort();
            watch.abort();
            registry.stop().await;
            served
        });
        runtime.shutdown_timeout(LEFTOVERS);
        let removed = directory.remove();
        shared.set_ended(served.and(removed).map_err(|error| format!("the engine did not end well: {error}")));
    }
}

/// One thread that serves, and a few for a moment where something has to block: 200 sandboxes that end at once shall not
/// need 200.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_keep_alive(Duration::from_secs(2))
        .build()
}

/// Lets nobody wait for a thread that panicked.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set_ended(Err("the engine's thread panicked".to_owned()));
        }
    }
}

fn listen(port: u16) -> Result<(TcpListener, u16)> {
    let bind = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    bind().map_err(|error: std::io::Error| {
        Error::engine(format!("the engine cannot listen on 127.0.0.1:{port}: {error}")).with_source(error)
    })
}

/// Once per process is loud enough.
fn warn_unconfined() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        // Not eprintln!, which panics when standard error cannot be written to.
        let _ = writeln!(
            std::io::stderr(),
            "code-interpreter: WARNING: code runs UNCONFINED, with all rights of the current user"
        );
    }
}
