//! What a builder collects, before it is checked.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Clocks, Config, Limit, RetryPolicy, Secret, address};
use crate::{
    error::{Error, ErrorKind, Result},
    protocol::{E2bHosts, Endpoint},
};

const DEFAULT_DOMAIN: &str = "e2b.app";

/// Headers that the client writes itself.
const OWN_HEADERS: [&str; 15] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "e2b-sandbox-id",
    "e2b-sandbox-port",
    "e2b-traffic-access-token",
    "expect",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-access-token",
    "x-api-key",
];

/// The settings of a client, unchecked; each builder fills one.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) url: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) sandbox_url: Option<String>,
    pub(crate) templates: BTreeMap<String, String>,
    pub(crate) connect: Limit,
    pub(crate) request: Limit,
    pub(crate) execution: Limit,
    pub(crate) idle: Limit,
    pub(crate) retry: RetryPolicy,
    pub(crate) proxy: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) user_agent_suffix: Option<String>,
    pub(crate) allow_plain_http: bool,
}

impl Settings {
    /// These, and the addresses and the key of others where these have none.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            url: self.url.or(others.url),
            api_key: self.api_key.or(others.api_key),
            domain: self.domain.or(others.domain),
            api_url: self.api_url.or(others.api_url),
            sandbox_url: self.sandbox_url.or(others.sandbox_url),
            ..self
        }
    }

    /// Address and key of an embedded engine, to go with these.
    #[cfg(feature = "local")]
    pub(crate) fn of_engine(&self, engine: &crate::local::LocalEngine) -> Result<Self> {
        if self.url.is_some() {
            return Err(Error::new(ErrorKind::Config, "both an `engine` and the `url` of a gateway are set").hint(
                "leave out `url`, since an engine brings its own; or leave out `engine`, to go to that gateway",
            ));
        }
        let is_e2b = self.api_url.is_some();
        if !is_e2b && (self.domain.is_some() || self.sandbox_url.is_some()) {
            return Err(Error::new(ErrorKind::Config, "both an `engine` and addresses of E2B are set").hint(
                "set `api_url` as well, to talk to the engine as to E2B; or leave out `domain` and `sandbox_url`",
            ));
        }
        let url = (!is_e2b).then(|| engine.url().to_owned());
        Ok(Self { url, api_key: Some(engine.api_key().to_owned()), ..Self::default() })
    }

    pub(crate) fn check(self) -> Result<Config> {
        let api_key = check_key(self.api_key.as_deref())?;
        Ok(Config {
            endpoint: self.endpoint()?,
            api_key,
            clocks: self.clocks(),
            asked_execution: self.execution.or(None),
            retry: self.retry,
            proxy: self.proxy.as_deref().map(check_proxy).transpose()?,
            headers: check_headers(&self.headers)?,
            user_agent: self.user_agent()?,
        })
    }

    fn endpoint(&self) -> Result<Endpoint> {
        let parse = |what, text: &str| address::parse(what, text, self.allow_plain_http);
        if let Some(url) = &self.url {
            if self.domain.is_some() || self.api_url.is_some() || self.sandbox_url.is_some() {
                return Err(Error::new(ErrorKind::Config, "both a gateway's `url` and addresses of E2B are set")
                    .hint("set `url`, or `domain`, `api_url` and `sandbox_url`"));
            }
            return Ok(Endpoint::Gateway(parse("the URL", url)?));
        }
        let domain = self.domain.as_deref().unwrap_or(DEFAULT_DOMAIN);
        address::check_domain("the domain", domain)?;
        let api = self.api_url.clone().unwrap_or_else(|| format!("https://api.{domain}"));
        Ok(Endpoint::E2b(E2bHosts {
            api: parse("the API URL", &api)?,
            domain: self.domain.clone().or_else(|| self.api_url.is_none().then(|| domain.to_owned())),
            sandbox_url: self.sandbox_url.as_deref().map(|url| parse("the sandbox URL", url)).transpose()?,
            templates: self.templates.clone(),
        }))
    }

    fn clocks(&self) -> Clocks {
        let default = Clocks::default();
        Clocks {
            connect: self.connect.or(default.connect),
            request: self.request.or(default.request),
            execution: self.execution.or(default.execution),
            idle: self.idle.or(default.idle),
        }
    }

    fn user_agent(&self) -> Result<String> {
        let own = concat!("code-interpreter-rust/", env!("CARGO_PKG_VERSION"));
        let Some(suffix) = &self.user_agent_suffix else { return Ok(own.to_owned()) };
        let whole = format!("{own} {suffix}");
        match HeaderValue::from_str(&whole) {
            Ok(_) => Ok(whole),
            Err(_) => Err(Error::new(
                ErrorKind::Config,
                format!("the user agent suffix cannot stand in a header: {suffix:?}"),
            )),
        }
    }
}

