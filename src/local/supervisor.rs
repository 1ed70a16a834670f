//! The Python process that keeps one sandbox: it forks the kernels and outlives none of them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::backlog::Backlog;
use super::channel::{Lines, Pipe, Socket};
use super::confinement::{Confinement, Outcome, Process, Start};
use super::language::{self, Language, Runner};
use super::overuse::Overuse;
use super::pause::{Going, Pause};
use super::policy::Network;
use super::proxy::{self, Allowed};
use super::python::Interpreter;
use super::shell::Shell;
use super::{leftovers, lock, machine};
use crate::error::{Error, Result};

/// How long an interpreter may take to come up.
const START: Duration = Duration::from_secs(30);
/// How long a supervisor may take to end its processes; it gives up by itself a little earlier.
const STOP: Duration = Duration::from_secs(5);
/// How much of a failed start's standard error goes into the message.
const TAIL: usize = 2048;

const SUPERVISOR: &str = include_str!("python/supervisor.py");
const DRIVER: &str = include_str!("python/driver.py");
const INTERACTIVE: &str = include_str!("python/interactive.py");
const PLAIN: &str = include_str!("python/plain.py");
const CHARTS: &str = include_str!("python/charts.py");
const LIBRARIES: &str = include_str!("python/libraries.py");
const RESULTS: &str = include_str!("python/results.py");
const LIMITS: &str = include_str!("python/limits.py");
const DOMAIN: &str = include_str!("python/domain.py");
/// What makes a notebook of Python, by name; most of it is compiled by the contexts that use it.
const NOTEBOOK: &[(&str, &str)] = &[
    ("notebook", include_str!("python/notebook/notebook.py")),
    ("cells", include_str!("python/notebook/cells.py")),
    ("commands", include_str!("python/notebook/commands.py")),
    ("inspection", include_str!("python/notebook/inspection.py")),
    ("ipython", include_str!("python/notebook/ipython.py")),
    ("magics", include_str!("python/notebook/magics.py")),
    ("objects", include_str!("python/notebook/objects.py")),
    ("packages", include_str!("python/notebook/packages.py")),
    ("registry", include_str!("python/notebook/registry.py")),
    ("running", include_str!("python/notebook/running.py")),
    ("shell", include_str!("python/notebook/shell.py")),
];
/// The sources come over the socket: nothing lies in a file, or in the command line for `ps` to show.
const BOOT: &str = "import json
with open(0, 'rb', closefd=False) as start: start = json.loads(start.readline())
exec(compile(start['supervisor'], '<supervisor>', 'exec'), {'__name__': 'supervisor', 'start': start})";

/// Isolated from the user's own settings, without bytecode files, in UTF-8.
const ARGUMENTS: &[&str] = &["-I", "-B", "-X", "utf8", "-c", BOOT];

/// How a kernel ended.
#[derive(Clone, Debug)]
pub(super) enum Exit {
    Status(i32),
    Signal(i32),
    /// It was killed for passing a limit.
    Over(Overuse),
    /// The supervisor went first, and could not tell.
    Unknown,
}

