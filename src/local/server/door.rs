//! Who may come in. Any program and any web page of this machine can reach the port; only what a browser did not
//! send gets in, and past the door of the engine itself only one that knows the key.

use axum::http::{HeaderMap, StatusCode, Uri, header};

use super::super::tokens::is_same;
use super::host::Host;
use super::reply::Problem;

pub(in crate::local) struct Door {
    key: String,
    port: u16,
}

impl Door {
    pub(in crate::local) fn new(key: String, port: u16) -> Self {
        Self { key, port }
    }

    /// Refuses what a web page sent; otherwise tells by which name the request came.
    pub(super) fn check<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Result<Host<'a>, Problem> {
        // A page that resolves its own name to 127.0.0.1 still has that name here.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.and_then(|host| Host::parse(host, self.port)).filter(|host| {
            uri.authority().is_none_or(|authority| Host::parse(authority.as_str(), self.port).as_ref() == Some(host))
        });
        let host = host.ok_or_else(|| {
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "this engine answers on its loopback address only")
        })?;
        if headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "requests from web pages are refused"));
        }
        Ok(host)
    }

    /// Asks for the key, as everything of the engine does but its health.
    pub(super) fn check_key(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        if uri.path() == "/health" {
            return Ok(());
        }
        let unauthorized = |message| Err(Problem::new(StatusCode::UNAUTHORIZED, message));
        match headers.get("x-api-key") {
            None => unauthorized("the X-API-Key header is missing"),
            Some(key) if is_same(key.as_bytes(), &self.key) => Ok(()),
            Some(_) => unauthorized("invalid API key"),
        }
    }
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
        let uri = Uri::from_static(uri);
        let checked = door.check(&uri, &headers).and_then(|_| door.check_key(&uri, &headers));
        checked.map_or_else(|problem| problem.status().as_u16(), |()| 200)
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
        assert_eq!(status(&[host, key], "http://127.0.0.1:8080/sandboxes"), 200);
        assert_eq!(status(&[host, key], "http://1-ab.localhost:8080/sandboxes"), 421);
        assert_eq!(status(&[host, key, ("origin", "http://localhost:8080")], "/sandboxes"), 403);
        assert_eq!(status(&[host], "/health"), 200);
        assert_eq!(status(&[host, ("origin", "null")], "/health"), 403);
    }
}
