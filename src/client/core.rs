//! What all handles of one client share.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    execution::Events,
    known::{Known, Memory},
    maybe_async,
    runtime::Runtime,
};
use crate::{
    config::{Config, Secret},
    error::{Error, ErrorKind, Result},
    model::{Execute, SandboxInfo, SandboxState},
    protocol::{DEADLINE_HEADER, Endpoint, Request, Route, decode_sandbox},
    transport::{Answer, Transport, Waiting},
};

/// How much later than the server the client ends an execution, so that the two do not race.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);

/// How much longer a failed call may take to say why it failed.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Limits beyond this are as good as none, and not told to servers, which refuse them.
const LONGEST_DEADLINE: Duration = Duration::from_secs(365 * 24 * 3600);

/// How near its end a sandbox must have been to have ended by itself.
const END_MARGIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Core {
    pub(super) runtime: Runtime,
    pub(super) transport: Transport,
    pub(super) known: Known,
    config: Arc<Config>,
}

impl Core {
    pub(super) fn new(config: Config, runtime: Runtime) -> Self {
        let config = Arc::new(config);
        Self {
            runtime,
            transport: Transport::new(Arc::clone(&config), runtime.pump()),
            known: Known::default(),
            config,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.config.endpoint
    }

    fn known_route(&self, id: &str) -> Option<Route> {
        let route = self.known.get(id).map(|memory| memory.route);
        if self.endpoint().needs_route() { route } else { Some(route.unwrap_or_default()) }
    }

    /// Reads what the service says of a sandbox, and remembers it.
    fn read_sandbox(&self, answer: &Answer, asked_for: Option<&str>) -> Result<SandboxInfo> {
        let (info, route) = decode_sandbox(&answer.body).map_err(|error| self.redact(error))?;
        // An older form of ids has a part behind a dash, which servers leave out of their answers.
        let is_it = |asked: &str| asked == info.id || asked.split('-').next() == Some(&info.id);
        if !asked_for.is_none_or(is_it) {
            return Err(Error::new(ErrorKind::Protocol, format!("the service answered with another one: {}", info.id)));
        }
        self.known.remember(asked_for.unwrap_or(&info.id), Memory { route, end_at: info.end_at });
        Ok(info)
    }

    /// Of a sandbox that this client knew, "no such sandbox" means that it has gone.
    fn gone_if_known(&self, id: &str, error: Error) -> Error {
        if !error.is_no_sandbox() || self.known.get(id).is_none() {
            return error;
        }
        let why = self.why_gone(id, &error);
        gone(error, why)
    }

    /// The same for a call to the API that manages sandboxes.
    fn gone_if_missing(&self, id: &str, error: Error) -> Error {
        let is_missing = self.is_missing(&error);
        self.gone_if_known(id, error.says_no_sandbox(is_missing))
    }

    /// Whether the API that manages sandboxes has no such one. E2B has all of its calls, so what it does not find is the
    /// sandbox, whatever it writes.
    fn is_missing(&self, error: &Error) -> bool {
        error.is_no_sandbox() || error.is_not_found() && self.endpoint().needs_route()
    }

    /// What a plain gateway does not have it answers with a 404 that speaks of no sandbox.
    pub(super) fn not_offered(&self, error: Error) -> Error {
        let is_missing = error.is_not_found() && !error.is_no_sandbox() && !self.endpoint().needs_route();
        if !is_missing {
            return error;
        }
        let message = "the service does not know this call";
        error.reframe(ErrorKind::Unsupported, message).hint("it does not offer this, or has no such sandbox")
    }

    /// Takes the key out of what an error repeats of an answer.
    pub(super) fn redact(&self, error: Error) -> Error {
        error.without(&[self.config.api_key.expose()])
    }

    /// As [`redact`](Self::redact), for what comes from inside a sandbox: its tokens too.
    pub(super) fn redact_inside(&self, id: &str, error: Error) -> Error {
        let route = self.known_route(id).unwrap_or_default();
        let tokens = [&route.access_token, &route.traffic_token].into_iter().flatten();
        error.without(&tokens.chain([&self.config.api_key]).map(Secret::expose).collect::<Vec<_>>())
    }

    /// A sandbox that is not there any more was killed, or ended by itself.
    fn why_gone(&self, id: &str, told: &Error) -> String {
        if let Some((_, why)) = told.message().split_once("was ended: ") {
            return format!("the sandbox was ended: {why}");
        }
        let why = match self.known.get(id).and_then(|memory| memory.end_at) {
            None => "the sandbox was killed, or reached the end of its life",
            Some(end) if SystemTime::now() + END_MARGIN >= end => "the sandbox reached the end of its life",
            Some(_) => "the sandbox was killed",
        };
        why.to_owned()
    }
}

#[maybe_async]
impl Core {
    pub(super) async fn call(&self, request: Request) -> Result<Answer> {
        self.runtime.wait(self.transport.call(request)).await
    }

    /// A call inside a sandbox: if that breaks off, the error says what became of the sandbox.
    pub(super) async fn call_inside(&self, id: &str, request: Request) -> Result<Answer> {
        match self.call(request).await {
            Err(error) if broke_off(&error) => Err(self.explain(id, error).await),
            Err(error) if error.is_sandbox_gone() => Err(self.gone_or_paused(id, error).await),
            answer => answer.map_err(|error| self.gone_if_known(id, error)),
        }
    }

