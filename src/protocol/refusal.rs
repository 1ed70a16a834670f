//! An answer whose status is an error.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use super::Place;
use crate::{
    config::redact,
    error::{Error, ErrorKind},
    retry::Failure,
};

/// What an answer with an error status says.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    /// A 404 that speaks of a sandbox, not of a route that the service lacks.
    says_no_sandbox: bool,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    should_retry: Option<bool>,
}

impl Refusal {
    /// `secrets` are taken out of what the server wrote: some repeat the key they were sent.
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8], secrets: &[&str]) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            says_no_sandbox: says_no_sandbox(status, body),
            message: shorten(redact(message(status, headers, body), secrets).trim()).into_owned(),
            request_id: ["x-request-id", "x-amzn-requestid", "x-amz-cf-id", "cf-ray"]
                .into_iter()
                .find_map(text)
                .map(|id| redact(id.to_owned(), secrets)),
            retry_after: text("retry-after").and_then(|value| parse_retry_after(value, SystemTime::now())),
            should_retry: text("should-retry").and_then(|value| value.parse().ok()),
        }
    }

    pub(crate) fn failure(&self) -> Failure {
        Failure::Status { code: self.status.as_u16(), retry_after: self.retry_after, should_retry: self.should_retry }
    }

    pub(crate) fn into_error(self, place: Place) -> Error {
        let (kind, hint) = classify(self.status, place, &self.message);
        let error = Error::new(kind, self.message)
            .with_status(self.status.as_u16())
            .with_request_id(self.request_id)
            .with_retry_after(self.retry_after)
            .says_no_sandbox(self.says_no_sandbox);
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

fn classify(status: StatusCode, place: Place, message: &str) -> (ErrorKind, &'static str) {
    match status.as_u16() {
        401 => (ErrorKind::Authentication, "check the API key, and that it belongs to this service"),
        403 => (ErrorKind::PermissionDenied, "the key is known and may not do this"),
        404 if place == Place::Sandbox && message.starts_with("Context ") => {
            (ErrorKind::NotFound, "`contexts().list()` tells which there are; code without a context has a default one")
        }
        404 => (ErrorKind::NotFound, ""),
        409 if place == Place::Sandbox && message.contains("is paused") => {
            (ErrorKind::SandboxPaused, "it keeps its state")
        }
        409 => (ErrorKind::Conflict, "wait until the sandbox has changed its state"),
        429 => (ErrorKind::RateLimited, "wait, or use fewer sandboxes at once"),
        499 => (ErrorKind::Unavailable, "something between here and the server gave up; try again"),
        408 => (ErrorKind::Unavailable, "the server waited too long for the request; try again"),
        405 | 501 | 505 => (ErrorKind::Unsupported, "this service does not offer it"),
        400..=498 => (ErrorKind::InvalidRequest, ""),
        502 if place == Place::Sandbox && message.contains("was not found") => {
            (ErrorKind::SandboxGone, "it was killed or reached the end of its life; create another")
        }
        502..=504 => (ErrorKind::Unavailable, "the service cannot answer at the moment; try again later"),
        507 => (ErrorKind::NotEnoughSpace, "make room, or send less"),
        500..=599 => (ErrorKind::Server, "the server failed"),
        300..=399 => (
            ErrorKind::Protocol,
            "redirects are not followed, since the key would go along; configure the address it leads to",
        ),
        _ => (ErrorKind::Protocol, "check that the address is that of a code-interpreter service"),
    }
}

/// The server's own words: the `message` of a JSON body, else the text, cut to a readable length.
fn message(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(target) = headers.get("location").filter(|_| status.is_redirection()) {
        return format!("the server redirects to {}", String::from_utf8_lossy(target.as_bytes()));
    }
    let from_json = serde_json::from_slice::<Value>(body).ok().and_then(|value| {
        let said = ["message", "detail", "error", "msg"].into_iter().find_map(|name| value.get(name))?;
        match said {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            Value::Object(inner) => inner.get("message").and_then(Value::as_str).map(str::to_owned),
            other => Some(other.to_string()),
        }
    });
    let text = from_json.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    if text.trim().is_empty() { status.canonical_reason().unwrap_or("no reason given").to_owned() } else { text }
}

fn says_no_sandbox(status: StatusCode, body: &[u8]) -> bool {
    // Frameworks answer for a missing route with text that repeats the path, or with JSON that does not.
    let is_object = serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object());
    status == StatusCode::NOT_FOUND && is_object && String::from_utf8_lossy(body).to_lowercase().contains("sandbox")
}

