//! How a client is set up: where it goes, with which key, how long it waits, what it tries again.

mod address;
mod environment;
mod limit;
mod redaction;
mod retry_policy;
mod secret;
mod settings;

pub(crate) use address::{is_bare_host, is_loopback};
pub(crate) use limit::Limit;
pub(crate) use redaction::redact;
pub use retry_policy::RetryPolicy;
pub(crate) use secret::Secret;
pub(crate) use settings::Settings;

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::protocol::Endpoint;

/// A checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) endpoint: Endpoint,
    pub(crate) api_key: Secret,
    pub(crate) clocks: Clocks,
    /// The execution clock, if it was set and is not just the default.
    pub(crate) asked_execution: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) proxy: Option<Secret>,
    pub(crate) headers: HeaderMap,
    pub(crate) user_agent: String,
}

/// The four clocks as they are in force; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    pub(crate) connect: Option<Duration>,
    pub(crate) request: Option<Duration>,
    pub(crate) execution: Option<Duration>,
    pub(crate) idle: Option<Duration>,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(10)),
            request: Some(Duration::from_secs(60)),
            execution: Some(Duration::from_secs(300)),
            idle: Some(Duration::from_secs(60)),
        }
    }
}
