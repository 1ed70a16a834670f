//! The answer of an execution on its way to the client, no faster than the client reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::sync::mpsc;

use super::backlog::{Backlog, Part};
use super::event::Event;

/// Pieces under way to the connection; each may hold many lines, or a result that takes much memory.
const PIECES: usize = 1;

/// The writing end.
pub(super) struct Answer {
    sender: mpsc::Sender<(Bytes, Part)>,
    pending: BytesMut,
    held: Part,
    abandoned: bool,
    has_error: bool,
    finished: Arc<AtomicBool>,
}

/// The reading end, a response body. Without [`Answer::finish`] it ends in an error, which cuts the connection.
pub(super) struct Body {
    receiver: mpsc::Receiver<(Bytes, Part)>,
    finished: Arc<AtomicBool>,
    ended: bool,
}

impl Answer {
    pub(super) fn new(backlog: &Backlog) -> (Self, Body) {
        let (sender, receiver) = mpsc::channel(PIECES);
        let finished = Arc::new(AtomicBool::new(false));
        let body = Body { receiver, finished: Arc::clone(&finished), ended: false };
        let (pending, held) = (BytesMut::new(), backlog.part());
        (Self { sender, pending, held, abandoned: false, has_error: false, finished }, body)
    }

    pub(super) fn push(&mut self, event: &Event) {
        self.has_error |= matches!(event, Event::Error { .. });
        if !self.abandoned {
            event.write(&mut self.pending);
            self.held.set(self.pending.len());
        }
    }

    /// Adds a line that was written elsewhere.
    pub(super) fn push_line(&mut self, line: BytesMut, is_error: bool) {
        self.has_error |= is_error;
        if !self.abandoned {
            self.pending.unsplit(line);
            self.held.set(self.pending.len());
        }
    }

    /// Nobody reads any more: what is left, and what comes, is dropped.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.pending = BytesMut::new();
        self.held.set(0);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Whether an error was among the events.
    pub(super) fn has_error(&self) -> bool {
        self.has_error
    }

    /// Waits until nobody reads any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Waits until the client has room for what is pending.
    pub(super) async fn room(&self) {
        // When nobody reads any more there is no room to wait for.
        if self.sender.reserve().await.is_err() {
            std::future::pending().await
        }
    }

    /// Passes on what is pending, where there is [`room`](Self::room).
    pub(super) fn pass_on(&mut self) {
        if let Ok(room) = self.sender.try_reserve() {
            room.send((self.pending.split().freeze(), self.held.take()));
        }
    }

    /// How many bytes wait for the client.
    pub(super) fn size(&self) -> usize {
        self.pending.len()
    }

    /// Delivers the rest, and lets the body end cleanly.
    pub(super) async fn finish(&mut self) {
        let rest = (self.pending.split().freeze(), self.held.take());
        if !rest.0.is_empty() && self.sender.send(rest).await.is_err() {
            return;
        }
        self.finished.store(true, Ordering::Release);
    }
}

impl Stream for Body {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.receiver.poll_recv(cx));
        Poll::Ready(match piece {
            Some((piece, _held)) => Some(Ok(piece)),
            None => {
                self.ended = true;
                let cut = !self.finished.load(Ordering::Acquire);
                cut.then(|| Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the sandbox ended")))
            }
        })
    }
}
