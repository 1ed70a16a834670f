//! What a driver said, decoded, with what of it goes to the client.

use std::io;

use bytes::BytesMut;

use super::backlog::{Backlog, Part};
use super::event::{Event, Representations};
use super::message::Message;

/// Decoding a longer line would keep all sandboxes waiting, so another thread does it.
const LONG: usize = 256 * 1024;

pub(super) struct Heard {
    /// Without what went into the line.
    pub(super) message: Message,
    /// A line of the answer, for a result or an error.
    pub(super) line: BytesMut,
    /// What of it is held besides what came, until it is passed on.
    _held: Part,
}

impl Heard {
    /// None for what is no message. An error of the kind `InvalidData` says that it takes more than the engine keeps in
    /// memory.
    pub(super) async fn decode(line: Vec<u8>, backlog: &Backlog) -> io::Result<Option<Self>> {
        let held = backlog.part();
        if line.len() < LONG {
            return Self::of(line, held);
        }
        tokio::task::spawn_blocking(move || Self::of(line, held)).await.unwrap_or(Ok(None))
    }

    fn of(line: Vec<u8>, mut held: Part) -> io::Result<Option<Self>> {
        // What is decoded is there beside the line ...
        hold(&mut held, line.len())?;
        let Some(mut message) = Message::parse(&line) else { return Ok(None) };
        drop(line);
        let event = match message.event.as_str() {
            "result" => {
                let data = std::mem::take(&mut message.data);
                Event::Result(Box::new(Representations::new(data, message.main)))
            }
            "error" => {
                let [value, traceback] = [&mut message.value, &mut message.traceback].map(std::mem::take);
                Event::Error { name: message.name.clone(), value, traceback }
            }
            _ => return Ok(Some(Self { message, line: BytesMut::new(), _held: held })),
        };
        // ... and then what is written, which can be three times as long.
        let size = event.size();
        hold(&mut held, size)?;
        let mut line = BytesMut::with_capacity(size);
        event.write(&mut line);
        Ok(Some(Self { message, line, _held: held }))
    }
}

fn hold(held: &mut Part, bytes: usize) -> io::Result<()> {
    held.set(bytes);
    if bytes >= LONG && held.backlog.is_full() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_counts_before_it_is_there() {
        let text = "\u{e9}".repeat(1 << 20);
        let line = serde_json::to_vec(&serde_json::json!({ "event": "result", "data": { "text/plain": text } }));
        let line = line.unwrap();
        let backlog = Backlog::default();
        let heard = Heard::of(line.clone(), backlog.part()).unwrap().unwrap();
        assert_eq!((heard.line.len(), heard.line.capacity()), (heard._held.size(), heard._held.size()));
        assert!(heard.line.len() > 6 << 20);
        drop(heard);
        let mut other = backlog.part();
        for (room, fits) in [(line.len(), false), (line.len() + (1 << 20), false), (7 << 20, true)] {
            other.set(super::super::backlog::MOST - room);
            let heard = Heard::of(line.clone(), backlog.part());
            assert_eq!(heard.is_ok(), fits, "{room}");
        }
    }
}
