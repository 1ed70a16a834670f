//! Reads a body ahead of its reader, in a task of its own.
//!
//! Services send an event a piece. A reader that does its own I/O is woken for every one of them, which is dear when that
//! crosses threads (a blocking caller, a multi-thread runtime); the pump gathers what comes, for the reader to take at once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};

use super::failure;
use crate::error::{Error, Result};

/// How many bytes may wait for the reader; beyond that the server is made to wait.
const ROOM: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Pump {
    pieces: mpsc::UnboundedReceiver<Piece>,
    /// A failure that came right behind bytes, for the next call.
    failed: Option<Error>,
    task: JoinHandle<()>,
}

/// Bytes, with the room that they take up.
type Piece = Result<(Bytes, Option<OwnedSemaphorePermit>)>;

impl Pump {
    pub(super) fn start(mut response: reqwest::Response, handle: &Handle) -> Self {
        let (sender, pieces) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(ROOM));
        let task = handle.spawn(async move {
            loop {
                let piece = match response.chunk().await {
                    Ok(None) => return,
                    Ok(Some(bytes)) => {
                        let size = bytes.len().min(ROOM) as u32;
                        Ok((bytes, Arc::clone(&room).acquire_many_owned(size).await.ok()))
                    }
                    Err(cause) => Err(failure::lost(cause)),
                };
                if sender.send(piece).is_err() {
                    return;
                }
            }
        });
        Self { pieces, failed: None, task }
    }

    /// What has come since the last time, in one piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(first) = self.pieces.recv().await else { return Ok(None) };
        let (first, _room) = first?;
        if self.pieces.is_empty() {
            return Ok(Some(first));
        }
        let mut gathered = Vec::with_capacity(first.len() + ROOM);
        gathered.extend_from_slice(&first);
        while gathered.len() < ROOM {
            match self.pieces.try_recv() {
                Ok(Ok((bytes, _room))) => gathered.extend_from_slice(&bytes),
                Ok(Err(error)) => self.failed = Some(error),
                Err(_) => break,
            }
        }
        Ok(Some(gathered.into()))
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