fn shorten(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 1000;
    match text.char_indices().nth(LONGEST) {
        None => text.into(),
        Some((end, _)) => format!("{} [and {} more bytes]", &text[..end], text.len() - end).into(),
    }
}

/// Either form of the header: seconds, or a date.
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    Some(SystemTime::from(date.timestamp()).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &[u8]) -> Refusal {
        Refusal::new(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body, &["e2b_0123456789abc"])
    }

    fn kind(status: u16, place: Place) -> ErrorKind {
        refusal(status, b"").into_error(place).kind()
    }

    #[test]
    fn every_status_has_a_kind() {
        use ErrorKind::*;
        let table = [
            (302, Protocol),
            (400, InvalidRequest),
            (401, Authentication),
            (403, PermissionDenied),
            (404, NotFound),
            (405, Unsupported),
            (409, Conflict),
            (413, InvalidRequest),
            (422, InvalidRequest),
            (429, RateLimited),
            (499, Unavailable),
            (500, Server),
            (501, Unsupported),
            (502, Unavailable),
            (503, Unavailable),
            (504, Unavailable),
            (507, NotEnoughSpace),
        ];
        for (status, expected) in table {
            assert_eq!(kind(status, Place::Control), expected, "{status}");
        }
        let kind_of =
            |place| refusal(409, br#"{"message":"Sandbox \"x\" is paused; resume it"}"#).into_error(place).kind();
        assert_eq!([kind_of(Place::Sandbox), kind_of(Place::Control)], [SandboxPaused, Conflict]);
        let kind_of = |body: &[u8]| refusal(502, body).into_error(Place::Sandbox).kind();
        assert_eq!(kind_of(br#"{"sandboxId":"x","message":"The sandbox was not found","code":502}"#), SandboxGone);
        assert_eq!(kind_of(br#"{"message":"The sandbox is running but port is not open"}"#), Unavailable);
        assert_eq!(kind_of(b"<html>Bad Gateway</html>"), Unavailable);
        for status in 300..=999 {
            kind(status, Place::Sandbox);
        }
    }

    #[test]
    fn the_servers_words_are_kept_whatever_their_form() {
        let said = |body: &[u8]| refusal(400, body).message;
        assert_eq!(said(br#"{"code":400,"message":"no such thing"}"#), "no such thing");
        assert_eq!(said(br#"{"detail":[{"loc":["code"]}]}"#), r#"[{"loc":["code"]}]"#);
        assert_eq!(said(br#"{"error":{"message":"inner"}}"#), "inner");
        assert_eq!(said(b"<html>oops</html>\n"), "<html>oops</html>");
        assert_eq!(said(b""), "Bad Request");
        assert_eq!(said(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert!(said("é".repeat(5000).as_bytes()).len() < 2100);
    }

    #[test]
    fn a_key_that_is_repeated_is_taken_out_also_where_the_text_is_cut() {
        assert_eq!(refusal(401, b"no such key: e2b_0123456789abc").message, "no such key: [redacted]");
        let long = format!("{}e2b_0123456789abc", "x".repeat(990));
        assert!(!refusal(401, long.as_bytes()).message.contains("e2b_01"));
    }

    #[test]
    fn a_missing_route_is_not_a_missing_sandbox() {
        assert!(refusal(404, br#"{"message":"Sandbox \"x\" doesn't exist"}"#).says_no_sandbox);
        for route in [&b"Cannot GET /sandboxes/x"[..], br#"{"detail":"Not Found"}"#, b"", b"<html>sandbox</html>"] {
            assert!(!refusal(404, route).says_no_sandbox);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::from("2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap());
        let parse = |value| parse_retry_after(value, now);
        assert_eq!(parse("3"), Some(Duration::from_secs(3)));
        assert_eq!(parse("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(parse("Thu, 01 Jan 2026 00:00:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(parse("Wed, 31 Dec 2025 00:00:00 GMT"), Some(Duration::ZERO));
        for bad in ["", "-1", "soon", "NaN", "inf"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
