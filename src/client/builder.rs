//! The settings of a client.

use std::{fmt, time::Duration};

use super::{CodeInterpreter, core::Core, runtime::Runtime};
use crate::{
    config::{RetryPolicy, Settings},
    error::Result,
};

/// Settings for a [`CodeInterpreter`].
///
/// With [`url`](Self::url) or an engine the client is one of a gateway, otherwise of E2B. Every clock is in one of three
/// states: not set here, which leaves the default; `None`, which is no limit; or a limit.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    settings: Settings,
    /// What the environment says, for what is not set in code.
    environment: Settings,
    #[cfg(feature = "local")]
    engine: Option<crate::LocalEngine>,
}

impl Builder {
    /// Settings as the environment says, to add others to. See [`CodeInterpreter::from_env`].
    ///
    #[doc = example!(r#"let client = Builder::from_env()?.execution_timeout(std::time::Duration::from_secs(30)).build()?;"#)]
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there is no key, or when a variable is set without the one
    /// that belongs to it.
    pub fn from_env() -> Result<Self> {
        Ok(Self::from_environment(Settings::from_env()?))
    }

    pub(super) fn from_environment(environment: Settings) -> Self {
        Self { environment, ..Self::new() }
    }

    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
            environment: Settings::default(),
            #[cfg(feature = "local")]
            engine: None,
        }
    }

    /// The key that is sent as `X-API-Key`, to this service's own address only.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.api_key = Some(key.into());
        self
    }

    /// The address of a gateway, such as `https://gateway.example.com/base`. Plain `http` is for addresses of this
    /// machine, unless [`allow_plain_http`](Self::allow_plain_http) says otherwise.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.settings.url = Some(url.into());
        self
    }

    /// The domain of an E2B service, if not `e2b.app`.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.domain = Some(domain.into());
        self
    }

    /// The address of an E2B control plane, if not `https://api.` and the domain. Code goes to sandboxes at
    /// [`domain`](Self::domain) or [`sandbox_url`](Self::sandbox_url), so set one of these as well, unless the service
    /// itself says where its sandboxes are.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.settings.api_url = Some(url.into());
        self
    }

    /// One address for all sandboxes of an E2B service, if they are not told apart by host name.
    pub fn sandbox_url(mut self, url: impl Into<String>) -> Self {
        self.settings.sandbox_url = Some(url.into());
        self
    }

    /// Uses this template for a runtime on E2B. Unless set, `python..`, `node..`, `bash`, `typescript`, `r` and `java` are
    /// languages of the template `code-interpreter-v1`, and any other name is taken for a template.
    pub fn template(mut self, runtime: impl Into<String>, template: impl Into<String>) -> Self {
        self.settings.templates.insert(runtime.into(), template.into());
        self
    }

    /// Uses this embedded engine, and keeps it running as long as a handle of this client is there.
    ///
    /// With [`api_url`](Self::api_url) set as well, it is only kept running, and talked to as E2B is: for trying out a
    /// configuration for E2B on this machine, with an engine that answers so
    /// ([`serve_e2b`](crate::LocalEngineBuilder::serve_e2b)). With [`url`](Self::url) set as well, [`build`](Self::build)
    /// fails. Addresses and keys of the environment do not count for a client with an engine.
    #[cfg(feature = "local")]
    pub fn engine(mut self, engine: crate::LocalEngine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// How long a connection may take to be made; 10 s unless set.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.connect = limit.into().into();
        self
    }

    /// How long a plain call may take, attempts and waits included; 60 s unless set.
    pub fn request_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.request = limit.into().into();
        self
    }

    /// How long an execution may take, from the moment it is sent; 300 s unless set.
    /// [`Execute::timeout`](crate::Execute::timeout) sets it for one execution.
    pub fn execution_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.execution = limit.into().into();
        self
    }

    /// How long a stream of events may be silent, keep-alives counting as life; 60 s unless set.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.idle = limit.into().into();
        self
    }

    /// When a failed call is tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Goes through this proxy, such as `http://host:port`. When not given, the environment's (`HTTPS_PROXY` and its
    /// like). An address of this machine is never asked for through a proxy.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// Sends this header with every request. The ones that the client writes itself cannot be replaced.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.headers.push((name.into(), value.into()));
        self
    }

    /// Adds this to the user agent, to say which program calls.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.user_agent_suffix = Some(suffix.into());
        self
    }

    /// Allows plain `http` to other machines. The key and the code can be read on the way: for networks that are
    /// trusted with both.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.settings.allow_plain_http = allow;
        self
    }

    /// Makes the client. No request is made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there is no key, or when an address, a header or the proxy is
    /// malformed or not allowed, or two settings exclude each other; the error names which.
    /// [`ErrorKind::Runtime`](crate::ErrorKind::Runtime) when the blocking flavour's thread cannot be started.
    #[cfg_attr(not(feature = "local"), allow(unused_mut, reason = "changed only with an engine"))]
    pub fn build(mut self) -> Result<CodeInterpreter> {
        #[cfg(feature = "local")]
        if let Some(engine) = &self.engine {
            self.environment = self.settings.of_engine(engine)?;
        }
        let mut core = Core::new(self.settings.or(self.environment).check()?, Runtime::start()?);
        #[cfg(feature = "local")]
        {
            core.transport.engine = self.engine;
        }
        Ok(CodeInterpreter::with_core(core))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses of proxies and extra headers may hold passwords as the key does.
        let url = self.settings.url.as_ref().or(self.environment.url.as_ref());
        f.debug_struct("Builder").field("url", &url).finish_non_exhaustive()
    }
}
