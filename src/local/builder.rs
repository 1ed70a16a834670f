//! How an engine is to be.

use std::fmt;
use std::path::PathBuf;

use super::engine::LocalEngine;
use super::policy::{Namespaces, Policy};
use super::shell::Shell;
use crate::error::Result;

/// Sets up a [`LocalEngine`].
///
/// Each sandbox takes four file descriptors of this program, and three more for each further context: for hundreds of
/// sandboxes raise its limit of open files, which is often 1,024.
///
/// ```no_run
/// # fn main() -> code_interpreter::Result<()> {
/// use code_interpreter::LocalEngine;
///
/// let engine = LocalEngine::builder().python("venv/bin/python").warm(2).start()?;
/// # drop(engine);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `start` is called"]
pub struct LocalEngineBuilder {
    #[cfg_attr(not(unix), allow(dead_code))]
    pub(super) settings: Settings,
}

#[cfg_attr(not(unix), allow(dead_code))]
pub(super) struct Settings {
    pub(super) python: Option<PathBuf>,
    pub(super) directory: Option<PathBuf>,
    pub(super) api_key: Option<String>,
    pub(super) port: u16,
    pub(super) warm: usize,
    pub(super) unconfined: bool,
    pub(super) namespaces: Namespaces,
    pub(super) policy: Option<Policy>,
    pub(super) serves_e2b: bool,
    pub(super) shell: Shell,
}

impl LocalEngineBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings {
                python: None,
                directory: None,
                api_key: None,
                port: 0,
                warm: 1,
                unconfined: false,
                namespaces: Namespaces::default(),
                policy: None,
                serves_e2b: false,
                shell: Shell::default(),
            },
        }
    }

    /// The interpreter of sandboxes that ask for just `python`: a path to a Python 3.9 or newer, for instance that
    /// of a virtual environment, whose packages it brings along. Otherwise the first one on `PATH`.
    pub fn python(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.python = Some(path.into());
        self
    }

    /// Where the directories of sandboxes are made, otherwise among the user's temporary files. The place must
    /// belong to the user, nobody else may be able to write to it, it must not be a symbolic link, and its path must be
    /// UTF-8.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.directory = Some(path.into());
        self
    }

    /// The key that every request has to show, otherwise a random one.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.api_key = Some(key.into());
        self
    }

    /// The port on the loopback interface; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self
    }

    /// How many sandboxes of the default interpreter are prepared ahead of time, 1 unless set. Each takes some
    /// 20 MB of memory, with IPython's shell some 30 MB more, and saves creating a sandbox the start of an interpreter.
    /// However many are wanted at once, only twice as many interpreters start at a time as there are processors.
    pub fn warm(mut self, count: usize) -> Self {
        self.settings.warm = count;
        self
    }

    /// What runs Python, [`Shell::IfAvailable`] unless set.
    ///
    /// Importing IPython takes up to a quarter of a second, once per sandbox, and less with newer ones:
    /// [`warm`](Self::warm) does that ahead of time, and [`Shell::Standard`] does without.
    pub fn shell(mut self, shell: Shell) -> Self {
        self.settings.shell = shell;
        self
    }

    /// What code in the sandboxes may do, otherwise what [`Policy::new`] allows.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings.policy = Some(policy);
        self
    }

    /// Whether sandboxes get namespaces of their own, [`Namespaces::IfAvailable`] unless set.
    pub fn namespaces(mut self, namespaces: Namespaces) -> Self {
        self.settings.namespaces = namespaces;
        self
    }

    /// Gives up all confinement: **code can do whatever the user who runs this program can**, such as read and change
    /// the user's files, and reach the network. For systems that have nothing to confine it with, and for code that you
    /// would run yourself. A warning goes to standard error, and the sandboxes' `confinement` is `none`.
    ///
    /// There is no other way to get there, and none from outside the program.
    pub fn unconfined(mut self) -> Self {
        self.settings.unconfined = true;
        self
    }

    /// Answers as E2B does too, so that E2B's own clients work with this engine: the control plane in both its
    /// generations, and the code interpreter of each sandbox. Off unless asked for.
    ///
    /// Set `E2B_API_URL` and `E2B_SANDBOX_URL` to [`LocalEngine::url`] and `E2B_API_KEY` to
    /// [`LocalEngine::api_key`]; older clients take no key but `e2b_` and hexadecimal digits, so give one with
    /// [`api_key`](Self::api_key). A sandbox is reached by the headers `E2b-Sandbox-Id` and `E2b-Sandbox-Port` on the
    /// engine's address, or by the name `<port>-<id>.localhost` with the engine's port, which browsers and some systems
    /// resolve.
    ///
    /// **On the way into a sandbox E2B's dialect asks for no key**, only for the token of a sandbox whose
    /// `network.allowPublicTraffic` is false: any process of this machine, one in another sandbox
    /// included, that learns the id of a sandbox can run code in it. Ids have 128 random bits, stand in no command line
    /// of the engine's, and name directories that only the user can list. Requests from web pages are refused as always.
    ///
    /// Options that need what the engine does not have, such as other images and `allow_out`, are refused with a reason.
    pub fn serve_e2b(mut self) -> Self {
        self.settings.serves_e2b = true;
        self
    }

    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// With [`ErrorKind::Confinement`](crate::ErrorKind::Confinement) when this machine cannot confine code, or not as
    /// asked; the message says what is missing. Otherwise when the policy makes no sense, the port is taken, the
    /// directory is not the user's alone, the interpreter that was named does not work, the key is not of printable
    /// ASCII characters, or the platform is not a Unix.
    pub fn start(self) -> Result<LocalEngine> {
        LocalEngine::start_with(self.settings)
    }
}

impl fmt::Debug for LocalEngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEngineBuilder")
            .field("python", &self.settings.python)
            .field("directory", &self.settings.directory)
            .field("port", &self.settings.port)
            .field("warm", &self.settings.warm)
            .field("unconfined", &self.settings.unconfined)
            .field("namespaces", &self.settings.namespaces)
            .field("policy", &self.settings.policy)
            .field("serves_e2b", &self.settings.serves_e2b)
            .field("shell", &self.settings.shell)
            .finish_non_exhaustive()
    }
}
