//! A running execution.

use std::sync::Arc;

use super::{core::Core, maybe_async};
use crate::{
    collector::Collector,
    error::{Error, ErrorKind, Result},
    model::{Event, ExecutionResult},
    protocol::Decoder,
    transport::{Body, Waiting},
};

/// The answer to code that was sent, while it comes. Dropping it ends the execution.
#[derive(Debug)]
pub(super) struct Execution {
    core: Arc<Core>,
    sandbox_id: String,
    /// `None` once all has come, or something failed.
    body: Option<Body>,
    decoder: Decoder,
    waiting: Waiting,
    done: bool,
}

impl Execution {
    pub(super) fn new(core: Arc<Core>, sandbox_id: String, body: Body, decoder: Decoder, waiting: Waiting) -> Self {
        Self { core, sandbox_id, body: Some(body), decoder, waiting, done: false }
    }

    fn about(&self, error: Error) -> Error {
        error.doing("run code").in_sandbox(&self.sandbox_id).with_attempts(1)
    }
}

#[maybe_async]
impl Execution {
    /// The next event; `None` after [`Event::End`] or an error.
    pub(super) async fn next(&mut self) -> Option<Result<Event>> {
        if self.done {
            return None;
        }
        let event = match self.advance().await {
            Ok(event) => Ok(event),
            Err(error) => {
                // Closing the connection is what ends the run.
                self.body = None;
                let error = self.about(error);
                Err(if error.kind() == ErrorKind::ConnectionLost {
                    self.core.explain(&self.sandbox_id, error).await
                } else {
                    error
                })
            }
        };
        self.done = matches!(event, Ok(Event::End) | Err(_));
        Some(event)
    }

    async fn advance(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.decoder.next()? {
                return Ok(event);
            }
            if let Some(end) = self.decoder.end() {
                if let Some(body) = self.body.take() {
                    self.core.runtime.wait(body.settle()).await?;
                }
                return if end.timed_out { Err(self.waiting.expired()) } else { Ok(Event::End) };
            }
            let Some(body) = &mut self.body else { return Err(cut_short()) };
            // Before the first event the code may be queued, and silence is healthy.
            let idle = if self.decoder.is_streaming() { self.waiting.idle() } else { None };
            match self.core.runtime.wait(body.next(&self.waiting, idle)).await? {
                Some(bytes) => self.decoder.push(bytes)?,
                None => {
                    self.body = None;
                    self.decoder.finish()?;
                }
            }
        }
    }

    /// Reads to the end.
    pub(super) async fn collect(mut self, max_output: usize) -> Result<ExecutionResult> {
        let mut collector = Collector::new(max_output);
        while let Some(event) = self.next().await {
            match event {
                Ok(event) => collector.take(event),
                Err(error) => return Err(error.with_partial(collector.finish())),
            }
        }
        Ok(collector.finish())
    }
}

fn cut_short() -> Error {
    Error::new(ErrorKind::ConnectionLost, "the answer ended before the execution did")
}
