//! One execution: from its place in the queue to its end event.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, Body};
use super::context::{Context, Fate, Slot};
use super::ending::{Ending, State};
use super::event::Event;
use super::heard::Heard;
use super::kernel::{Kernel, until_exited};
use super::log::Severity;
use super::message::Environment;
use super::overuse::Overuse;
use super::pause::{Going, PauseClock};
use super::sandbox::Sandbox;
use super::supervisor::Exit;

/// How long a kernel may take to react to an interrupt before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);
/// After this long it is interrupted once more: the first one may have come just before a call that it does not reach.
const AGAIN: Duration = Duration::from_secs(1);
/// A silent run says this often that it lives.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long the client may take to hear why the sandbox was ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A kernel that has closed its socket has this long to end by itself.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// How long an idle kernel may take to read its code.
const HANDOVER: Duration = Duration::from_secs(30);
/// A run whose kernel always has something to say lets others have their turn this often.
const TURNS: u64 = 256;
/// Output that the reader has not taken stops the kernel from here on ...
const ROOM: usize = 256 * 1024;
/// ... and from here on once it was interrupted, so that a slow reader does not keep it from ending.
const ROOM_TO_END: usize = 64 * 1024 * 1024;

/// Code to run.
pub(super) struct Request {
    pub(super) code: String,
    pub(super) env: Environment,
    /// Counted from `arrived`, the queue included.
    pub(super) timeout: Option<Duration>,
    pub(super) arrived: Instant,
}

/// Runs code in a context as soon as it is its turn; the body ends cleanly only after an end event.
pub(super) fn start(sandbox: Arc<Sandbox>, context: Arc<Context>, request: Request) -> Body {
    let (answer, body) = Answer::new(&sandbox.supervisor.backlog);
    tokio::spawn(execute(sandbox, context, request, answer));
    body
}

async fn execute(sandbox: Arc<Sandbox>, context: Arc<Context>, request: Request, mut answer: Answer) {
    let deadline = Deadline {
        at: request.timeout.and_then(|timeout| request.arrived.checked_add(timeout)),
        pauses: sandbox.supervisor.pause.clock(),
    };
    let queued = deadline.clone();
    let number = sandbox.log.number_execution();
    let mut started = None;
    let mut fate = context.fate();
    let ending = tokio::select! {
        biased;
        () = sandbox.ended() => Ending::of(&sandbox),
        () = answer.closed() => Ending::Cut,
        () = removed(&mut fate) => Ending::Removed,
        mut slot = context.turn() => {
            started = Some(Instant::now());
            sandbox.log.note(Severity::Info, format!("execution {number} started in context {}", context.info.id));
            turn(&sandbox, &context, &request, &mut slot, deadline, &mut answer).await
        }
        () = queued.passed() => Ending::TimedOut(State::Untouched),
    };
    let outcome = ending.outcome(&answer);
    let time = started.unwrap_or(request.arrived).elapsed().as_secs_f64();
    sandbox.log.note(ending.severity(), format!("execution {number} ended after {time:.3} s: {outcome}"));
    for event in ending.events(request.timeout) {
        answer.push(&event);
    }
    match ending {
        Ending::Cut => {}
        Ending::SandboxEnded(_) => drop(tokio::time::timeout(LAST_WORDS, answer.finish()).await),
        _ => tokio::select! {
            biased;
            () = sandbox.ended() => {}
            () = answer.finish() => {}
        },
    }
}

/// Holds the context's slot for one run.
async fn turn(
    sandbox: &Sandbox,
    context: &Context,
    request: &Request,
    slot: &mut Slot,
    deadline: Deadline,
    answer: &mut Answer,
) -> Ending {
    // A restart before this turn does not end it, so the watch begins here.
    let fate = context.fate();
    if fate.borrow().removed {
        return Ending::Removed;
    }
    match slot.prepare(context, &sandbox.supervisor, &sandbox.env).await {
        Ok(Ok(_)) => {}
        Ok(Err(exit)) => return Ending::Died(exit),
        Err(error) => return Ending::NotStarted(error.to_string()),
    }
    let has_lost_state = std::mem::take(&mut slot.has_lost_state);
    let Some(kernel) = slot.kernel.as_mut() else {
        return Ending::NotStarted("no kernel".to_owned());
    };
    // A kernel that stands still takes no code.
    let going = sandbox.supervisor.going().await;
    let mut run = Run {
        kernel,
        answer,
        fate,
        has_lost_state,
        number: 0,
        started: false,
        deadline: deadline.at,
        pauses: deadline.pauses,
        interrupt: None,
        interrupt_at: None,
        kill_at: None,
        alive_at: Instant::now() + KEEPALIVE,
    };
    let ending = tokio::select! {
        biased;
        () = sandbox.ended() => Ending::of(sandbox),
        ending = run.drive(request, going) => ending,
    };
    if sandbox.is_ended() || sandbox.supervisor.is_gone() {
        return Ending::of(sandbox);
    }
    slot.has_lost_state = ending.loses_state();
    let keeps_kernel = matches!(ending, Ending::Done | Ending::TimedOut(State::Kept));
    if !keeps_kernel
        && let Some(kernel) = slot.kernel.take()
        && !matches!(ending, Ending::Cut)
    {
        kernel.kill().await;
    }
    ending
}

