//! What a kernel prints: bytes of two pipes become pieces of text.

use std::time::Duration;

use tokio::time::Instant;

use super::channel::Pipe;

/// Text waits this long for more, so that a loop of prints is not an event a line.
const PATIENCE: Duration = Duration::from_millis(2);
/// For the rest of a line it waits longer, as Jupyter's kernels do: `print` writes the end of a line by itself, and who
/// asks for lines has them, also from a busy machine.
const PATIENCE_FOR_LINE: Duration = Duration::from_millis(200);
/// Text of this size waits no longer.
const ENOUGH: usize = 64 * 1024;
/// No pipe holds more, so what was written before a result is within it.
const PIPE_SIZE: usize = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// Both pipes of a kernel, and the text of them that has not been passed on.
pub(super) struct Output {
    stdout: Pipe,
    stderr: Pipe,
    stdout_bytes: Vec<u8>,
    stderr_bytes: Vec<u8>,
    stdout_text: Utf8,
    stderr_text: Utf8,
    ready: Pieces,
    since: Option<Instant>,
}

impl Output {
    pub(super) fn new(stdout: Pipe, stderr: Pipe) -> Self {
        Self {
            stdout,
            stderr,
            stdout_bytes: Vec::new(),
            stderr_bytes: Vec::new(),
            stdout_text: Utf8::default(),
            stderr_text: Utf8::default(),
            ready: Pieces::default(),
            since: None,
        }
    }

    /// Waits for bytes of either pipe. Safe to cancel.
    pub(super) async fn read(&mut self) {
        let (stdout_open, stderr_open) = (self.stdout.is_open(), self.stderr.is_open());
        tokio::select! {
            () = self.stdout.read(&mut self.stdout_bytes), if stdout_open => {}
            () = self.stderr.read(&mut self.stderr_bytes), if stderr_open => {}
            else => std::future::pending().await,
        }
        self.decode();
    }

    /// Reads what was written until now, and passes on everything.
    pub(super) fn drain(&mut self) -> Vec<(Stream, String)> {
        let mut read = 0;
        while read < PIPE_SIZE && self.stdout.read_now(&mut self.stdout_bytes) {
            read += self.stdout_bytes.len();
            self.decode();
        }
        read = 0;
        while read < PIPE_SIZE && self.stderr.read_now(&mut self.stderr_bytes) {
            read += self.stderr_bytes.len();
            self.decode();
        }
        self.take()
    }

    /// As [`drain`](Self::drain), for the last time in a run: half a character will not be completed.
    pub(super) fn finish(&mut self) -> Vec<(Stream, String)> {
        let mut pieces = self.drain();
        for (stream, decoder) in [(Stream::Stdout, &mut self.stdout_text), (Stream::Stderr, &mut self.stderr_text)] {
            if let Some(tail) = decoder.finish() {
                pieces.push((stream, tail.to_owned()));
            }
        }
        pieces
    }

    /// When text that was read should be passed on at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + if self.ready.end_lines() { PATIENCE } else { PATIENCE_FOR_LINE })
    }

    /// True when there is enough text to pass on at once.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.ready.size() >= ENOUGH || self.due().is_some_and(|due| due <= now)
    }

    pub(super) fn take(&mut self) -> Vec<(Stream, String)> {
        self.since = None;
        std::mem::take(&mut self.ready.0)
    }

    fn decode(&mut self) {
        for (stream, bytes, decoder) in [
            (Stream::Stdout, &mut self.stdout_bytes, &mut self.stdout_text),
            (Stream::Stderr, &mut self.stderr_bytes, &mut self.stderr_text),
        ] {
            if bytes.is_empty() {
                continue;
            }
            self.ready.add(stream, bytes, decoder);
            bytes.clear();
        }
        if !self.ready.0.is_empty() && self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }
}

/// Text of both streams, in the order in which it was read.
#[derive(Default)]
struct Pieces(Vec<(Stream, String)>);

