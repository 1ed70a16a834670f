//! The rules for addresses: which ones a key may be sent to.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, ErrorKind, Result};

/// A base address that a key may go to.
pub(super) fn parse(what: &str, text: &str, allow_plain_http: bool) -> Result<Url> {
    let refuse = |why: String| Err(Error::new(ErrorKind::Config, format!("{what} {why}")));
    // The text itself stays out of the messages until it is known to hold no password.
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(cause) => {
            let shown = if text.contains('@') { "" } else { text };
            return refuse(format!("is not a URL: {shown:?}: {cause}"))
                .map_err(|error| error.hint("write it as https://host or https://host:port/path"));
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("has a user name or a password in it; the API key is passed on its own".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or a fragment; the API key is passed on its own".into());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_plain_http || is_loopback(&url) => Ok(url),
        "http" => refuse(format!("is plain http to another machine: {url}")).map_err(|error| {
            error.hint("use https, or `allow_plain_http(true)` where the network itself is trusted with key and code")
        }),
        scheme => refuse(format!("has the scheme {scheme:?}: {url}"))
            .map_err(|error| error.hint("start it with https:// or, for this machine, http://")),
    }
}

/// A domain: a bare host with, maybe, a port.
pub(super) fn check_domain(what: &str, domain: &str) -> Result<()> {
    if is_bare_host(domain) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("{what} is not a bare host: {domain:?}"))
        .hint("write it as example.com or example.com:8443, without a scheme or a path"))
}

/// Whether this is `host` or `host:port` and nothing else, so that it can stand in a URL without changing its meaning.
pub(crate) fn is_bare_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let host_is_plain = !host.is_empty()
        && !host.starts_with(['.', '-'])
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    host_is_plain && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Whether what is sent to this address stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().map_or(bare == "localhost", |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only_unless_allowed() {
        for good in ["http://127.0.0.1:8000", "http://[::1]:1", "http://localhost", "https://example.com/base"] {
            assert!(parse("the URL", good, false).is_ok(), "{good}");
        }
        let error = parse("the URL", "http://example.com", false).unwrap_err();
        assert!(error.to_string().contains("allow_plain_http"), "{error}");
        assert!(parse("the URL", "http://example.com", true).is_ok());
        // Names that merely look local.
        for bad in ["http://localhost.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1"] {
            assert!(parse("the URL", bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for bad in ["https://me:hunter2@example.com", "https://me:hunter2@exa mple.com", "ftp://a", "x", ""] {
            let error = parse("the URL", bad, false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_domain_is_a_bare_host() {
        for good in ["e2b.app", "x.test:8443", "localhost", "127.0.0.1:80"] {
            assert!(is_bare_host(good), "{good}");
        }
        for bad in ["", "a/b", "a@b", "a:b", "a:99999", "https://a", "a?b", "a#b", "a b", ".a", "-a", "a\n"] {
            assert!(!is_bare_host(bad), "{bad:?}");
        }
    }
}
