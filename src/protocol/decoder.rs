//! The bytes of an execution's answer become events.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::{
    MAX_ANSWER,
    event::{Line, decode_line, is_event, parse_json},
    object::events_of,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::Event,
};

/// Reads an answer of either form: a stream of lines, or one object.
///
/// Lines are decoded only as events are asked for, so what a reader does not take stays small.
#[derive(Debug)]
pub(crate) struct Decoder {
    one_object: bool,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end, so that a long line is searched once.
    searched: usize,
    ready: VecDeque<Event>,
    /// A first line without a type: the result, unless another line follows.
    alone: Option<serde_json::Value>,
    /// How many lines came that are not just ignored.
    lines: u64,
    seen_any: bool,
    /// Whether the form is known for sure.
    decided: bool,
    end: Option<End>,
}

/// How a complete answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The server's deadline ran out.
    pub(crate) timed_out: bool,
}

impl Decoder {
    pub(crate) fn new(content_type: Option<&str>) -> Self {
        let mime = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        Self {
            one_object: mime.eq_ignore_ascii_case("application/json"),
            buffer: BytesMut::new(),
            searched: 0,
            ready: VecDeque::new(),
            alone: None,
            lines: 0,
            seen_any: false,
            decided: false,
            end: None,
        }
    }

    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<()> {
        self.buffer.extend_from_slice(&bytes);
        // In a stream, complete lines may lie before the one that is too long; `next` finds out.
        if self.one_object && self.buffer.len() > MAX_ANSWER { Err(too_large()) } else { Ok(()) }
    }

    /// Whether this is a stream of which something has come.
    pub(crate) fn is_streaming(&self) -> bool {
        self.seen_any && self.alone.is_none()
    }

    /// How the answer ended, once it has.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.filter(|_| self.ready.is_empty())
    }

    /// The next event that is complete.
    pub(crate) fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.one_object && self.is_mislabelled_stream() {
                self.one_object = false;
            }
            if self.one_object || self.end.is_some() {
                return Ok(None);
            }
            let Some(line) = self.take_line()? else { return Ok(None) };
            if self.is_start_of_object(&line) {
                self.one_object = true;
                self.decided = true;
                let rest = std::mem::take(&mut self.buffer);
                self.buffer.extend_from_slice(&line);
                self.buffer.extend_from_slice(b"\n");
                self.buffer.extend_from_slice(&rest);
                return Ok(None);
            }
            self.read_line(&line)?;
        }
    }

    /// Takes the end of the answer's bytes; what was unfinished is now whole, or will never be.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let rest = self.buffer.split();
        self.searched = 0;
        if self.one_object {
            return self.replay(parse_json(without_mark(&rest).trim_ascii())?);
        }
        // A last line without a line end counts if it is whole.
        let is_whole = |line: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
        if self.end.is_none() && !rest.trim_ascii().is_empty() && (is_whole(&rest) || is_whole(without_mark(&rest))) {
            self.read_line(&rest)?;
        }
        match self.alone.take() {
            Some(value) if self.lines == 1 => self.replay(value),
            _ => Ok(()),
        }
    }

    fn replay(&mut self, value: serde_json::Value) -> Result<()> {
        self.ready.extend(events_of(value)?);
        self.end = Some(End { timed_out: false });
        Ok(())
    }

    fn take_line(&mut self) -> Result<Option<Bytes>> {
        let found = memchr::memchr(b'\n', &self.buffer[self.searched..]);
        let length = found.map_or(self.buffer.len(), |at| self.searched + at);
        if length > MAX_ANSWER {
            return Err(too_large());
        }
        if found.is_none() {
            self.searched = length;
            return Ok(None);
        }
        self.searched = 0;
        let line = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        Ok(Some(line))
    }

    /// Whether what should be one object starts with the line of an event: some servers give a stream this type.
    fn is_mislabelled_stream(&mut self) -> bool {
        if self.decided {
            return false;
        }
        let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return false;
        };
        let first_line = &self.buffer[..self.searched + at];
        self.decided = true;
        self.searched = 0;
        is_event(without_mark(first_line))
    }

    /// Whether this line is the first one of an object that is spread over several.
    fn is_start_of_object(&self, line: &[u8]) -> bool {
        let line = without_mark(line).trim_ascii();
        !self.seen_any && line.starts_with(b"{") && !line.ends_with(b"}")
    }

    fn read_line(&mut self, line: &[u8]) -> Result<()> {
        let line = if self.seen_any { line } else { without_mark(line) }.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let decoded = decode_line(line)?;
        self.seen_any = true;
        self.lines += u64::from(decoded != Line::Ignored);
        match decoded {
            Line::Event(event) => self.ready.push_back(event),
            Line::End { timed_out } => self.end = Some(End { timed_out }),
            Line::Untyped(value) if self.lines == 1 => self.alone = Some(value),
            Line::Untyped(_) | Line::Ignored => {}
        }
        Ok(())
    }
}