/// Why a run was interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    ClientGone,
    Deadline,
}

/// A run that has its turn.
struct Run<'a> {
    kernel: &'a mut Kernel,
    answer: &'a mut Answer,
    fate: watch::Receiver<Fate>,
    /// The kernel is a fresh one in the place of one that was lost.
    has_lost_state: bool,
    number: u64,
    /// An interrupt before the driver has begun would find nothing to stop.
    started: bool,
    deadline: Option<Instant>,
    pauses: PauseClock,
    interrupt: Option<Interrupt>,
    /// When to interrupt it again.
    interrupt_at: Option<Instant>,
    kill_at: Option<Instant>,
    alive_at: Instant,
}

impl Run<'_> {
    async fn drive(&mut self, request: &Request, going: Option<Going>) -> Ending {
        match tokio::time::timeout(HANDOVER, self.kernel.run(&request.code, &request.env)).await {
            Ok(Ok(number)) => self.number = number,
            _ => return self.died(LAST_BREATH).await,
        }
        drop(going);
        let mut turns = 0_u64;
        loop {
            // Not an arm of the select: output that never ends would never let it come to that one.
            if let Some(ending) = self.look_at_clock().await {
                return ending;
            }
            turns += 1;
            if turns.is_multiple_of(TURNS) {
                tokio::task::yield_now().await;
            }
            let open = self.answer.size() < if self.interrupt.is_some() { ROOM_TO_END } else { ROOM };
            let wake = self.wake();
            tokio::select! {
                biased;
                _ = self.fate.changed() => {
                    return if self.fate.borrow().removed { Ending::Removed } else { Ending::Restarted };
                }
                () = self.answer.closed(), if !self.answer.is_abandoned() => {
                    self.answer.abandon();
                    self.stop(Interrupt::ClientGone);
                }
                () = self.answer.room(), if self.answer.size() > 0 => self.answer.pass_on(),
                line = self.kernel.lines.next(), if open => {
                    let is_done = match line {
                        Ok(Some(line)) => self.hear(line).await,
                        Ok(None) => return self.died(LAST_BREATH).await,
                        Err(error) => Err(error),
                    };
                    match is_done {
                        Ok(false) => {}
                        Ok(true) => return self.done(),
                        Err(error) => return self.stop_hearing(&error).await,
                    }
                }
                () = self.kernel.output.read(), if open => self.pass_text_when_due(),
                _ = until_exited(&mut self.kernel.exited) => return self.died(LAST_BREATH).await,
                () = sleep_until(wake) => self.pass_text_when_due(),
                () = self.pauses.changed() => {}
            }
        }
    }

    /// Nothing more of what it says can be taken.
    async fn stop_hearing(&mut self, error: &io::Error) -> Ending {
        if error.kind() == io::ErrorKind::InvalidData {
            self.kernel.judge(Overuse::Backlog);
            self.kernel.kill().await;
        }
        self.died(LAST_BREATH).await
    }

    /// Does what it is time for; an ending when the kernel had to be killed.
    async fn look_at_clock(&mut self) -> Option<Ending> {
        let now = Instant::now();
        let paused = self.pauses.passed();
        for moment in [&mut self.deadline, &mut self.interrupt_at, &mut self.kill_at].into_iter().flatten() {
            *moment += paused;
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.stop(Interrupt::Deadline);
        }
        if self.interrupt_at.is_some_and(|interrupt_at| interrupt_at <= now) {
            self.interrupt_at = None;
            self.kernel.interrupt();
        }
        if self.kill_at.is_some_and(|kill_at| kill_at <= now) {
            self.kernel.kill().await;
            return Some(self.died(LAST_BREATH).await);
        }
        if self.alive_at <= now {
            self.push(&Event::Keepalive);
        }
        None
    }

    /// The next moment at which time alone is a reason to act.
    fn wake(&self) -> Instant {
        let mut moments = vec![self.kernel.output.due()];
        if !self.pauses.is_paused() {
            moments.extend([self.deadline, self.interrupt_at, self.kill_at]);
        }
        moments.into_iter().flatten().fold(self.alive_at, Instant::min)
    }

    /// Interrupts the kernel, the first time that there is a reason to.
    fn stop(&mut self, why: Interrupt) {
        if self.interrupt.is_some() {
            return;
        }
        self.interrupt = Some(why);
        self.kill_at = Some(Instant::now() + PATIENCE);
        if self.started {
            self.interrupt_at = Some(Instant::now() + AGAIN);
            self.kernel.interrupt();
        }
    }

    /// Takes an event of the driver; true when the run is over. Fails on one that the engine has no room for.
    async fn hear(&mut self, line: Vec<u8>) -> io::Result<bool> {
        // What does not parse is not the driver's: user code found the socket.
        let Some(heard) = Heard::decode(line, self.kernel.backlog()).await? else {
            return Ok(false);
        };
        let message = &heard.message;
        let ours = message.run == self.number;
        match message.event.as_str() {
            "started" if ours && !self.started => {
                self.started = true;
                self.push(&Event::Count { execution_count: message.count });
                if self.has_lost_state {
                    self.push(&Event::StateLost);
                }
                if self.interrupt.is_some() {
                    self.interrupt_at = Some(Instant::now() + AGAIN);
                    self.kernel.interrupt();
                }
            }
            "result" | "error" if ours => {
                self.pass_text_before();
                let is_error = message.event == "error";
                let is_deadline = self.interrupt == Some(Interrupt::Deadline) && message.name == "KeyboardInterrupt";
                if !(is_error && is_deadline) {
                    self.alive_at = Instant::now() + KEEPALIVE;
                    self.answer.push_line(heard.line, is_error);
                }
            }
            "done" if ours => return Ok(true),
            _ => {}
        }
        if let Some(ack) = message.ack {
            self.kernel.acknowledge(ack);
        }
        Ok(false)
    }

    fn push(&mut self, event: &Event) {
        self.alive_at = Instant::now() + KEEPALIVE;
        self.answer.push(event);
    }

    fn pass(&mut self, pieces: Vec<(super::output::Stream, String)>) {
        for piece in pieces {
            self.push(&Event::text(piece));
        }
    }

    /// Empties the pipes, so that text printed before an event stands before it.
    fn pass_text_before(&mut self) {
        let pieces = self.kernel.output.drain();
        self.pass(pieces);
    }

    fn pass_text_when_due(&mut self) {
        if self.kernel.output.is_due(Instant::now()) {
            let pieces = self.kernel.output.take();
            self.pass(pieces);
        }
    }

    fn pass_rest(&mut self) {
        let pieces = self.kernel.output.finish();
        self.pass(pieces);
    }

    fn done(&mut self) -> Ending {
        self.pass_rest();
        match self.interrupt {
            Some(Interrupt::Deadline) => Ending::TimedOut(State::Kept),
            _ => Ending::Done,
        }
    }

    /// The kernel ended, or will within a moment, or is ended: what it still said counts.
    async fn died(&mut self, moment: Duration) -> Ending {
        let exit = match tokio::time::timeout(moment, until_exited(&mut self.kernel.exited)).await {
            Ok(exit) => exit,
            Err(_) => {
                self.kernel.kill().await;
                self.kernel.exit().unwrap_or(Exit::Unknown)
            }
        };
        // A process that the kernel left behind may still write to its socket, so this has a limit too.
        let enough = Instant::now() + LAST_BREATH;
        while let Some(line) = self.kernel.lines.next_now() {
            if self.hear(line).await.is_err() {
                break;
            }
            if Instant::now() >= enough || self.answer.size() > ROOM_TO_END {
                break;
            }
            // Others have their turn, however much there is to hear.
            tokio::task::yield_now().await;
        }
        self.pass_rest();
        match self.interrupt {
            Some(Interrupt::Deadline) => Ending::TimedOut(State::Lost),
            _ => Ending::Died(exit),
        }
    }
}

async fn removed(fate: &mut watch::Receiver<Fate>) {
    let _ = fate.wait_for(|fate| fate.removed).await;
}

/// When a run is over time. Pauses put that off.
#[derive(Clone)]
struct Deadline {
    at: Option<Instant>,
    pauses: PauseClock,
}

impl Deadline {
    async fn passed(self) {
        self.pauses.until(self.at).await;
    }
}
