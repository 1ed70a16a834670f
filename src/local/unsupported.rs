//! The engine's interface where there is no engine.

use std::convert::Infallible;

use super::builder::{LocalEngineBuilder, Settings};
use super::report::ConfinementReport;
use crate::error::{Error, Result};

/// The embedded engine, which this platform does not have: it can be named here, but not started.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    never: Infallible,
}

impl LocalEngine {
    /// Sets up an engine.
    pub fn builder() -> LocalEngineBuilder {
        LocalEngineBuilder::new()
    }

    /// Starts an engine with the defaults.
    ///
    /// # Errors
    ///
    /// Always, on this platform.
    pub fn start() -> Result<Self> {
        Self::builder().start()
    }

    pub(super) fn start_with(_: Settings) -> Result<Self> {
        Err(Error::engine("the embedded engine runs on Linux and macOS only; use a gateway or E2B from here"))
    }

    /// The address to give to a client.
    #[must_use]
    pub fn url(&self) -> &str {
        match self.never {}
    }

    /// The key that every request has to show.
    #[must_use]
    pub fn api_key(&self) -> &str {
        match self.never {}
    }

    /// What keeps code in this engine's sandboxes away from the machine.
    #[must_use]
    pub fn confinement(&self) -> &ConfinementReport {
        match self.never {}
    }

    #[cfg(feature = "_client")]
    pub(crate) fn is_stopped(&self) -> bool {
        match self.never {}
    }

    /// Ends the engine.
    ///
    /// # Errors
    ///
    /// Never, on this platform.
    pub fn stop(&self) -> Result<()> {
        match self.never {}
    }
}
