//! Who may come in. Any program and any web page of this machine can reach the port; only one that knows the key,
//! and that a browser did not send, gets further.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::reply::Problem;

pub(in crate::local) struct Door {
    key: String,
    port: u16,
}

impl Door {
    pub(in crate::local) fn new(key: String, port: u16) -> Self {
        Self { key, port }
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        // A page that resolves its own name to 127.0.0.1 still has that name here.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_ours = host.is_some_and(|host| is_ours(host, self.port))
            && uri.authority().is_none_or(|authority| is_ours(authority.as_str(), self.port));
        if !is_ours {
            return Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "this engine answers on its loopback address only",
            ));
        }
        if headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "requests from web pages are refused"));
        }
        if uri.path() == "/health" {
            return Ok(());
        }
        let unauthorized = |message| Err(Problem::new(StatusCode::UNAUTHORIZED, message));
        match headers.get("x-api-key") {
            None => unauthorized("the X-API-Key header is missing"),
            Some(key) if bool::from(key.as_bytes().ct_eq(self.key.as_bytes())) => Ok(()),
            Some(_) => unauthorized("invalid API key"),
        }
    }
}

pub(super) async fn check(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    match door.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// True for a loopback name with our port.
fn is_ours(host: &str, port: u16) -> bool {
    let (name, given) = match host.rsplit_once(':') {
        Some((name, given)) if !given.ends_with(']') => (name, given.parse().ok()),
        _ => (host, Some(80)),
    };
    let is_loopback = name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .is_some_and(|name| name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()));
    is_loopback && given == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(headers: &[(&'static str, &'static str)], uri: &'static str) -> u16 {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), header::HeaderValue::from_static(value)))
            .collect();
        let door = Door::new("secret".to_owned(), 8080);
        door.check(&Uri::from_static(uri), &headers).map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    #[test]
    fn hosts() {
        for host in ["127.0.0.1:8080", "127.9.9.9:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"] {
            assert!(is_ours(host, 8080), "{host}");
        }
        for host in [
            "",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:8081",
            "127.0.0.1:",
            "evil.com:8080",
            "localhost.evil.com:8080",
            "[::1]",
            "[::2]:8080",
            "::1:8080",
            "127.0.0.1.evil.com:8080",
            "0.0.0.0:8080",
        ] {
            assert!(!is_ours(host, 8080), "{host}");
        }
        assert!(is_ours("localhost", 80) && is_ours("[::1]", 80));
    }

    #[test]
    fn keys_hosts_and_origins() {
        let host = ("host", "localhost:8080");
        let key = ("x-api-key", "secret");
        assert_eq!(status(&[host, key], "/sandboxes"), 200);
        assert_eq!(status(&[host], "/sandboxes"), 401);
        assert_eq!(status(&[host, ("x-api-key", "secre")], "/sandboxes"), 401);
        assert_eq!(status(&[host, ("x-api-key", "secret2")], "/sandboxes"), 401);
        assert_eq!(status(&[key], "/sandboxes"), 421);
        assert_eq!(status(&[("host", "evil.com:8080"), key], "/sandboxes"), 421);
        assert_eq!(status(&[host, key], "http://evil.com/sandboxes"), 421);
        assert_eq!(status(&[host, key, ("origin", "http://localhost:8080")], "/sandboxes"), 403);
        assert_eq!(status(&[host], "/health"), 200);
        assert_eq!(status(&[host, ("origin", "null")], "/health"), 403);
    }
}