/// The bytes without the mark that some write before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

fn too_large() -> Error {
    Error::new(ErrorKind::TooLarge, format!("the answer has a piece of more than {} MiB", MAX_ANSWER >> 20))
        .hint("let the code write it to a file, and read that in parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = "{\"type\":\"number_of_executions\",\"execution_count\":1}\r\n\n\
        {\"type\":\"stdout\",\"text\":\"h\u{e9}\\n\"}\n{\"type\":\"keepalive\"}\n\
        {\"type\":\"result\",\"text\":\"2\",\"is_main_result\":true}\n{\"type\":\"end_of_execution\"}\nignored after the end"
        .as_bytes();

    /// All events of an answer that comes in these pieces.
    fn decode<'a>(
        content_type: Option<&str>,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(Vec<Event>, Option<End>)> {
        let mut decoder = Decoder::new(content_type);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(Bytes::copy_from_slice(piece))?;
            while let Some(event) = decoder.next()? {
                events.push(event);
            }
        }
        decoder.finish()?;
        while let Some(event) = decoder.next()? {
            events.push(event);
        }
        Ok((events, decoder.end()))
    }

    #[test]
    fn a_stream_is_the_same_wherever_it_is_cut() {
        let whole = decode(None, [STREAM]).unwrap();
        assert_eq!(whole.0.len(), 3);
        assert_eq!(whole.1, Some(End { timed_out: false }));
        for at in 0..STREAM.len() {
            assert_eq!(decode(None, [&STREAM[..at], &STREAM[at..]]).unwrap(), whole, "cut at {at}");
        }
        assert_eq!(decode(None, STREAM.chunks(1)).unwrap(), whole);
    }

    #[test]
    fn a_stream_cut_short_has_no_end() {
        let length = STREAM.len() - "{\"type\":\"end_of_execution\"}\nignored after the end".len();
        for at in 0..length {
            assert_eq!(decode(None, [&STREAM[..at]]).unwrap().1, None, "cut at {at}");
        }
    }

    #[test]
    fn one_object_by_type_or_by_standing_alone() {
        let object: &[u8] = b"{\"stdout\":\"2\\n\",\n\"error\":null}";
        let (events, end) = decode(Some("application/json; charset=utf-8"), [object]).unwrap();
        assert_eq!((events.len(), end.is_some()), (1, true));
        for alone in [&b"{\"stdout\":\"2\\n\"}"[..], b"{\"stdout\":\"2\\n\"}\n", b"\n{\"stdout\":\"2\\n\"}\n\n"] {
            for content_type in [None, Some("text/plain")] {
                let (events, end) = decode(content_type, [alone]).unwrap();
                assert_eq!((events.len(), end.is_some()), (1, true));
            }
        }
        let (events, end) = decode(None, [&b"{\"stdout\":\"2\"}\n{\"stdout\":\"3\"}\n"[..]]).unwrap();
        assert_eq!((events.len(), end), (0, None));
        for spread in
            [&b"{\n  \"stdout\": \"2\"\n}\n"[..], "\u{feff}{\"stdout\":\"2\"}".as_bytes(), br#"{"stdout":"\ud800"}"#]
        {
            for content_type in [None, Some("application/json")] {
                let (events, end) = decode(content_type, [spread]).unwrap();
                assert_eq!((events.len(), end.is_some()), (1, true));
            }
        }
        let (events, _) = decode(None, [&b"{\"type\":\"keepalive\"}\n{\"stdout\":\"2\"}\n"[..]]).unwrap();
        assert_eq!(events.len(), 1);
        assert!(decode(Some("application/json"), [&b"{\"stdout\""[..]]).is_err());
        assert!(decode(Some("application/json"), [&b""[..]]).is_err());
        assert_eq!(decode(Some("application/json"), [STREAM]).unwrap(), decode(None, [STREAM]).unwrap());
    }

    #[test]
    fn a_long_line_is_taken_and_one_too_long_is_not() {
        let piece = vec![b'x'; 1 << 20];
        let feed = |megabytes: usize| {
            let mut decoder = Decoder::new(None);
            decoder.push(Bytes::from_static(b"{\"type\":\"stdout\",\"text\":\"")).unwrap();
            for _ in 0..megabytes {
                decoder.push(Bytes::copy_from_slice(&piece)).unwrap();
                assert!(decoder.next()?.is_none());
            }
            decoder.push(Bytes::from_static(b"\"}\n")).unwrap();
            decoder.next()
        };
        assert!(matches!(feed(50), Ok(Some(Event::Stdout(chunk))) if chunk.text.len() == 50 << 20));
        assert_eq!(feed(129).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
