//! What keeps code in a sandbox away from the rest of the machine.
//!
//! A sandbox's first process confines itself before it becomes the interpreter (`linux`); everything in the sandbox
//! descends from it, and nothing of this can be taken back. In this order:
//!
//! 1. where a trial at the start of the engine worked, namespaces and a root of its own;
//! 2. resource limits, no capabilities, no way to new privileges;
//! 3. Landlock: what can be opened, connected to and signalled;
//! 4. seccomp: system calls that are refused.
//!
//! Landlock and seccomp are required: without them no engine starts, unless the program says that it wants none.
//! Contexts add a Landlock domain and a filter of their own to that (`python/domain.py`), so that code cannot signal what
//! keeps it, or use up the kernel's memory for more of these.

mod process;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "unsupported.rs"]
mod linux;

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

pub(in crate::local) use process::{Outcome, Process};

use super::directory::{EngineDirectory, temporary};
use super::policy::{Namespaces, Policy};
use super::proxy::Allowed;
use super::python::Interpreter;
use super::report::{ConfinementReport, Level};
use crate::error::{Error, ErrorKind, Result};
use linux::Confined;

/// What the builder of an engine was told.
pub(in crate::local) struct Wish {
    pub(in crate::local) unconfined: bool,
    pub(in crate::local) namespaces: Namespaces,
    pub(in crate::local) policy: Option<Policy>,
}

/// How the sandboxes of one engine are confined.
pub(in crate::local) struct Confinement {
    policy: Policy,
    /// Without it they are not.
    confined: Option<Confined>,
    report: ConfinementReport,
}

/// The first process of a sandbox.
pub(in crate::local) struct Start<'a> {
    pub(in crate::local) interpreter: &'a Interpreter,
    pub(in crate::local) arguments: &'a [&'a str],
    pub(in crate::local) environment: Vec<(&'static str, OsString)>,
    /// The directory of the sandbox, as this machine has it.
    pub(in crate::local) directory: &'a Path,
    pub(in crate::local) input: OwnedFd,
    pub(in crate::local) errors: OwnedFd,
}

/// What was started.
pub(in crate::local) struct Started {
    pub(in crate::local) process: Process,
    /// Where programs in the sandbox ask for connections to the outside.
    pub(in crate::local) exit: Option<TcpListener>,
    /// What its contexts are to be kept to, where anything is.
    pub(in crate::local) domain: Option<Domain>,
}

/// The domain that a context adds for itself.
#[derive(Serialize)]
pub(in crate::local) struct Domain {
    /// What it may read, besides its own part of /proc; nothing is said where the sandbox has a root of its own.
    readable: Option<Vec<PathBuf>>,
    /// In seconds. A limit of the contexts only: what they leave behind costs the supervisor time, and it has to outlive that.
    cpu_time: Option<u64>,
    /// Of system calls, as bpf(4) has it.
    filter: Vec<Instruction>,
}

/// Its code, how far to jump if it is true and if not, and its operand.
type Instruction = (u16, u8, u8, u32);

/// What an engine would find on this machine.
pub(in crate::local) fn report() -> Result<ConfinementReport> {
    linux::report()
}

impl Confinement {
    /// Finds out what this machine can do; an error when that is less than is wanted.
    pub(in crate::local) fn establish(wish: Wish, directory: &EngineDirectory) -> Result<Self> {
        let Wish { unconfined, namespaces, policy } = wish;
        if unconfined {
            if policy.is_some() {
                return Err(Error::engine(
                    "an unconfined engine cannot keep to a policy: leave out LocalEngineBuilder::policy, or \
                     LocalEngineBuilder::unconfined",
                ));
            }
            if namespaces == Namespaces::Required {
                return Err(Error::engine(
                    "an unconfined engine has no namespaces: leave out Namespaces::Required, or \
                     LocalEngineBuilder::unconfined",
                ));
            }
            return Ok(Self { policy: Policy::new(), confined: None, report: ConfinementReport::unconfined() });
        }
        let policy = policy.unwrap_or_default().checked().map_err(Error::engine)?;
        if namespaces == Namespaces::Off && Allowed::new(&policy).is_some() {
            return Err(Error::new(
                ErrorKind::Confinement,
                "Policy::network needs namespaces, and these are switched off: leave out Namespaces::Off, or the network. \
                 Without namespaces sandboxes have no network, or with Policy::allow_local_network all of this machine's",
            ));
        }
        let (confined, report) = linux::establish(namespaces, &policy, directory).map_err(unavailable)?;
        Ok(Self { policy, confined: Some(confined), report })
    }

    pub(in crate::local) fn level(&self) -> Level {
        self.confined.as_ref().map_or(Level::None, Confined::level)
    }

    pub(in crate::local) fn policy(&self) -> Option<&Policy> {
        self.confined.is_some().then_some(&self.policy)
    }

    pub(in crate::local) fn report(&self) -> &ConfinementReport {
        &self.report
    }

    /// The home directory of a sandbox, as code in it has it.
    pub(in crate::local) fn home(&self, directory: &Path) -> PathBuf {
        self.confined.as_ref().map_or_else(|| directory.to_owned(), |confined| confined.home(directory))
    }

    /// Where code in a sandbox has its temporary files.
    pub(in crate::local) fn temporary(&self, directory: &Path) -> PathBuf {
        self.confined.as_ref().map_or_else(|| temporary(directory), |confined| confined.temporary(directory))
    }

    /// Starts a process, and returns when it has become the interpreter. Blocks.
    pub(in crate::local) fn start(&self, start: Start<'_>) -> io::Result<Started> {
        match &self.confined {
            Some(confined) => confined.start(&self.policy, start),
            None => start_plainly(start),
        }
    }
}

fn start_plainly(start: Start<'_>) -> io::Result<Started> {
    use std::os::unix::process::CommandExt;

    // The command owns our copies of the child's ends; both go with it, so that an end of file can come.
    let mut command = Command::new(start.interpreter.path());
    command
        .args(start.arguments.iter().map(OsStr::new))
        .current_dir(start.directory)
        .process_group(0)
        .env_clear()
        .envs(start.environment)
        .stdin(Stdio::from(start.input))
        .stdout(Stdio::null())
        .stderr(Stdio::from(start.errors));
    Ok(Started { process: Process::Plain(command.spawn()?), exit: None, domain: None })
}

fn unavailable(missing: String) -> Error {
    Error::new(
        ErrorKind::Confinement,
        format!(
            "the embedded engine cannot confine code on this machine: {missing}. It needs Linux 6.2 or newer with \
             Landlock and seccomp, on x86_64 or aarch64, and for a network or Namespaces::Required the right to make \
             namespaces. If the code may have all the rights of this program, say so with \
             LocalEngineBuilder::unconfined, and without a policy"
        ),
    )
}
