//! What runs Python cells.
#![cfg_attr(not(unix), allow(dead_code))]

/// What runs Python in the sandboxes of an engine. Which one it is in a sandbox says
/// [`SandboxInfo::shell`](crate::SandboxInfo::shell).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shell {
    /// IPython's own shell where IPython 8 or newer is installed in the interpreter, otherwise the engine's.
    #[default]
    IfAvailable,
    /// IPython's own shell. Where it is missing, creating a sandbox is an error that says what to install.
    IPython,
    /// The engine's own, which needs nothing but Python, and runs most of what notebooks do. A sandbox that is not
    /// prepared ahead of time starts several times as fast with it, and a cell runs in less time.
    Standard,
}

impl Shell {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::IfAvailable => "if-available",
            Self::IPython => "ipython",
            Self::Standard => "standard",
        }
    }
}