impl Exit {
    /// The name of the error that a run gets which it ended.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Over(overuse) => overuse.name(),
            Self::Signal(_) => "KernelKilled",
            Self::Status(_) | Self::Unknown => "KernelDied",
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exited with status {status}"),
            Self::Signal(6) => f.write_str("was ended by signal 6 (SIGABRT), as node is when it runs out of memory"),
            Self::Signal(9) => f.write_str("was killed by signal 9 (SIGKILL)"),
            Self::Signal(11) => f.write_str("was killed by signal 11 (SIGSEGV)"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::Over(overuse) => write!(f, "was killed: {overuse}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}

/// What a supervisor says.
#[derive(Deserialize)]
struct Report {
    event: String,
    kernel: Option<u64>,
    status: Option<i32>,
    signal: Option<i32>,
    /// The number that the kernel's process has for its supervisor.
    pid: Option<u32>,
    /// The processor time that it used, in seconds.
    cpu: Option<f64>,
    shell: Option<String>,
}

/// What is known of a kernel that has not ended.
struct Entry {
    exit: watch::Sender<Option<Exit>>,
    pid: Option<u32>,
    /// What runs the code is a process that this one started.
    ends_with_child: bool,
    /// Why it is being killed.
    verdict: Option<Overuse>,
}

type Kernels = Mutex<HashMap<u64, Entry>>;

pub(super) struct Supervisor {
    socket: Arc<Socket>,
    kernels: Arc<Kernels>,
    next: AtomicU64,
    gone: watch::Receiver<bool>,
    process: Mutex<Option<Process>>,
    /// Serves the sandbox's way out of its network.
    exit: Option<JoinHandle<()>>,
    sandbox: String,
    /// What runs Python in it, as the sandbox's info has it.
    pub(super) shell: String,
    pub(super) backlog: Backlog,
    pub(super) pause: Pause,
}

impl Supervisor {
    /// Starts the interpreter of a sandbox in its directory and waits until it can fork.
    pub(super) async fn start(
        confinement: &Arc<Confinement>,
        python: &Interpreter,
        shell: Shell,
        sandbox: &str,
        directory: &Path,
    ) -> Result<Self> {
        let failed = |why: &str| {
            let path = python.path().display();
            Error::engine(format!("the sandbox's Python process ({path}) did not start: {why}"))
        };
        let io_failed = |error: std::io::Error| failed(&error.to_string()).with_source(error);
        let (socket, input) = Socket::pair().map_err(io_failed)?;
        let (mut errors, their_errors) = Pipe::pair().map_err(io_failed)?;
        let home = confinement.home(directory);
        let mut environment = environment(python, sandbox, &home, &confinement.temporary(directory));
        let allowed = confinement.policy().and_then(Allowed::new);
        if allowed.is_some() {
            environment.extend(way_out(confinement.policy().map(|policy| &policy.network)));
        }
        if confinement.policy().is_some_and(|policy| policy.network == Network::Off) {
            environment.extend(no_way_out());
        }
        let limits = Limits::new(confinement);
        let task = tokio::task::spawn_blocking({
            let (confinement, interpreter, directory) = (Arc::clone(confinement), python.clone(), directory.to_owned());
            move || {
                let (interpreter, directory) = (&interpreter, directory.as_path());
                let (arguments, errors) = (ARGUMENTS, their_errors);
                confinement.start(Start { interpreter, arguments, environment, directory, input, errors })
            }
        });
        let started = task.await.map_err(|error| failed(&error.to_string()))?.map_err(io_failed)?;
        let exit = started.exit.zip(allowed).map(|(listener, allowed)| tokio::spawn(proxy::serve(listener, allowed)));
        let backlog = Backlog::default();
        let mut lines = Lines::new(Arc::clone(&socket), &backlog);
        let (gone, is_gone) = watch::channel(false);
        let mut supervisor = Self {
            socket,
            kernels: Arc::default(),
            next: AtomicU64::new(1),
            gone: is_gone,
            process: Mutex::new(Some(started.process)),
            exit,
            sandbox: sandbox.to_owned(),
            shell: String::new(),
            backlog,
            pause: Pause::default(),
        };
        let notebook: HashMap<_, _> = NOTEBOOK.iter().copied().collect();
        let boot = serde_json::json!({
            "supervisor": SUPERVISOR, "driver": DRIVER, "results": RESULTS, "limits": LIMITS, "domain": DOMAIN,
            "confined": started.domain, "plain": PLAIN, "charts": CHARTS, "libraries": LIBRARIES,
            "languages": language::sources(), "shell": shell.name(), "interactive": INTERACTIVE,
            "notebook": notebook,
        });
        let boot = boot.to_string() + "\n";
        let ready = tokio::time::timeout(START, async {
            supervisor.socket.send(boot.as_bytes()).await?;
            lines.next().await
        });
        match ready.await {
            Ok(Ok(Some(line))) => supervisor.shell = shell_of(&line),
            Ok(_) => {
                let _ = gone.send(true);
                supervisor.stop().await;
                return Err(failed(&tail(&mut errors)));
            }
            Err(_) => {
                supervisor.kill();
                supervisor.stop().await;
                return Err(failed(&format!("not ready within {} s. {}", START.as_secs(), tail(&mut errors))));
            }
        }
        tokio::spawn(listen(lines, Arc::clone(&supervisor.kernels), limits, gone));
        Ok(supervisor)
    }

    /// Forks a kernel that owns these ends of its socket and pipes; tells its number and how to learn its end.
    pub(super) fn fork(
        &self,
        runner: &Runner,
        descriptors: [OwnedFd; 3],
    ) -> Result<(u64, watch::Receiver<Option<Exit>>)> {
        let kernel = self.next.fetch_add(1, Ordering::Relaxed);
        let (exit, exited) = watch::channel(None);
        let ends_with_child = runner.language == Language::Bash;
        lock(&self.kernels).insert(kernel, Entry { exit, pid: None, ends_with_child, verdict: None });
        let [control, stdout, stderr] = &descriptors;
        let descriptors = [control.as_fd(), stdout.as_fd(), stderr.as_fd()];
        let line = serde_json::json!({
            "op": "fork", "kernel": kernel, "language": runner.language, "program": runner.program,
        });
        let line = line.to_string() + "\n";
        match self.socket.send_now(line.as_bytes(), &descriptors) {
            Ok(true) if !self.is_gone() => Ok((kernel, exited)),
            _ => {
                lock(&self.kernels).remove(&kernel);
                Err(Error::engine("the sandbox's Python process does not answer any more"))
            }
        }
    }

    /// SIGINT to the process group of a kernel.
    pub(super) fn interrupt(&self, kernel: u64) {
        self.order("interrupt", kernel);
    }

    /// SIGKILL to a kernel and everything below it.
    pub(super) fn kill_kernel(&self, kernel: u64) {
        self.order("kill", kernel);
    }

    /// Kills everything in the sandbox but the supervisor itself.
    pub(super) fn sweep(&self, overuse: &Overuse) {
        for entry in lock(&self.kernels).values_mut() {
            entry.verdict.get_or_insert(overuse.clone());
        }
        self.order("sweep", 0);
    }

    fn order(&self, operation: &str, kernel: u64) {
        let line = format!("{{\"op\":\"{operation}\",\"kernel\":{kernel}}}\n");
        // A supervisor that takes no orders is gone or stuck; its kernels end with it either way.
        let _ = self.socket.send_now(line.as_bytes(), &[]);
    }

    /// Notes why a kernel is going to be killed. Its process, and the one that started that, are given as the sandbox counts
    /// processes.
    pub(super) fn judge(&self, pid: u32, parent: Option<u32>, overuse: Overuse) {
        let is_meant = |entry: &&mut Entry| match entry.pid {
            None => false,
            own => own == Some(pid) || entry.ends_with_child && own == parent,
        };
        if let Some(entry) = lock(&self.kernels).values_mut().find(is_meant) {
            entry.verdict.get_or_insert(overuse);
        }
    }

    pub(super) fn judge_kernel(&self, number: u64, overuse: Overuse) {
        if let Some(entry) = lock(&self.kernels).get_mut(&number) {
            entry.verdict.get_or_insert(overuse);
        }
    }

    /// Whether this is the process of a context, as the sandbox counts processes.
    pub(super) fn is_kernel(&self, pid: u32) -> bool {
        lock(&self.kernels).values().any(|entry| entry.pid == Some(pid))
    }

    /// Its number as this machine counts processes, or none once it has ended.
    pub(super) fn process(&self) -> Option<u32> {
        lock(&self.process).as_ref().map(Process::id)
    }

    pub(super) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Waits until the sandbox is not paused, and keeps it so; nothing to keep once the process has ended.
    pub(super) async fn going(&self) -> Option<Going> {
        tokio::select! {
            going = self.pause.going() => Some(going),
            () = self.gone() => None,
        }
    }

    /// Waits until the process has ended, for whatever reason.
    pub(super) async fn gone(&self) {
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    /// Ends the process and everything below it, and waits until they are gone.
    pub(super) async fn stop(&self) {
        self.socket.close_writing();
        if tokio::time::timeout(STOP, self.gone()).await.is_err() {
            self.kill();
        }
        if let Some(exit) = &self.exit {
            exit.abort();
        }
        let process = lock(&self.process).take();
        if let Some(process) = process {
            let sandbox = self.sandbox.clone();
            let task = tokio::task::spawn_blocking(move || {
                if !collect(process) {
                    leftovers::kill(&sandbox);
                }
            });
            let _ = task.await;
        }
    }

    fn kill(&self) {
        if let Some(process) = lock(&self.process).as_mut() {
            process.kill();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(exit) = &self.exit {
            exit.abort();
        }
        self.socket.close_writing();
    }
}

/// What a supervisor runs Python with, by what it says when it is ready.
fn shell_of(line: &[u8]) -> String {
    serde_json::from_slice::<Report>(line).ok().and_then(|report| report.shell).unwrap_or_default()
}

/// Collects an ended process; the kernel of the operating system may take a moment after its last word. True when it
/// ended in good order, with everything below it.
fn collect(mut process: Process) -> bool {
    for _ in 0..1000 {
        match process.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            outcome => return matches!(outcome, Ok(Some(Outcome::Success))),
        }
    }
    process.kill();
    while let Ok(None) = process.try_wait() {
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Passes on how kernels ended, until the supervisor has ended itself.
async fn listen(mut lines: Lines, kernels: Arc<Kernels>, mut limits: Limits, gone: watch::Sender<bool>) {
    while let Ok(Some(line)) = lines.next().await {
        let Ok(report) = serde_json::from_slice::<Report>(&line) else {
            continue;
        };
        let Some(kernel) = report.kernel else {
            continue;
        };
        let is_machine = limits.has_killed();
        match report.event.as_str() {
            "forked" => {
                if let Some(entry) = lock(&kernels).get_mut(&kernel) {
                    entry.pid = report.pid;
                }
            }
            "exit" => {
                let ended = lock(&kernels).remove(&kernel);
                if let Some(Entry { exit, verdict, .. }) = ended {
                    exit.send_replace(Some(verdict.map_or_else(|| limits.explain(&report, is_machine), Exit::Over)));
                }
            }
            _ => {}
        }
    }
    gone.send_replace(true);
    for (_, entry) in lock(&kernels).drain() {
        entry.exit.send_replace(Some(Exit::Unknown));
    }
}

/// What may have killed a kernel without the engine's doing.
struct Limits {
    cpu_time: Option<Duration>,
    /// How often the machine had killed a process for memory when something was heard of the sandbox last.
    memory_kills: u64,
}

impl Limits {
    fn new(confinement: &Confinement) -> Self {
        let cpu_time = confinement.policy().and_then(|policy| policy.cpu_time);
        Self { cpu_time, memory_kills: machine::memory_kills() }
    }

    /// Notes what happened to the machine, and says whether that was the end of processes.
    fn has_killed(&mut self) -> bool {
        let now = machine::memory_kills();
        std::mem::replace(&mut self.memory_kills, now) < now
    }

    fn explain(&self, report: &Report, is_machine: bool) -> Exit {
        let used = Duration::try_from_secs_f64(report.cpu.unwrap_or_default()).unwrap_or_default();
        match (report.signal, report.status, self.cpu_time) {
            (Some(SIGXCPU), _, Some(limit)) => Exit::Over(Overuse::CpuTime { limit }),
            (Some(SIGKILL), _, Some(limit)) if used >= limit => Exit::Over(Overuse::CpuTime { limit }),
            (Some(SIGKILL), _, _) if is_machine => Exit::Over(Overuse::MachineMemory),
            (Some(signal), _, _) => Exit::Signal(signal),
            (None, Some(status), _) => Exit::Status(status),
            (None, None, _) => Exit::Unknown,
        }
    }
}

const SIGKILL: i32 = rustix::process::Signal::KILL.as_raw();
const SIGXCPU: i32 = rustix::process::Signal::XCPU.as_raw();

type Variables = Vec<(&'static str, OsString)>;

/// Leads programs to the sandbox's proxy, but for what is in the sandbox itself; where the machine's is meant by such a name,
/// that is one of the hosts.
fn way_out(network: Option<&Network>) -> Variables {
    let hosts: &[String] = if let Some(Network::Hosts(hosts)) = network { hosts } else { &[] };
    let own: Vec<_> =
        ["localhost", "127.0.0.1", "::1"].into_iter().filter(|own| hosts.iter().all(|it| it != own)).collect();
    let proxy = format!("http://127.0.0.1:{}", proxy::PORT);
    let leads = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, proxy.clone().into()));
    let not = ["no_proxy", "NO_PROXY"].map(|name| (name, own.join(",").into()));
    leads.into_iter().chain(not).chain([("NODE_USE_ENV_PROXY", "1".into())]).collect()
}

/// What has no network need not wait for it: pip would try for seconds, and the notebook tells why it failed.
fn no_way_out() -> Variables {
    vec![("CODE_INTERPRETER_OFFLINE", "1".into()), ("PIP_RETRIES", "0".into())]
}

/// The whole environment of a sandbox: nothing of the host program's secrets.
fn environment(python: &Interpreter, sandbox: &str, home: &Path, temporary: &Path) -> Variables {
    vec![
        ("PATH", python.search_path()),
        ("LANG", "C.UTF-8".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("HOME", home.into()),
        ("TMPDIR", temporary.into()),
        ("MPLBACKEND", "Agg".into()),
        ("MPLCONFIGDIR", home.join(".cache/matplotlib").into()),
        ("PYTHONDONTWRITEBYTECODE", "1".into()),
        (leftovers::MARKER, sandbox.into()),
    ]
}

fn tail(errors: &mut Pipe) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < 64 * TAIL && errors.read_now(&mut bytes) {}
    let text = String::from_utf8_lossy(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default());
    match text.trim() {
        "" => "it ended without a message".to_owned(),
        text => format!("it said: {text}"),
    }
}
