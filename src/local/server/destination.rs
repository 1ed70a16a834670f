//! Where a request goes: to the engine, or to a port inside a sandbox.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::host::Host;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Engine,
    Sandbox(Address),
}

/// A port inside a sandbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) id: String,
    pub(super) port: u16,
}

/// Why an address cannot be one, in E2B's words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unroutable(&'static str);

impl Destination {
    /// The name that was called decides if it names a sandbox, and otherwise the routing headers.
    pub(super) fn parse(host: &Host<'_>, headers: &HeaderMap) -> Result<Self, Unroutable> {
        if let Host::Sandbox(label) = host {
            let mut parts = label.splitn(3, '-');
            let (port, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            return Address::parse(id, port).map(Self::Sandbox);
        }
        let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        match (header("e2b-sandbox-id"), header("e2b-sandbox-port")) {
            (None, None) => Ok(Self::Engine),
            (Some(id), Some(port)) => Address::parse(id, port).map(Self::Sandbox),
            _ => Err(Unroutable("missing header")),
        }
    }
}

impl Address {
    fn parse(id: &str, port: &str) -> Result<Self, Unroutable> {
        let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = port.ok_or(Unroutable("Invalid sandbox port"))?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return Err(Unroutable("Invalid sandbox ID"));
        }
        Ok(Self { id: id.to_owned(), port })
    }
}

impl IntoResponse for Unroutable {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(id: &str, port: u16) -> Result<Destination, Unroutable> {
        Ok(Destination::Sandbox(Address { id: id.to_owned(), port }))
    }

    #[test]
    fn by_headers() {
        let by = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).unwrap())
            });
            Destination::parse(&Host::Engine, &headers.collect())
        };
        let both = |id, port| by(&[("e2b-sandbox-id", id), ("e2b-sandbox-port", port)]);
        assert_eq!(by(&[]), Ok(Destination::Engine));
        assert_eq!(both("ab1", "49999"), address("ab1", 49999));
        assert_eq!(by(&[("e2b-sandbox-id", "ab")]), Err(Unroutable("missing header")));
        assert_eq!(by(&[("e2b-sandbox-port", "1")]), Err(Unroutable("missing header")));
        for id in ["", "AB", "a-b", "a/b", "é"] {
            assert_eq!(both(id, "1"), Err(Unroutable("Invalid sandbox ID")), "{id}");
        }
        for port in ["", "x", "+1", "-1", "70000", "1 "] {
            assert!(both("ab", port).is_err(), "{port}");
        }
    }

    #[test]
    fn by_name() {
        let by = |label| Destination::parse(&Host::Sandbox(label), &HeaderMap::new());
        assert_eq!(by("49999-ab"), address("ab", 49999));
        assert_eq!(by("3000-ab-client-x"), address("ab", 3000));
        assert_eq!(by("x-ab"), Err(Unroutable("Invalid sandbox port")));
        assert_eq!(by("1-"), Err(Unroutable("Invalid sandbox ID")));
    }
}
