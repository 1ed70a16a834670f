//! What a new sandbox should be.

use std::{collections::BTreeMap, time::Duration};

use super::env::Env;

/// What to create: a runtime, and how the sandbox should be set up.
///
/// A plain string is the short form: `create("python3")` is `create(CreateSandbox::new("python3"))`.
///
/// ```
/// use std::time::Duration;
/// use code_interpreter::CreateSandbox;
///
/// let spec = CreateSandbox::new("python3.11")
///     .timeout(Duration::from_secs(600))
///     .env("STAGE", "test")
///     .metadata("job", "42");
/// # let _ = spec;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "this describes a sandbox; pass it to `create`"]
pub struct CreateSandbox {
    pub(crate) base: Base,
    pub(crate) timeout: Option<Duration>,
    pub(crate) env: Env,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) pauses_at_end: bool,
}

/// What a sandbox is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Runtime(String),
    Template(String),
}

/// The metadata under which a mark is noted.
pub(crate) const MARK: &str = "code_interpreter_mark";

impl CreateSandbox {
    /// A sandbox with this runtime, such as `python3` or `python3.10`.
    pub fn new(runtime: impl Into<String>) -> Self {
        Self {
            base: Base::Runtime(runtime.into()),
            timeout: None,
            env: Env::default(),
            metadata: BTreeMap::new(),
            pauses_at_end: false,
        }
    }

    /// A sandbox made from this template of the service, named as the service names it.
    pub fn template(template: impl Into<String>) -> Self {
        Self { base: Base::Template(template.into()), ..Self::new("") }
    }

    /// How long the sandbox lives, counted from its creation; sent in whole seconds, rounded up. The server's default
    /// when not given (300 s on the embedded engine). `set_timeout` moves the end later.
    pub fn timeout(mut self, life: Duration) -> Self {
        self.timeout = Some(life);
        self
    }

    /// Pauses the sandbox at its timeout instead of killing it: it keeps its state until it is resumed or killed. On the
    /// embedded engine as long as the engine runs.
    pub fn pause_on_timeout(mut self) -> Self {
        self.pauses_at_end = true;
        self
    }

    /// Sets an environment variable for all code in the sandbox.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.0.insert(name.into(), value.into());
        self
    }

    /// Sets several environment variables.
    pub fn envs<K: Into<String>, V: Into<String>>(self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        variables.into_iter().fold(self, |spec, (name, value)| spec.env(name, value))
    }

    /// Notes something about the sandbox, to find it by later.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Marks the sandbox, so that it can be found and killed though its id never arrived: when creating it was
    /// cancelled, or timed out on the way. `SandboxManager::kill_marked` does that. Noted in the metadata, so the service
    /// must keep metadata. On E2B a mark is made when none is given, and [`Error::mark`](crate::Error::mark) has it.
    pub fn mark(self, mark: impl Into<String>) -> Self {
        self.metadata(MARK, mark)
    }

    pub(crate) fn given_mark(&self) -> Option<String> {
        self.metadata.get(MARK).cloned()
    }
}

impl<T: Into<String>> From<T> for CreateSandbox {
    fn from(runtime: T) -> Self {
        Self::new(runtime)
    }
}

impl From<&Self> for CreateSandbox {
    fn from(same: &Self) -> Self {
        same.clone()
    }
}
