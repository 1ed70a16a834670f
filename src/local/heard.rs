//! What a driver said, decoded, with what of it goes to the client.

use bytes::BytesMut;

use super::event::{Event, Representations};
use super::message::Message;

/// Decoding a longer line would keep all sandboxes waiting, so another thread does it.
const LONG: usize = 256 * 1024;

pub(super) struct Heard {
    /// Without what went into the line.
    pub(super) message: Message,
    /// A line of the answer, for a result or an error.
    pub(super) line: BytesMut,
}

impl Heard {
    /// None for what is no message.
    pub(super) async fn decode(line: Vec<u8>) -> Option<Self> {
        if line.len() < LONG {
            return Self::of(&line);
        }
        tokio::task::spawn_blocking(move || Self::of(&line)).await.ok().flatten()
    }

    fn of(line: &[u8]) -> Option<Self> {
        let mut message = Message::parse(line)?;
        let mut line = BytesMut::new();
        let event = match message.event.as_str() {
            "result" => {
                let data = std::mem::take(&mut message.data);
                Event::Result(Box::new(Representations::new(data, message.main)))
            }
            "error" => {
                let [value, traceback] = [&mut message.value, &mut message.traceback].map(std::mem::take);
                Event::Error { name: message.name.clone(), value, traceback }
            }
            _ => return Some(Self { message, line }),
        };
        event.write(&mut line);
        Some(Self { message, line })
    }
}