    /// A call about a sandbox, to the API that manages them.
    pub(super) async fn call_about(&self, id: &str, request: Request) -> Result<Answer> {
        self.call(request).await.map_err(|error| self.gone_if_missing(id, error))
    }

    /// A call that is answered with a sandbox.
    pub(super) async fn call_for_sandbox(&self, request: Request) -> Result<SandboxInfo> {
        let (action, asked_for) = (request.action, request.sandbox_id.clone());
        let answer = match &asked_for {
            Some(id) => self.call_about(id, request).await?,
            None => self.call(request).await?,
        };
        self.read_sandbox(&answer, asked_for.as_deref()).map_err(|error| {
            let error = error.doing(action).with_attempts(answer.attempts);
            match asked_for {
                Some(id) => error.in_sandbox(id),
                None => error,
            }
        })
    }

    /// Looks the sandbox up, without moving its end.
    pub(super) async fn get(&self, id: &str) -> Result<SandboxInfo> {
        self.call_for_sandbox(self.endpoint().get(id)?).await
    }

    /// How the sandbox is reached; asks the service if this client does not know it yet.
    pub(super) async fn route(&self, id: &str) -> Result<Route> {
        if let Some(route) = self.known_route(id) {
            return Ok(route);
        }
        self.get(id).await?;
        Ok(self.known_route(id).unwrap_or_default())
    }

    /// The same as a part of an execution, which may end meanwhile.
    async fn route_for_execution(&self, id: &str, waiting: &Waiting) -> Result<Route> {
        if let Some(route) = self.known_route(id) {
            return Ok(route);
        }
        let request = self.endpoint().get(id)?;
        let answer = self.runtime.wait(self.transport.call_under(waiting, request)).await?;
        self.read_sandbox(&answer, Some(id)).map_err(|error| error.doing("look up the sandbox").in_sandbox(id))?;
        Ok(self.known_route(id).unwrap_or_default())
    }

    /// Asks the service what became of the sandbox, when the connection to it broke.
    pub(super) async fn explain(&self, id: &str, broken: Error) -> Error {
        match self.probe(id).await {
            Ok(info) if info.state == SandboxState::Running => {
                broken.hint("the sandbox still runs; whether what was asked of it was done is not known")
            }
            Ok(_) => paused(broken, "the sandbox was paused meanwhile"),
            Err(error) if self.is_missing(&error) => gone(broken, format!("{} meanwhile", self.why_gone(id, &error))),
            Err(error) if error.kind() == ErrorKind::Engine => broken.reframe(ErrorKind::Engine, error.message()),
            Err(_) => broken.hint("and the service does not tell what became of the sandbox"),
        }
    }

    /// The ways into E2B's sandboxes, and the call that moves their end, say the same of those that are gone and those that
    /// are paused; the control plane knows.
    pub(super) async fn gone_or_paused(&self, id: &str, refused: Error) -> Error {
        match self.probe(id).await {
            Ok(info) if info.state == SandboxState::Paused => paused(refused, "the sandbox is paused"),
            Err(error) if self.is_missing(&error) && (refused.is_sandbox_gone() || self.known.get(id).is_some()) => {
                gone(refused, self.why_gone(id, &error))
            }
            _ => refused,
        }
    }

    /// Looks the sandbox up quickly or not at all.
    async fn probe(&self, id: &str) -> Result<SandboxInfo> {
        let request = self.endpoint().get(id)?;
        let answer = self.runtime.wait(self.transport.call_within(Some(PROBE_LIMIT), request)).await?;
        Ok(decode_sandbox(&answer.body)?.0)
    }

    /// Sends code, and gives its answer as soon as that starts.
    pub(super) async fn execute(self: &Arc<Self>, id: &str, request: &Execute) -> Result<Events> {
        // A limit that was asked for is told to the server; the default one is the client's own affair.
        let asked = request.timeout.or(self.config.asked_execution).filter(|limit| *limit <= LONGEST_DEADLINE);
        let limit = request.timeout.or(self.config.clocks.execution);
        let mut waiting = self.transport.waiting_for_execution(limit, request.cancel.clone());
        // Checks the arguments before a route is asked for.
        self.endpoint().execute(id, &Route::default(), request, asked)?;
        let route = self.route_for_execution(id, &waiting).await?;
        let call = self.endpoint().execute(id, &route, request, asked)?;
        let opened = match self.runtime.wait(self.transport.open(&call, &waiting)).await {
            Err(error) if broke_off(&error) => return Err(self.explain(id, error).await),
            Err(error) if error.is_sandbox_gone() => return Err(self.gone_or_paused(id, error).await),
            opened => opened.map_err(|error| self.gone_if_known(id, error))?,
        };
        if opened.header(DEADLINE_HEADER).is_some() {
            waiting.defer_to_server(DEADLINE_GRACE);
        }
        Ok(Events::new(Arc::clone(self), id.to_owned(), opened, waiting))
    }
}

fn gone(error: Error, why: String) -> Error {
    error.reframe(ErrorKind::SandboxGone, why).hint("create another")
}

fn paused(error: Error, message: &str) -> Error {
    error.reframe(ErrorKind::SandboxPaused, message).hint("resume it; it keeps its state")
}

/// Whether the sandbox may have gone meanwhile: the connection broke, or something in between says that it cannot reach it.
fn broke_off(error: &Error) -> bool {
    error.kind() == ErrorKind::ConnectionLost || error.status() == Some(502) && error.kind() == ErrorKind::Unavailable
}
