//! Sending, for both flavours: plain async code, with the clocks, cancellation, retries and the pool.

mod answer;
mod apart;
mod body;
mod driver;
mod failure;
mod http;
mod pump;
mod waiting;

pub(crate) use answer::{Answer, Opened};
pub(crate) use body::Body;
pub(crate) use driver::driver;
pub(crate) use waiting::Waiting;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};

use crate::{
    cancel::Cancel,
    clock::Clock,
    config::Config,
    error::{Error, Result},
    protocol::{Refusal, Request},
    retry::{self, Decision, Failure},
};

/// Sends requests to one service, over one pool of connections.
#[derive(Debug)]
pub(crate) struct Transport {
    config: Arc<Config>,
    /// Made at the first use: reading the machine's root certificates takes milliseconds.
    client: OnceLock<Result<reqwest::Client>>,
    /// Where bodies are read: by whoever waits for them, or ahead of that by a task here.
    pump: Option<Handle>,
}

/// An attempt that failed, and whether another could help.
struct Failed {
    error: Error,
    failure: Failure,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>, pump: Option<Handle>) -> Self {
        Self { config, client: OnceLock::new(), pump }
    }

    /// A plain call: sends, tries again where the policy allows, and reads the whole answer, within the request clock.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer> {
        self.call_within(self.config.clocks.request, request).await
    }

    /// A plain call with a request clock of its own.
    pub(crate) async fn call_within(&self, limit: Option<Duration>, request: Request) -> Result<Answer> {
        let waiting = Waiting::within(Clock::Request, limit);
        let opened = self.open(&request, &waiting).await?;
        opened.read_whole(&waiting).await.map_err(|error| about(error, &request))
    }

    /// Sends, and gives the answer as soon as its head is there. Tries again as [`call`](Self::call) does.
    pub(crate) async fn open(&self, request: &Request, waiting: &Waiting) -> Result<Opened> {
        let mut attempt = 1;
        loop {
            let Failed { error, failure } = match self.attempt(request, waiting).await {
                Ok(opened) => return Ok(opened),
                Err(failed) => failed,
            };
            let policy = &self.config.retry;
            match retry::decide(policy, attempt, failure, request.replay, waiting.left(), fastrand::f64()) {
                Decision::Stop => return Err(about(error, request).with_attempts(attempt)),
                Decision::Wait(wait) => {
                    let slept = waiting.race(tokio::time::sleep(wait), None).await;
                    slept.map_err(|error| about(error, request).with_attempts(attempt))?;
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, request: &Request, waiting: &Waiting) -> Result<Opened, Failed> {
        let last = |error| Failed { error, failure: Failure::Final };
        let client = self.client().map_err(last)?;
        let sent = waiting.race(client.execute(http::build(request, &self.config)), None).await.map_err(last)?;
        let response = sent.map_err(|cause| failure::of_sending(cause, &self.config))?;
        if response.status().is_success() {
            return Ok(Opened::new(response, self.pump.as_ref()));
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Opened::new(response, None).read_refusal(waiting).await.map_err(last)?;
        let refusal = Refusal::new(status, &headers, &body).without(&self.config.api_key);
        Err(Failed { failure: refusal.failure(), error: refusal.into_error(request.place) })
    }

    fn client(&self) -> Result<&reqwest::Client> {
        self.client.get_or_init(|| http::client(&self.config)).as_ref().map_err(Error::clone)
    }

    /// What a stream of events waits for: the execution's own limit, and its cancel handle.
    pub(crate) fn waiting_for_execution(&self, limit: Option<Duration>, cancel: Option<Cancel>) -> Waiting {
        Waiting::within(Clock::Execution, limit).cancelled_by(cancel).idle_after(self.config.clocks.idle)
    }
}

/// Says what was being done, and to which sandbox.
fn about(error: Error, request: &Request) -> Error {
    let error = error.doing(request.action);
    match &request.sandbox_id {
        Some(id) => error.in_sandbox(id),
        None => error,
    }
}

/// The moment after this long, if time goes that far.
fn after(limit: Duration) -> Option<Instant> {
    Instant::now().checked_add(limit)
}
