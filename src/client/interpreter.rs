//! The client itself.

use std::{fmt, sync::Arc};

use super::{Builder, SandboxManager, core::Core};
use crate::error::Result;

/// A client of one service: the embedded engine, a gateway, or E2B.
///
/// Cheap to clone; clones and the handles made from it share one pool of connections. Make one and keep it.
#[derive(Clone)]
pub struct CodeInterpreter {
    sandboxes: SandboxManager,
}

impl CodeInterpreter {
    pub(super) fn with_core(core: Core) -> Self {
        Self { sandboxes: SandboxManager::new(Arc::new(core)) }
    }

    /// A client of E2B with this API key.
    ///
    /// No request is made, so a key that the service does not know is found out by the first call. For a gateway, or
    /// for other settings, use [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the key is empty or is not one word of ASCII.
    pub fn new(api_key: impl Into<String>) -> Result<Self> {
        Self::builder().api_key(api_key).build()
    }

    /// A client as the environment says.
    ///
    /// With `CODE_INTERPRETER_URL` and `CODE_INTERPRETER_API_KEY`, a client of that gateway. Else with `E2B_API_KEY`, a
    /// client of E2B, at `E2B_DOMAIN`, `E2B_API_URL` and `E2B_SANDBOX_URL` if these are set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there is no key, when only half of the first pair is set
    /// (the error names both), or when a value is malformed.
    pub fn from_env() -> Result<Self> {
        Builder::from_env()?.build()
    }

    /// A client with settings.
    ///
    #[doc = example!(r#"use std::time::Duration;

let client = CodeInterpreter::builder()
    .url("https://gateway.example.com")
    .api_key("key")
    .execution_timeout(Duration::from_secs(30))
    .build()?;"#)]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What creates sandboxes, finds them and ends them.
    #[must_use]
    pub fn sandboxes(&self) -> &SandboxManager {
        &self.sandboxes
    }

    /// The embedded engine that this client owns, if it was made by [`local`](Self::local) or was given one.
    #[cfg(feature = "local")]
    #[must_use]
    pub fn engine(&self) -> Option<&crate::LocalEngine> {
        self.sandboxes.core.transport.engine.as_ref()
    }
}

impl fmt::Debug for CodeInterpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeInterpreter").field("endpoint", self.sandboxes.core.endpoint()).finish_non_exhaustive()
    }
}