impl Pieces {
    fn add(&mut self, stream: Stream, bytes: &[u8], decoder: &mut Utf8) {
        match self.0.last_mut() {
            Some((last, text)) if *last == stream => return decoder.decode(bytes, text),
            _ => {}
        }
        let mut text = String::new();
        decoder.decode(bytes, &mut text);
        // `print` writes the end of a line by itself. What was read of the other stream in between does not tear it off.
        if let Some((_, line)) = self.0.iter_mut().rev().find(|(other, _)| *other == stream)
            && !line.ends_with('\n')
        {
            let end = text.find('\n').map_or(text.len(), |at| at + 1);
            line.extend(text.drain(..end));
        }
        if !text.is_empty() {
            self.0.push((stream, text));
        }
    }

    /// Only the last piece of a stream can be without the end of its line.
    fn end_lines(&self) -> bool {
        self.0.iter().all(|(_, text)| text.ends_with('\n'))
    }

    fn size(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }
}

/// Decodes UTF-8 piece by piece: a sequence that a read has split waits for its rest.
#[derive(Default)]
struct Utf8 {
    /// The start of a sequence, at most three bytes.
    begun: Vec<u8>,
}

impl Utf8 {
    fn decode(&mut self, bytes: &[u8], text: &mut String) {
        let joined;
        let mut rest = if self.begun.is_empty() {
            bytes
        } else {
            joined = [self.begun.as_slice(), bytes].concat();
            self.begun.clear();
            joined.as_slice()
        };
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => return text.push_str(valid),
                Err(error) => error,
            };
            let (valid, after) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(invalid) = error.error_len() else {
                self.begun.extend_from_slice(after);
                return;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            rest = after.get(invalid..).unwrap_or_default();
        }
    }

    fn finish(&mut self) -> Option<&'static str> {
        let begun = !self.begun.is_empty();
        self.begun.clear();
        begun.then_some("\u{FFFD}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Pieces, Stream, Utf8};

    fn decode(pieces: &[&[u8]]) -> String {
        let (mut decoder, mut text) = (Utf8::default(), String::new());
        for piece in pieces {
            decoder.decode(piece, &mut text);
        }
        text.extend(decoder.finish());
        text
    }

    #[test]
    fn every_split_of_valid_text_gives_the_text() {
        let text = "aé€😀z";
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                assert_eq!(decode(&[&bytes[..first], &bytes[first..second], &bytes[second..]]), text);
            }
        }
    }

    #[test]
    fn every_split_of_invalid_bytes_gives_what_the_whole_gives() {
        let bytes = b"a\xff\xe2\x82z\xf0\x9f\x98\xc3\xa9\xed\xa0\x80\xe2\x82";
        let whole = String::from_utf8_lossy(bytes);
        for at in 0..=bytes.len() {
            assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), whole);
        }
    }

    #[test]
    fn the_end_of_a_line_stays_with_its_line() {
        let mut pieces = Pieces::default();
        let (mut stdout, mut stderr) = (Utf8::default(), Utf8::default());
        pieces.add(Stream::Stdout, b"a", &mut stdout);
        assert!(!pieces.end_lines());
        pieces.add(Stream::Stderr, b"e\n", &mut stderr);
        assert!(!pieces.end_lines());
        pieces.add(Stream::Stdout, b"\nb\n", &mut stdout);
        assert!(pieces.end_lines());
        pieces.add(Stream::Stderr, b"f", &mut stderr);
        let expected =
            [(Stream::Stdout, "a\n"), (Stream::Stderr, "e\n"), (Stream::Stdout, "b\n"), (Stream::Stderr, "f")];
        assert_eq!(pieces.0, expected.map(|(stream, text)| (stream, text.to_owned())));
    }

    #[test]
    fn a_tail_is_flushed_once() {
        let mut decoder = Utf8::default();
        let mut text = String::new();
        decoder.decode(b"\xe2\x82", &mut text);
        assert_eq!((text.as_str(), decoder.finish(), decoder.finish()), ("", Some("\u{FFFD}"), None));
    }
}
