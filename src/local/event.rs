//! The lines of an execution's answer.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use bytes::{BufMut, BytesMut};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};
use serde_json::value::RawValue;

use super::output::Stream;

/// Readers of JSON refuse deeper values as a whole.
const MAX_DEPTH: usize = 100;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Event {
    #[serde(rename = "number_of_executions")]
    Count {
        execution_count: u64,
    },
    Stdout {
        text: String,
        timestamp: String,
    },
    Stderr {
        text: String,
        timestamp: String,
    },
    Result(Box<Representations>),
    Error {
        name: String,
        value: String,
        traceback: String,
    },
    /// The variables of the context are gone.
    #[serde(rename = "state_lost")]
    StateLost,
    Keepalive,
    #[serde(rename = "end_of_execution")]
    End {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
}

impl Event {
    pub(super) fn text((stream, text): (Stream, String)) -> Self {
        let timestamp = jiff::Timestamp::now().to_string();
        match stream {
            Stream::Stdout => Self::Stdout { text, timestamp },
            Stream::Stderr => Self::Stderr { text, timestamp },
        }
    }

    pub(super) fn error(name: &str, value: impl Into<String>) -> Self {
        Self::Error { name: name.to_owned(), value: value.into(), traceback: String::new() }
    }

    /// The length of the line that is written, in bytes.
    pub(super) fn size(&self) -> usize {
        let mut count = Length(0);
        // What cannot be serialised is not written either.
        let _ = self.serialize(&mut Serializer::with_formatter(&mut count, Ascii));
        count.0 + 1
    }

    /// The event as one line of the answer.
    pub(super) fn write(&self, lines: &mut BytesMut) {
        let start = lines.len();
        match self.serialize(&mut Serializer::with_formatter(lines.writer(), Ascii)) {
            Ok(()) => lines.put_u8(b'\n'),
            // Nothing here can fail to serialise; half a line would be worse than none.
            Err(_) => lines.truncate(start),
        }
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Escapes what is not ASCII. E2B's JavaScript client decodes each piece that the connection delivers by itself, and
/// would lose a character whose bytes come in two of them.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_ascii(writer, fragment)
    }

    /// In JSON, what is not ASCII stands in a string.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_ascii(writer, fragment)
    }
}

fn write_ascii<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    if text.is_ascii() {
        return writer.write_all(text.as_bytes());
    }
    let mut rest = text;
    while let Some(at) = rest.find(|char: char| !char.is_ascii()) {
        let (ascii, other) = rest.split_at(at);
        writer.write_all(ascii.as_bytes())?;
        let mut chars = other.chars();
        for unit in chars.next().into_iter().flat_map(|char| char.encode_utf16(&mut [0; 2]).to_vec()) {
            write!(writer, "\\u{unit:04x}")?;
        }
        rest = chars.as_str();
    }
    writer.write_all(rest.as_bytes())
}

/// A result in all its representations.
#[derive(Default, Serialize)]
pub(super) struct Representations {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(flatten)]
    known: BTreeMap<&'static str, Content>,
    extra: BTreeMap<String, Content>,
    is_main_result: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Json(Box<RawValue>),
}

impl Representations {
    /// Sorts what the driver sent by MIME type into the fields of the answer.
    pub(super) fn new(data: BTreeMap<String, String>, is_main_result: bool) -> Self {
        let mut result = Self { is_main_result, ..Self::default() };
        for (mime, content) in data {
            let field = match mime.as_str() {
                "text/plain" => {
                    result.text = Some(without_quotes(content));
                    continue;
                }
                "text/html" => "html",
                "text/markdown" => "markdown",
                "text/latex" => "latex",
                "image/svg+xml" => "svg",
                "image/png" => "png",
                "image/jpeg" => "jpeg",
                "application/pdf" => "pdf",
                "application/javascript" => "javascript",
                "application/json" => "json",
                "e2b/data" => "data",
                "e2b/chart" => "chart",
                _ => {
                    if let Some(content) = Content::new(content, mime.ends_with("+json")) {
                        result.extra.insert(mime, content);
                    }
                    continue;
                }
            };
            let is_json = matches!(field, "json" | "data" | "chart");
            if let Some(content) = Content::new(content, is_json) {
                result.known.insert(field, content);
            }
        }
        result
    }
}

