//! One process that runs the code of one context.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::backlog::Backlog;
use super::channel::{Lines, Pipe, Socket};
use super::language::Runner;
use super::message::{Environment, Message, Order};
use super::output::Output;
use super::overuse::Overuse;
use super::random::random_number;
use super::supervisor::{Exit, Supervisor};
use crate::error::{Error, Result};

/// A fork takes milliseconds; this is for a machine in trouble.
const START: Duration = Duration::from_secs(20);
const KILL: Duration = Duration::from_secs(5);

pub(super) struct Kernel {
    supervisor: Arc<Supervisor>,
    number: u64,
    socket: Arc<Socket>,
    pub(super) lines: Lines,
    pub(super) output: Output,
    pub(super) exited: watch::Receiver<Option<Exit>>,
}

impl Kernel {
    /// Forks a kernel. The second value says why it could not enter `cwd`, if it could not.
    pub(super) async fn start(
        supervisor: &Arc<Supervisor>,
        runner: &Runner,
        cwd: &Path,
        env: &Environment,
    ) -> Result<(Self, Option<String>)> {
        let failed = |error: std::io::Error| Error::engine("could not start a kernel").with_source(error);
        let _going = supervisor.going().await;
        let (socket, their_control) = Socket::pair().map_err(failed)?;
        let (stdout, their_stdout) = Pipe::pair().map_err(failed)?;
        let (stderr, their_stderr) = Pipe::pair().map_err(failed)?;
        let output = Output::new(stdout, stderr);
        let (number, exited) = supervisor.fork(runner, [their_control, their_stdout, their_stderr])?;
        let lines = Lines::new(Arc::clone(&socket), &supervisor.backlog);
        let mut kernel = Self { supervisor: Arc::clone(supervisor), number, socket, lines, output, exited };
        let ready = tokio::time::timeout(START, async {
            kernel.send(&Order::Start { cwd, env }).await.ok()?;
            let line = kernel.lines.next().await.ok()??;
            Message::parse(&line)
        });
        match ready.await {
            Ok(Some(ready)) => Ok((kernel, ready.failure)),
            _ => Err(Error::engine("a kernel ended, or hung, before it was ready")),
        }
    }

    /// What the engine holds of what its sandbox says.
    pub(super) fn backlog(&self) -> &Backlog {
        &self.supervisor.backlog
    }

    /// Sends code to run; the number tells its events from those of other runs. Nobody can guess it, so code cannot forge
    /// what a later run says.
    pub(super) async fn run(&self, code: &str, env: &Environment) -> std::io::Result<u64> {
        let run = random_number()?;
        self.send(&Order::Run { run, code, env }).await?;
        Ok(run)
    }

    /// Lets a driver go on that waits since `ack`. Only one that does not wait lets these pile up.
    pub(super) fn acknowledge(&self, ack: u64) {
        if let Ok(line) = (Order::Ack { ack }).line() {
            let _ = self.socket.send_now(&line, &[]);
        }
    }

    pub(super) fn interrupt(&self) {
        self.supervisor.interrupt(self.number);
    }

    /// Notes why it is going to be killed.
    pub(super) fn judge(&self, overuse: Overuse) {
        self.supervisor.judge_kernel(self.number, overuse);
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        self.exited.borrow().clone()
    }

    /// Kills the process with everything below it, and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.supervisor.kill_kernel(self.number);
        let _ = tokio::time::timeout(KILL, until_exited(&mut self.exited.clone())).await;
    }

    async fn send(&self, order: &Order<'_>) -> std::io::Result<()> {
        self.socket.send(&order.line()?).await
    }
}

/// Waits until a kernel has ended.
pub(super) async fn until_exited(exited: &mut watch::Receiver<Option<Exit>>) -> Exit {
    match exited.wait_for(Option::is_some).await {
        Ok(exit) => exit.clone().unwrap_or(Exit::Unknown),
        Err(_) => Exit::Unknown,
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if self.exit().is_none() {
            self.supervisor.kill_kernel(self.number);
        }
    }
}
