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

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::Instant};

use crate::{
    cancel::Cancel,
    clock::Clock,
    config::Config,
    error::{Error, ErrorKind, Result},
    protocol::{Refusal, Request},
    retry::{self, Decision, Failure},
};

/// Sends requests to one service, over one pool of connections.
#[derive(Debug)]
pub(crate) struct Transport {
    config: Arc<Config>,
    clients: http::Clients,
    /// Where streams are read ahead; on the caller's runtime if nowhere else.
    pump: Option<Handle>,
    /// The embedded engine that the service is, kept running as long as there are handles.
    #[cfg(feature = "local")]
    pub(crate) engine: Option<crate::local::LocalEngine>,
}

/// An attempt that failed, and whether another could help.
struct Failed {
    error: Error,
    failure: Failure,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>, pump: Option<Handle>) -> Self {
        Self {
            config,
            clients: http::Clients::default(),
            pump,
            #[cfg(feature = "local")]
            engine: None,
        }
    }

    /// A plain call: sends, tries again where the policy allows, and reads the whole answer, within the request clock.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer> {
        self.call_within(self.config.clocks.request, request).await
    }

    /// A plain call with a request clock of its own.
    pub(crate) async fn call_within(&self, limit: Option<Duration>, request: Request) -> Result<Answer> {
        self.call_under(&Waiting::within(Clock::Request, limit), request).await
    }

    /// A plain call that is part of something larger, and ends with that.
    pub(crate) async fn call_under(&self, waiting: &Waiting, request: Request) -> Result<Answer> {
        let mut attempt = 1;
        loop {
            let answer = match self.attempt(&request, waiting, None).await {
                Ok(opened) => opened.after(attempt).read_whole(waiting).await.map_err(Failed::while_reading),
                Err(failed) => Err(failed),
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(failed) => self.go_on(failed, &mut attempt, &request, waiting).await?,
            }
        }
    }

    /// Sends, and gives the answer as soon as its head is there. Tries again as [`call`](Self::call) does.
    pub(crate) async fn open(&self, request: &Request, waiting: &Waiting) -> Result<Opened> {
        let pump = self.pump.clone().or_else(|| Handle::try_current().ok());
        let mut attempt = 1;
        loop {
            match self.attempt(request, waiting, pump.as_ref()).await {
                Ok(opened) => return Ok(opened.after(attempt)),
                Err(failed) => self.go_on(failed, &mut attempt, request, waiting).await?,
            }
        }
    }

    /// Waits for the next attempt, or says that there is none.
    async fn go_on(&self, failed: Failed, attempt: &mut u32, request: &Request, waiting: &Waiting) -> Result<()> {
        let Failed { error, failure } = failed;
        let explained = |error: Error| about(error, request).with_attempts(*attempt);
        match retry::decide(&self.config.retry, *attempt, failure, request.replay, waiting.left(), fastrand::f64()) {
            Decision::Stop => Err(explained(error)),
            Decision::Wait(wait) => {
                waiting.race(tokio::time::sleep(wait), None).await.map_err(explained)?;
                *attempt += 1;
                Ok(())
            }
        }
    }

    async fn attempt(&self, request: &Request, waiting: &Waiting, pump: Option<&Handle>) -> Result<Opened, Failed> {
        let last = |error| Failed { error, failure: Failure::Final };
        // Whoever has the port of a stopped engine now has no business with the key and the code.
        self.check_engine().map_err(last)?;
        let client = self.clients.get(&request.url, &self.config).map_err(last)?;
        let sent = waiting.race(client.execute(http::build(request, &self.config)), None).await.map_err(last)?;
        let response = match sent {
            Ok(response) => response,
            Err(cause) => {
                self.check_engine().map_err(last)?;
                return Err(failure::of_sending(cause, &self.config));
            }
        };
        if response.status().is_success() {
            return Ok(Opened::new(response, pump));
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Opened::new(response, None).read_refusal(waiting).await.map_err(last)?;
        let refusal = Refusal::new(status, &headers, &body, &request.secrets(&self.config.api_key));
        Err(Failed { failure: refusal.failure(), error: refusal.into_error(request.place) })
    }

    /// An embedded engine that was stopped does not come back, so there is nothing to try again.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "without an engine there is nothing to check")]
    fn check_engine(&self) -> Result<()> {
        #[cfg(feature = "local")]
        if self.engine.as_ref().is_some_and(crate::local::LocalEngine::is_stopped) {
            return Err(Error::engine("the embedded engine was stopped, and all its sandboxes with it")
                .hint("make a client with another engine"));
        }
        Ok(())
    }

    /// What a stream of events waits for: the execution's own limit, and its cancel handle.
    pub(crate) fn waiting_for_execution(&self, limit: Option<Duration>, cancel: Option<Cancel>) -> Waiting {
        Waiting::within(Clock::Execution, limit).cancelled_by(cancel).idle_after(self.config.clocks.idle)
    }
}

impl Failed {
    fn while_reading(error: Error) -> Self {
        let lost = error.kind() == ErrorKind::ConnectionLost;
        Self { error, failure: if lost { Failure::Broken } else { Failure::Final } }
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
