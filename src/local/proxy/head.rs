//! What a program asks a proxy for.

/// A longer head is none.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;

/// Whether what was read since `from` may have ended a head, or made it too long.
pub(super) fn may_end(read: &[u8], from: usize) -> bool {
    let fresh = read.get(from.saturating_sub(3)..).unwrap_or_default();
    read.len() >= MAX_HEAD || fresh.windows(2).any(|end| end == b"\n\n") || fresh.windows(3).any(|end| end == b"\n\r\n")
}

pub(super) enum Parsed {
    Whole(Head),
    Partial,
    Malformed,
}

/// A request's first part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How much of what was read it takes.
    pub(super) length: usize,
    pub(super) host: String,
    pub(super) port: u16,
    /// What the server is to get in its place; nothing for a tunnel.
    pub(super) forwarded: Option<Vec<u8>>,
}

impl Head {
    pub(super) fn parse(read: &[u8]) -> Parsed {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(read) {
            Ok(httparse::Status::Complete(length)) => {
                Self::of(&request, length).map_or(Parsed::Malformed, Parsed::Whole)
            }
            Ok(httparse::Status::Partial) if read.len() < MAX_HEAD => Parsed::Partial,
            _ => Parsed::Malformed,
        }
    }

    fn of(request: &httparse::Request<'_, '_>, length: usize) -> Option<Self> {
        let (method, target) = (request.method?, request.path?);
        if method == "CONNECT" {
            let (host, port) = authority(target)?;
            return Some(Self { length, host, port: port?, forwarded: None });
        }
        let rest = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and(target.get(7..))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (place, path) = rest.split_at(end);
        let (host, port) = authority(place)?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut forwarded = format!("{method} {slash}{path} HTTP/1.1\r\n").into_bytes();
        for header in request.headers.iter().filter(|header| !is_for_proxy(header.name)) {
            forwarded.extend_from_slice(header.name.as_bytes());
            forwarded.extend_from_slice(b": ");
            forwarded.extend_from_slice(header.value);
            forwarded.extend_from_slice(b"\r\n");
        }
        // One request a connection: the next one may be for another host.
        forwarded.extend_from_slice(b"Connection: close\r\n\r\n");
        Some(Self { length, host, port: port.unwrap_or(80), forwarded: Some(forwarded) })
    }
}

fn is_for_proxy(name: &str) -> bool {
    ["connection", "proxy-connection", "proxy-authorization", "keep-alive"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// `host`, `host:port` or `[address]:port`.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = !host.is_empty() && !host.contains(['@', '/', '%', ' ']);
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None => None,
    };
    is_host.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Head> {
        match Head::parse(text.as_bytes()) {
            Parsed::Whole(head) => Some(head),
            _ => None,
        }
    }

    #[test]
    fn tunnels() {
        let head = whole("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\nhello").unwrap();
        assert_eq!((head.host.as_str(), head.port, head.forwarded), ("example.org", 443, None));
        let head = whole("CONNECT [::1]:80 HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((head.host.as_str(), head.port, head.length), ("::1", 80, 29));
    }

    #[test]
    fn plain_requests() {
        let head =
            whole("GET http://a.b:8080/c?d HTTP/1.1\r\nHost: a.b\r\nProxy-Connection: keep-alive\r\n\r\n").unwrap();
        assert_eq!((head.host.as_str(), head.port), ("a.b", 8080));
        assert_eq!(
            String::from_utf8(head.forwarded.unwrap()).unwrap(),
            "GET /c?d HTTP/1.1\r\nHost: a.b\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(whole("POST HTTP://a?b HTTP/1.1\r\n\r\n").unwrap().port, 80);
    }

    #[test]
    fn what_is_not_one() {
        for bad in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\n\r\n",
            "CONNECT example.org HTTP/1.1\r\n\r\n",
            "CONNECT example.org:0 HTTP/1.1\r\n\r\n",
            "CONNECT example.org:99999 HTTP/1.1\r\n\r\n",
            "CONNECT user@host:1 HTTP/1.1\r\n\r\n",
            "GET http:///x HTTP/1.1\r\n\r\n",
            "\x16\x03\x01",
        ] {
            assert!(matches!(Head::parse(bad.as_bytes()), Parsed::Malformed), "{bad}");
        }
        assert!(matches!(Head::parse(b"GET http://a/ HT"), Parsed::Partial));
        let (start, end) = (b"GET http://a/ HTTP/1.1\r\nA: b\r", b"GET http://a/ HTTP/1.1\r\nA: b\r\n\r\n");
        assert!(!may_end(start, start.len() - 1));
        assert!((start.len()..end.len()).all(|from| may_end(end, from)) && may_end(b"GET /\n\nrest", 3));
        let long = format!("GET http://a/ HTTP/1.1\r\nX: {}", "y".repeat(MAX_HEAD));
        assert!(matches!(Head::parse(long.as_bytes()), Parsed::Malformed));
    }
}
