//! One line of an execution's stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorKind, Result},
    model::{Chunk, Event, ExecutionError, Output},
};

/// What a line is.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Event(Event),
    /// The end, and whether it came because the server's deadline ran out.
    End {
        timed_out: bool,
    },
    /// A keep-alive, or a type that this crate does not know.
    Ignored,
    /// JSON without a `type`: the whole result, if the line stands alone.
    Untyped(Value),
}

/// The lines that come in great numbers, read without building a tree.
#[derive(Deserialize)]
struct Printed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    text: String,
    timestamp: Option<String>,
}

pub(super) fn decode_line(line: &[u8]) -> Result<Line> {
    if let Ok(Printed { kind, text, timestamp }) = serde_json::from_slice(line) {
        match &*kind {
            "stdout" => return Ok(Line::Event(Event::Stdout(Chunk::new(text, timestamp)))),
            "stderr" => return Ok(Line::Event(Event::Stderr(Chunk::new(text, timestamp)))),
            _ => {}
        }
    }
    let value = parse_json(line)?;
    let Value::Object(mut fields) = value else { return Ok(Line::Untyped(value)) };
    let Some(kind) = fields.get("type").and_then(Value::as_str).map(str::to_owned) else {
        return Ok(Line::Untyped(Value::Object(fields)));
    };
    Ok(match kind.as_str() {
        "stdout" => Line::Event(Event::Stdout(chunk(&mut fields))),
        "stderr" => Line::Event(Event::Stderr(chunk(&mut fields))),
        "result" => {
            fields.remove("type");
            Line::Event(Event::Output(output(fields)))
        }
        "error" => Line::Event(Event::Error(execution_error(&mut fields))),
        "state_lost" => Line::Event(Event::StateLost),
        "number_of_executions" => match fields.get("execution_count").and_then(Value::as_u64) {
            Some(count) => Line::Event(Event::Started(count)),
            None => Line::Ignored,
        },
        "end_of_execution" => Line::End { timed_out: fields.get("reason").and_then(Value::as_str) == Some("timeout") },
        _ => Line::Ignored,
    })
}

/// Whether a line is an event of a kind that this crate knows.
pub(super) fn is_event(line: &[u8]) -> bool {
    matches!(decode_line(line.trim_ascii()), Ok(Line::Event(_) | Line::End { .. }))
}

/// Parses JSON, with text that is broken mended.
pub(super) fn parse_json(bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).or_else(|cause| parse_mended(bytes).ok_or_else(|| not_json(bytes, cause)))
}

fn chunk(fields: &mut Map<String, Value>) -> Chunk {
    let timestamp = fields.remove("timestamp").filter(|value| !value.is_null()).map(text);
    Chunk::new(fields.remove("text").map(text).unwrap_or_default(), timestamp)
}

/// The forms of a value: known fields get their MIME types, unknown ones keep their names.
pub(super) fn output(fields: Map<String, Value>) -> Output {
    let mut output = Output::default();
    for (name, value) in fields {
        let mime = match name.as_str() {
            _ if value.is_null() => continue,
            "is_main_result" => {
                output.is_main = value.as_bool().unwrap_or(false);
                continue;
            }
            "extra" => {
                if let Value::Object(extra) = value {
                    output.data.extend(extra.into_iter().filter(|(_, value)| !value.is_null()));
                }
                continue;
            }
            "text" => "text/plain",
            "html" => "text/html",
            "markdown" => "text/markdown",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "jpeg" => "image/jpeg",
            "pdf" => "application/pdf",
            "latex" => "text/latex",
            "json" => "application/json",
            "javascript" => "application/javascript",
            "data" => "e2b/data",
            "chart" => "e2b/chart",
            other => other,
        };
        output.data.insert(mime.to_owned(), value);
    }
    output
}

pub(super) fn execution_error(fields: &mut Map<String, Value>) -> ExecutionError {
    let mut take = |name: &str| fields.remove(name).map(text).unwrap_or_default();
    ExecutionError { name: take("name"), value: take("value"), traceback: take("traceback") }
}

/// Text, whether it came as a string, as a list of strings or as something else.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(items) => items.into_iter().map(text).collect(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Parses a line that is JSON but for its text: bytes that are not UTF-8, and escapes of half a surrogate pair (which
/// Python's `json` writes). Both become U+FFFD, so that the rest is not lost.
fn parse_mended(line: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(line);
    serde_json::from_str(&text).or_else(|_| serde_json::from_str(&mend_surrogates(&text))).ok()
}