impl Content {
    /// JSON is passed on as it was written, so that keys keep their order, if every reader can take it.
    fn new(text: String, is_json: bool) -> Option<Self> {
        if !is_json {
            return Some(Self::Text(text));
        }
        let depth = Depth::deserialize(&mut serde_json::Deserializer::from_str(&text)).ok()?;
        if depth.0 > MAX_DEPTH {
            return None;
        }
        RawValue::from_string(text).ok().map(Self::Json)
    }
}

/// How deep a value nests. It is not built: it may be much larger than its text. Parsing bounds the recursion, and refuses
/// numbers that are none.
struct Depth(usize);

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Measure)
    }
}

struct Measure;

impl<'de> Visitor<'de> for Measure {
    type Value = Depth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some(Depth(depth)) = items.next_element()? {
            deepest = deepest.max(depth);
        }
        Ok(Depth(deepest + 1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some((IgnoredAny, Depth(depth))) = fields.next_entry()? {
            deepest = deepest.max(depth);
        }
        Ok(Depth(deepest + 1))
    }
}

/// The service this answers like cuts the quotes of a text that starts and ends with the same one.
fn without_quotes(text: String) -> String {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Event, Representations};
    use std::collections::BTreeMap;

    fn line(data: &[(&str, &str)]) -> String {
        let data: BTreeMap<_, _> = data.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let mut bytes = bytes::BytesMut::new();
        Event::Result(Box::new(Representations::new(data, true))).write(&mut bytes);
        String::from_utf8(bytes.to_vec()).unwrap_or_default()
    }

    #[test]
    fn a_result_has_its_fields_and_always_extra() {
        assert_eq!(
            line(&[("text/plain", "'a'"), ("application/json", "{\"b\":1,\"a\":2}"), ("x/y+json", "[1]")]),
            "{\"type\":\"result\",\"text\":\"a\",\"json\":{\"b\":1,\"a\":2},\"extra\":{\"x/y+json\":[1]},\"is_main_result\":true}\n"
        );
        assert_eq!(line(&[]), "{\"type\":\"result\",\"extra\":{},\"is_main_result\":true}\n");
    }

    #[test]
    fn json_that_a_reader_would_refuse_is_left_out() {
        let deep = format!("{}{}", "[".repeat(110), "]".repeat(110));
        for bad in [deep.as_str(), "1e999", "[{\"a\":-1e999}]", "nonsense", "[1", "1 2", "\"\\ud800\"", "{1:2}"] {
            assert_eq!(line(&[("application/json", bad)]), line(&[]), "{bad}");
        }
        for good in ["null", "[true,-1,2.5,18446744073709551615,\"a\\n\",{\"b\":{}}]", &deep[10..210]] {
            assert!(line(&[("application/json", good)]).contains(&format!("\"json\":{good},")), "{good}");
        }
    }

    #[test]
    fn every_line_is_ascii() {
        assert_eq!(
            line(&[("text/plain", "é\n🙂"), ("application/json", "{\"ü\":\"\\n漢\"}"), ("text/é", "")]),
            "{\"type\":\"result\",\"text\":\"\\u00e9\\n\\ud83d\\ude42\",\"json\":{\"\\u00fc\":\"\\n\\u6f22\"},\
             \"extra\":{\"text/\\u00e9\":\"\"},\"is_main_result\":true}\n"
        );
    }

    #[test]
    fn quotes_are_cut_once_and_in_pairs() {
        for (given, expected) in [("'a'", "a"), ("\"a\"", "a"), ("'a\"", "'a\\\""), ("'", "'"), ("''", "")] {
            assert!(line(&[("text/plain", given)]).contains(&format!("\"text\":\"{expected}\"")), "{given}");
        }
    }

    #[test]
    fn an_end_names_its_reason_or_nothing() {
        let mut bytes = bytes::BytesMut::new();
        Event::End { reason: None }.write(&mut bytes);
        Event::End { reason: Some("timeout") }.write(&mut bytes);
        Event::Keepalive.write(&mut bytes);
        assert_eq!(
            bytes.as_ref(),
            b"{\"type\":\"end_of_execution\"}\n{\"type\":\"end_of_execution\",\"reason\":\"timeout\"}\n{\"type\":\"keepalive\"}\n"
        );
    }
}
