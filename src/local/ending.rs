//! How an execution ended, and what its client and the log of its sandbox are told.

use std::time::Duration;

use super::answer::Answer;
use super::event::Event;
use super::log::Severity;
use super::overuse::Overuse;
use super::sandbox::Sandbox;
use super::supervisor::Exit;

/// What became of the variables after a timeout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Untouched,
    Kept,
    Lost,
}

pub(super) enum Ending {
    Done,
    Died(Exit),
    TimedOut(State),
    Restarted,
    Removed,
    NotStarted(String),
    /// The sandbox passed a limit.
    SandboxEnded(Overuse),
    /// The sandbox ended or nobody listens: there is nothing to say, and no clean end.
    Cut,
}

impl Ending {
    /// That of a run whose sandbox has ended.
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        sandbox.overuse.get().map_or(Self::Cut, |overuse| Self::SandboxEnded(overuse.clone()))
    }

    pub(super) fn events(&self, timeout: Option<Duration>) -> Vec<Event> {
        let mut reason = None;
        let error = match self {
            Self::Cut => return Vec::new(),
            Self::Done => None,
            Self::SandboxEnded(overuse) => {
                Some(Event::error(overuse.name(), format!("The sandbox was ended: {overuse}.")))
            }
            Self::Died(exit) => Some(Event::error(
                exit.name(),
                format!(
                    "The process of this context {exit}. Its variables are lost; \
                     the next execution starts a fresh one."
                ),
            )),
            Self::TimedOut(state) => {
                reason = Some("timeout");
                let seconds = timeout.unwrap_or_default().as_secs_f64();
                let state = match state {
                    State::Untouched => "it was still waiting for its turn, and nothing of it ran",
                    State::Kept => "it was interrupted, and the variables are kept",
                    State::Lost => {
                        "it did not react to an interrupt and was killed: the variables are lost, \
                         and the next execution starts a fresh process"
                    }
                };
                let value = format!("The execution reached its timeout of {seconds} s: {state}.");
                Some(Event::error("ExecutionTimeout", value))
            }
            Self::Restarted => Some(Event::error("ContextRestarting", "Context was restarted")),
            Self::Removed => Some(Event::error(
                "UnexpectedEndOfExecution",
                "Connection to the execution was closed before the execution was finished",
            )),
            Self::NotStarted(why) => Some(Event::error("KernelNotStarted", why.as_str())),
        };
        let lost = self.loses_state().then_some(Event::StateLost);
        lost.into_iter().chain(error).chain([Event::End { reason }]).collect()
    }

    /// In the words of the sandbox's log.
    pub(super) fn outcome(&self, answer: &Answer) -> String {
        match self {
            Self::Done if answer.is_abandoned() => "interrupted, since the client has gone".to_owned(),
            Self::Done if answer.has_error() => "the code raised an exception".to_owned(),
            Self::Done => "done".to_owned(),
            Self::Died(exit) => format!("its process {exit}"),
            Self::TimedOut(State::Untouched) => "its timeout came before its turn".to_owned(),
            Self::TimedOut(State::Kept) => "interrupted at its timeout".to_owned(),
            Self::TimedOut(State::Lost) => "killed at its timeout".to_owned(),
            Self::Restarted => "its context was restarted".to_owned(),
            Self::Removed => "its context was removed".to_owned(),
            Self::NotStarted(why) => format!("not started: {why}"),
            Self::SandboxEnded(overuse) => format!("the sandbox was ended: {overuse}"),
            Self::Cut => "cut off".to_owned(),
        }
    }

    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::Done | Self::Restarted | Self::Removed | Self::Cut => Severity::Info,
            Self::Died(_) | Self::TimedOut(_) | Self::NotStarted(_) | Self::SandboxEnded(_) => Severity::Warn,
        }
    }

    /// Whether the variables of the context are gone although nobody asked for that.
    pub(super) fn loses_state(&self) -> bool {
        matches!(self, Self::Died(_) | Self::TimedOut(State::Lost) | Self::SandboxEnded(_))
    }
}
