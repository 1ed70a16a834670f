//! A process that the engine started, confined or not.

use std::io;
use std::process::Child;

#[cfg(target_os = "linux")]
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

pub(in crate::local) enum Process {
    Plain(Child),
    #[cfg(target_os = "linux")]
    Confined(Pid),
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::local) enum Outcome {
    Success,
    Failure,
}

impl Process {
    pub(in crate::local) fn id(&self) -> u32 {
        match self {
            Self::Plain(child) => child.id(),
            #[cfg(target_os = "linux")]
            Self::Confined(pid) => pid.as_raw_pid().unsigned_abs(),
        }
    }

    /// How it ended, if it has. Once it has ended and been asked, its number may be another process's.
    pub(in crate::local) fn try_wait(&mut self) -> io::Result<Option<Outcome>> {
        let outcome = |is_success| if is_success { Outcome::Success } else { Outcome::Failure };
        match self {
            Self::Plain(child) => Ok(child.try_wait()?.map(|status| outcome(status.success()))),
            #[cfg(target_os = "linux")]
            Self::Confined(pid) => {
                let ended = waitpid(Some(*pid), WaitOptions::NOHANG)?;
                Ok(ended.map(|(_, status)| outcome(status.exit_status() == Some(0))))
            }
        }
    }

    /// Kills it. Only for one that has not been seen to have ended.
    pub(in crate::local) fn kill(&mut self) {
        // What cannot be killed has just ended.
        match self {
            Self::Plain(child) => drop(child.kill()),
            #[cfg(target_os = "linux")]
            Self::Confined(pid) => drop(kill_process(*pid, Signal::KILL)),
        }
    }
}
