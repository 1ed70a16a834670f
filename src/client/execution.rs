//! A running execution.

use std::{fmt, sync::Arc};

use super::{
    core::Core,
    maybe_async,
    runtime::{Flow, flows},
    source::Source,
};
use crate::{
    collector::Collector,
    error::{Error, ErrorKind, Result},
    model::{Event, ExecutionResult},
    protocol::Decoder,
    transport::{Body, Opened, Waiting},
};

/// The events of an execution, as they come.
///
/// Made by [`SandboxManager::execute_stream`](super::SandboxManager::execute_stream). The last event is [`Event::End`]; a
/// stream that fails gives one error and then nothing more. What is not read holds the code up, not the memory: the
/// code waits once some hundred KiB are under way. Dropping it before its end interrupts the code.
#[must_use = "dropping it interrupts the code"]
pub struct Execution {
    flow: Flow<Events>,
    max_output: usize,
}

flows!(Execution gives Event);

impl Execution {
    pub(super) fn new(events: Events, max_output: usize) -> Self {
        Self { flow: Flow::new(events), max_output }
    }
}

#[maybe_async]
impl Execution {
    /// The next event; `None` after [`Event::End`] or an error.
    ///
    #[doc = example!(r#"let mut execution = sandbox.execute_stream("for i in range(3): print(i)")"# await r#"?;
while let Some(event) = execution.next()"# await r#" {
    if let Event::Stdout(chunk) = event? {
        print!("{}", chunk.text);
    }
}"#)]
    ///
    /// Giving up the wait for it (async) loses no event.
    #[allow(clippy::should_implement_trait, reason = "it is that method, for both flavours")]
    pub async fn next(&mut self) -> Option<Result<Event>> {
        self.flow.next().await
    }

    /// Reads to the end, and gathers what was not taken yet, within [`Execute::max_output`](crate::Execute::max_output).
    ///
    /// # Errors
    ///
    /// Those of [`execute_code`](super::SandboxManager::execute_code). [`Error::partial`] has what had come.
    pub async fn into_result(mut self) -> Result<ExecutionResult> {
        let mut collector = Collector::new(self.max_output);
        while let Some(event) = self.flow.next().await {
            match event {
                Ok(event) => collector.take(event),
                Err(error) => return Err(error.with_partial(collector.finish())),
            }
        }
        Ok(collector.finish())
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").finish_non_exhaustive()
    }
}

/// The answer to code that was sent. Dropping it closes the connection, which ends the execution.
pub(super) struct Events {
    core: Arc<Core>,
    sandbox_id: String,
    attempts: u32,
    /// `None` once all has come.
    body: Option<Body>,
    decoder: Decoder,
    waiting: Waiting,
    ended: bool,
}

impl Events {
    pub(super) fn new(core: Arc<Core>, sandbox_id: String, opened: Opened, waiting: Waiting) -> Self {
        let decoder = Decoder::new(opened.header("content-type"));
        let attempts = opened.attempts;
        Self { core, sandbox_id, attempts, body: Some(opened.body), decoder, waiting, ended: false }
    }

    fn about(&self, error: Error) -> Error {
        let error = error.doing("run code").in_sandbox(&self.sandbox_id).with_attempts(self.attempts);
        self.core.redact_inside(&self.sandbox_id, error)
    }
}

#[maybe_async(AFIT)]
impl Source for Events {
    type Item = Event;

    fn pop(&mut self) -> Option<Result<Event>> {
        if self.ended {
            return None;
        }
        match self.decoder.next() {
            Err(error) => Some(Err(self.about(error))),
            Ok(Some(event)) => Some(Ok(event)),
            // First the body is read to its own end, in `fill`.
            Ok(None) if self.body.is_some() => None,
            // The server's deadline is the execution clock, whoever looks at it.
            Ok(None) => self.decoder.end().map(|end| {
                self.ended = true;
                if end.timed_out { Err(self.about(self.waiting.expired())) } else { Ok(Event::End) }
            }),
        }
    }

    async fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let error = match self.read().await {
            Ok(()) => return Ok(true),
            Err(error) => self.about(error),
        };
        // Closing the connection is what ends the run.
        self.body = None;
        Err(if error.kind() == ErrorKind::ConnectionLost {
            self.core.explain(&self.sandbox_id, error).await
        } else {
            error
        })
    }
}

#[maybe_async]
impl Events {
    /// Reads on, until there is something to decode.
    async fn read(&mut self) -> Result<()> {
        if self.decoder.end().is_some()
            && let Some(body) = self.body.take()
        {
            return self.core.runtime.wait(body.settle()).await;
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
        Ok(())
    }
}

fn cut_short() -> Error {
    Error::new(ErrorKind::ConnectionLost, "the answer ended before the execution did")
}