fn check_key(key: Option<&str>) -> Result<Secret> {
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    let Some(key) = key else {
        return Err(Error::new(ErrorKind::Config, "no API key was given")
            .hint("pass one to `new` or `api_key`, set it in the environment and use `from_env`, or run code on this machine with the feature `local`, which needs none"));
    };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::new(
            ErrorKind::Config,
            "the API key has a space, a line break or a character beyond ASCII in it",
        )
        .hint("copy it again; it is one word"));
    }
    Ok(Secret::new(key))
}

fn check_proxy(proxy: &str) -> Result<Secret> {
    reqwest::Proxy::all(proxy).map_err(|cause| {
        // The cause repeats the address, and that may hold a password.
        Error::new(ErrorKind::Config, "the proxy is not a URL")
            .hint("write it as http://host:port")
            .with_source(cause.without_url())
    })?;
    Ok(Secret::new(proxy))
}

fn check_headers(headers: &[(String, String)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let refuse = |why: &str| Error::new(ErrorKind::Config, format!("the extra header {name:?} {why}"));
        let parsed = HeaderName::try_from(name).map_err(|_| refuse("has a name that no header can have"))?;
        if OWN_HEADERS.contains(&parsed.as_str()) {
            return Err(refuse("is one that the client writes itself"));
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| refuse("has a value that no header can have"))?;
        // Who adds a header often adds a credential.
        value.set_sensitive(true);
        map.append(parsed, value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_key(key: &str) -> Settings {
        Settings { api_key: Some(key.to_owned()), ..Settings::default() }
    }

    #[test]
    fn a_key_is_needed_and_never_shown() {
        for bad in ["", "  "] {
            let error = with_key(bad).check().unwrap_err();
            assert!(error.to_string().contains("no API key"), "{error}");
        }
        let error = with_key("sec ret").check().unwrap_err();
        assert!(!error.to_string().contains("ret\""), "{error}");
        let config = with_key("e2b_secret\n").check().unwrap();
        assert_eq!(config.api_key.expose(), "e2b_secret");
        assert!(!format!("{config:?}").contains("e2b_secret"));
    }

    #[test]
    fn extra_headers_cannot_replace_the_clients_own() {
        let mut settings = with_key("k");
        settings.headers = vec![("X-Api-Key".into(), "other".into())];
        assert!(settings.clone().check().unwrap_err().to_string().contains("X-Api-Key"));
        settings.headers = vec![("X-Trace".into(), "a\nb".into())];
        assert!(settings.clone().check().is_err());
        settings.headers = vec![("X-Trace".into(), "abc".into())];
        assert_eq!(settings.check().unwrap().headers["x-trace"], "abc");
    }

    #[test]
    fn a_gateway_and_e2b_exclude_each_other() {
        let mut settings = with_key("k");
        settings.url = Some("https://gateway.test".into());
        settings.domain = Some("e2b.test".into());
        assert_eq!(settings.check().unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn a_password_of_a_proxy_is_not_shown() {
        let mut settings = with_key("k");
        settings.proxy = Some("http://me:hunter2@proxy.test:1".into());
        assert!(!format!("{:?}", settings.clone().check().unwrap()).contains("hunter2"));
        settings.proxy = Some("http://me:hunter2@bad host".into());
        assert!(!format!("{:?}", settings.check().unwrap_err()).contains("hunter2"));
    }
}