fn mend_surrogates(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let (kept, length) = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&rest[..12], 12),
            (Some(_), _) => ("\\ufffd", 6),
            // Any other escape: its backslash and what that escapes, so that `\\ud800` is left alone.
            (None, _) => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                (&rest[..length], length)
            }
        };
        mended.push_str(kept);
        rest = &rest[length..];
    }
    mended + rest
}

/// The value of the escape of a surrogate that the text starts with.
fn surrogate(text: &str) -> Option<u32> {
    let code = u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

fn not_json(line: &[u8], cause: serde_json::Error) -> Error {
    let shown: String = String::from_utf8_lossy(&line[..line.len().min(400)]).chars().take(100).collect();
    Error::new(ErrorKind::Protocol, format!("the answer, or a line of it, is not JSON: {shown:?}"))
        .hint("check that the address is that of a code-interpreter service, with nothing in between that rewrites answers")
        .with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        match decode_line(line.as_bytes()).unwrap() {
            Line::Event(event) => event,
            other => panic!("{line} is {other:?}"),
        }
    }

    fn printed(line: &[u8]) -> String {
        match decode_line(line).unwrap() {
            Line::Event(Event::Stdout(chunk)) => chunk.text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_as_the_official_server_writes_them() {
        assert_eq!(event(r#"{"type": "number_of_executions", "execution_count": 1}"#), Event::Started(1));
        assert_eq!(event(r#"{"type":"state_lost"}"#), Event::StateLost);
        assert_eq!(
            event(r#"{"type": "stdout", "text": "h\u00e9\n", "timestamp": "2026-11-22T20:54:56.088526+00:00"}"#),
            Event::Stdout(Chunk::new("hé\n".into(), Some("2026-11-22T20:54:56.088526+00:00".into())))
        );
        let Event::Output(output) = event(
            r#"{"type": "result", "text": "quoted", "json": [1, 2], "png": null, "extra": {"application/vnd.custom": "zz"}, "is_main_result": true}"#,
        ) else {
            panic!()
        };
        assert!(output.is_main);
        assert_eq!(output.text(), Some("quoted"));
        assert_eq!(output.json(), Some(&serde_json::json!([1, 2])));
        assert_eq!(output.get("application/vnd.custom").unwrap(), "zz");
        assert_eq!(output.png(), None);
        assert_eq!(decode_line(br#"{"type": "end_of_execution"}"#).unwrap(), Line::End { timed_out: false });
        assert_eq!(
            decode_line(br#"{"type":"end_of_execution","reason":"timeout"}"#).unwrap(),
            Line::End { timed_out: true }
        );
    }

    #[test]
    fn what_is_unknown_is_kept_or_ignored() {
        for line in [r#"{"type":"keepalive"}"#, r#"{"type":"brand_new","x":{}}"#, r#"{"type":"number_of_executions"}"#]
        {
            assert_eq!(decode_line(line.as_bytes()).unwrap(), Line::Ignored);
        }
        let Event::Output(output) = event(r#"{"type":"result","hologram":"abc","is_main_result":false}"#) else {
            panic!()
        };
        assert_eq!(output.get("hologram").unwrap(), "abc");
        assert_eq!(printed(br#"{"type":"stdout","text":"a","timestamp":17,"colour":"red"}"#), "a");
        assert_eq!(printed(br#"{"type":"stdout","text":["a","b"]}"#), "ab");
        let Event::Error(error) = event(r#"{"type":"error","name":"E","value":null}"#) else { panic!() };
        assert_eq!((error.name.as_str(), error.value.as_str(), error.traceback.as_str()), ("E", "", ""));
    }

    #[test]
    fn bad_text_costs_no_more_than_itself() {
        assert_eq!(printed(b"{\"type\":\"stdout\",\"text\":\"a\xff\xe2b\"}"), "a\u{fffd}\u{fffd}b");
        assert_eq!(
            printed(br#"{"type":"stdout","text":"a\ud800b \ud83d\ude00 \udc00 \\ud800 \n"}"#),
            "a\u{fffd}b 😀 \u{fffd} \\ud800 \n"
        );
        assert_eq!(printed(br#"{"type":"stdout","text":"\ud800\ud83d\ude00"}"#), "\u{fffd}😀");
    }

    #[test]
    fn what_is_not_json_is_an_error_that_shows_it() {
        for line in ["<html>", "{", "{\"type\":\"stdout\"", "\\", "{\"a\":\\ud8", "{\"é\\u"] {
            let error = decode_line(line.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
        }
        assert!(decode_line(b"<html>").unwrap_err().to_string().contains("<html>"));
    }
}
