//! What a machine has to confine code with.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

use std::fmt;

use crate::error::Result;

/// Which layers keep code in a sandbox away from the machine, and what each of them stops.
///
/// ```no_run
/// # fn main() -> code_interpreter::Result<()> {
/// use code_interpreter::ConfinementReport;
///
/// println!("{}", ConfinementReport::of_this_machine()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfinementReport {
    /// `namespaces`, `landlock` or `none`, as [`SandboxInfo::confinement`](crate::SandboxInfo::confinement) has it.
    pub level: &'static str,
    /// The layers, the strongest last.
    pub layers: Vec<Layer>,
}

/// One layer of a confinement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// Its name, such as `landlock`.
    pub name: &'static str,
    /// Whether it is in force.
    pub is_active: bool,
    /// Its version, or why it is not in force.
    pub detail: String,
    /// What it stops, or would.
    pub stops: &'static str,
}

/// How much stands between code and the machine, from nothing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Landlock,
    Namespaces,
}

impl Level {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
        }
    }
}

pub(super) const LIMITS: &str = "using up memory, processor time, open files and file sizes of each process";
pub(super) const PRIVILEGES: &str = "gaining rights by setuid programs, and those of the superuser";
pub(super) const LANDLOCK: &str = "opening and changing files outside, reading and signalling other processes; from \
                                   version 4 TCP, from version 6 abstract unix sockets";
pub(super) const SECCOMP: &str = "sockets, tracing, mounting, making namespaces, and other rarely needed system calls";
pub(super) const NAMESPACES: &str = "seeing that other files and processes exist, changing the modes and times of the \
                                     user's files, more processes than allowed";

impl ConfinementReport {
    /// Tries out what this machine can do. Takes some milliseconds, and changes nothing.
    ///
    /// # Errors
    ///
    /// When there is no place for the directory that the trial needs.
    pub fn of_this_machine() -> Result<Self> {
        #[cfg(unix)]
        return super::confinement::report();
        #[cfg(not(unix))]
        Ok(Self::nothing("the embedded engine does not run on this system"))
    }

    pub(super) fn new(level: Level, layers: Vec<Layer>) -> Self {
        Self { level: level.name(), layers }
    }

    /// That of an engine that was told to do without.
    pub(super) fn unconfined() -> Self {
        Self::nothing("switched off by LocalEngineBuilder::unconfined")
    }

    /// No layer, for one reason.
    pub(super) fn nothing(why: &str) -> Self {
        let names = [
            ("limits", LIMITS),
            ("privileges", PRIVILEGES),
            ("landlock", LANDLOCK),
            ("seccomp", SECCOMP),
            ("namespaces", NAMESPACES),
        ];
        let layers = names.map(|(name, stops)| Layer::missing(name, why, stops));
        Self::new(Level::None, layers.into())
    }
}

impl Layer {
    pub(super) fn active(name: &'static str, detail: impl Into<String>, stops: &'static str) -> Self {
        Self { name, is_active: true, detail: detail.into(), stops }
    }

    pub(super) fn missing(name: &'static str, why: impl Into<String>, stops: &'static str) -> Self {
        Self { name, is_active: false, detail: why.into(), stops }
    }
}

impl fmt::Display for ConfinementReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "confinement: {}", self.level)?;
        for layer in &self.layers {
            let (state, verb) = if layer.is_active { ("on ", "stops") } else { ("off", "would stop") };
            write!(f, "\n{state} {:<10} {}; {verb} {}", layer.name, layer.detail, layer.stops)?;
        }
        Ok(())
    }
}
