//! The name that a request was sent to.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A name of this machine's loopback interface, with the engine's port.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    Engine,
    /// The first label of `<label>.localhost`, which names a sandbox and a port in it.
    Sandbox(&'a str),
}

impl<'a> Host<'a> {
    /// `None` for every other name, and for other ports.
    pub(super) fn parse(host: &'a str, port: u16) -> Option<Self> {
        let (name, given) = match host.rsplit_once(':') {
            Some((name, given)) if !given.ends_with(']') => (name, given.parse().ok()),
            _ => (host, Some(80)),
        };
        if given != Some(port) {
            return None;
        }
        if is_loopback(name) {
            return Some(Self::Engine);
        }
        // Nobody can register a name in `.localhost`, and what resolves such names takes them to the loopback interface.
        let (label, domain) = name.split_once('.')?;
        if !domain.eq_ignore_ascii_case("localhost") {
            return None;
        }
        // The name for all sandboxes, which leaves it to headers which one is meant.
        if label.eq_ignore_ascii_case("sandbox") {
            return Some(Self::Engine);
        }
        label.contains('-').then_some(Self::Sandbox(label))
    }
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .is_some_and(|name| name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_engine() {
        for host in [
            "127.0.0.1:8080",
            "127.9.9.9:8080",
            "localhost:8080",
            "LOCALHOST:8080",
            "[::1]:8080",
            "sandbox.localhost:8080",
        ] {
            assert_eq!(Host::parse(host, 8080), Some(Host::Engine), "{host}");
        }
        assert!(Host::parse("localhost", 80).is_some() && Host::parse("[::1]", 80).is_some());
    }

    #[test]
    fn names_of_sandboxes() {
        assert_eq!(Host::parse("49999-ab.localhost:8080", 8080), Some(Host::Sandbox("49999-ab")));
        assert_eq!(Host::parse("49999-ab-x.LocalHost:8080", 8080), Some(Host::Sandbox("49999-ab-x")));
    }

    #[test]
    fn other_names() {
        for host in [
            "",
            ":8080",
            "127.0.0.1",
            "127.0.0.1:8081",
            "127.0.0.1:",
            "evil.com:8080",
            "localhost.evil.com:8080",
            "sandbox.evil.com:8080",
            "[::1]",
            "[::2]:8080",
            "::1:8080",
            "127.0.0.1.evil.com:8080",
            "0.0.0.0:8080",
            "49999-ab.localhost:8081",
            "49999-ab.localhost",
            "49999-ab.evil.com:8080",
            "49999-ab.localhost.evil.com:8080",
            "49999-ab.127.0.0.1:8080",
            "a.49999-ab.localhost:8080",
            "ab.localhost:8080",
        ] {
            assert_eq!(Host::parse(host, 8080), None, "{host}");
        }
    }
}
