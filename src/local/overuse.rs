//! A limit of a sandbox that was passed, in the words that clients see.

use std::fmt;
use std::time::Duration;

use super::backlog;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Overuse {
    /// In bytes.
    Memory {
        used: u64,
        limit: u64,
    },
    /// The machine's, not the sandbox's.
    MachineMemory,
    /// The engine's, by what no client has taken yet.
    Backlog,
    /// Nobody can tell what it uses.
    Hidden,
    /// The same, by open files that are in no process.
    Carried,
    /// The same, by more mappings, locks or watches than are looked at.
    Untold,
    /// The same, by what made looking at it take too long.
    Slow,
    CpuTime {
        limit: Duration,
    },
    Processes {
        count: u64,
        limit: u64,
    },
    /// In bytes.
    Disk {
        used: u64,
        limit: u64,
    },
}

impl Overuse {
    /// The name of the error, as code in the sandbox would have raised it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Memory { .. } | Self::MachineMemory | Self::Backlog => "OutOfMemory",
            Self::Hidden | Self::Carried | Self::Untold | Self::Slow => "KernelKilled",
            Self::CpuTime { .. } => "CpuTimeExceeded",
            Self::Processes { .. } => "TooManyProcesses",
            Self::Disk { .. } => "DiskFull",
        }
    }
}

impl fmt::Display for Overuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { used, limit } => {
                write!(f, "the sandbox took {} of memory, over its limit of {}", Bytes(*used), Bytes(*limit))
            }
            Self::MachineMemory => f.write_str("the machine ran out of memory"),
            Self::Backlog => {
                let most = Bytes(backlog::MOST as u64);
                write!(f, "results of the sandbox that no client has taken yet reached the limit of {most}")
            }
            Self::Hidden => f.write_str("it runs a program that may not be read, so that nobody can tell what it uses"),
            Self::Carried => f.write_str(
                "it left open files on their way between processes, in a socket, where nobody can tell what they take",
            ),
            Self::Untold => f.write_str(
                "it has so many mapped files with such long names, or so many locks or watches, that nobody can tell what it uses",
            ),
            Self::Slow => f.write_str("something in the sandbox kept the engine from seeing what it uses"),
            Self::CpuTime { limit } => {
                write!(f, "it used more than its limit of {} s of processor time", limit.as_secs_f64())
            }
            Self::Processes { count, limit } => {
                write!(f, "the sandbox had {count} processes and threads, over its limit of {limit}")
            }
            Self::Disk { used: u64::MAX, .. } => {
                f.write_str("its files cannot be counted: they are too many, change too fast, or something keeps their directories busy")
            }
            Self::Disk { used, limit } => {
                write!(f, "its files took {}, over the limit of {}", Bytes(*used), Bytes(*limit))
            }
        }
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        let mebibytes = self.0 / MIB;
        if mebibytes >= 10 * 1024 {
            write!(f, "{} GiB", mebibytes / 1024)
        } else if mebibytes > 0 {
            write!(f, "{mebibytes} MiB")
        } else {
            write!(f, "{} bytes", self.0)
        }
    }
}
