//! What a new sandbox should be.

use std::{collections::BTreeMap, time::Duration};

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
    pub(crate) runtime: String,
    pub(crate) timeout: Option<Duration>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl CreateSandbox {
    /// A sandbox with this runtime, such as `python3` or `python3.10`.
    pub fn new(runtime: impl Into<String>) -> Self {
        Self { runtime: runtime.into(), timeout: None, env: BTreeMap::new(), metadata: BTreeMap::new() }
    }

    /// How long the sandbox lives, counted from its creation; sent in whole seconds, rounded up. The server's default
    /// when not given (300 s on the embedded engine). `set_timeout` moves the end later.
    pub fn timeout(mut self, life: Duration) -> Self {
        self.timeout = Some(life);
        self
    }

    /// Sets an environment variable for all code in the sandbox.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Notes something about the sandbox, to find it by later.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

impl<T: Into<String>> From<T> for CreateSandbox {
    fn from(runtime: T) -> Self {
        Self::new(runtime)
    }
}
