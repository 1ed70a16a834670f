//! What all handles of one client share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{execution::Execution, maybe_async, runtime::Runtime};
use crate::{
    config::Config,
    error::{Error, ErrorKind, Result},
    model::{Execute, SandboxInfo, SandboxState},
    protocol::{DEADLINE_HEADER, Decoder, Endpoint, Request, Route, decode_sandbox},
    transport::{Answer, Transport},
};

/// How much later than the server the client ends an execution, so that the two do not race.
const DEADLINE_GRACE: Duration = Duration::from_secs(5);

/// How long a failed call may take longer to say why it failed.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// How many sandboxes' routes are kept; one that is not can be asked for again.
const MAX_ROUTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) runtime: Runtime,
    pub(super) transport: Transport,
    config: Arc<Config>,
    routes: Mutex<HashMap<String, Route>>,
    #[cfg(feature = "local")]
    pub(super) engine: Option<crate::local::LocalEngine>,
}

impl Core {
    pub(super) fn new(config: Config, runtime: Runtime) -> Self {
        let config = Arc::new(config);
        Self {
            runtime,
            transport: Transport::new(Arc::clone(&config), runtime.pump()),
            config,
            routes: Mutex::default(),
            #[cfg(feature = "local")]
            engine: None,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.config.endpoint
    }

    fn remember(&self, id: &str, route: Route) {
        if !self.endpoint().needs_route() {
            return;
        }
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= MAX_ROUTES {
            routes.clear();
        }
        routes.insert(id.to_owned(), route);
    }

    pub(super) fn forget(&self, id: &str) {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn known_route(&self, id: &str) -> Option<Route> {
        if !self.endpoint().needs_route() {
            return Some(Route::default());
        }
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

#[maybe_async]
impl Core {
    pub(super) async fn call(&self, request: Request) -> Result<Answer> {
        self.runtime.wait(self.transport.call(request)).await
    }

    /// A call that is answered with a sandbox.
    pub(super) async fn call_for_sandbox(&self, request: Request) -> Result<SandboxInfo> {
        let action = request.action;
        let answer = self.call(request).await?;
        let (info, route) = decode_sandbox(&answer.body).map_err(|error| error.doing(action))?;
        self.remember(&info.id, route);
        Ok(info)
    }

    /// Looks the sandbox up, without moving its end.
    pub(super) async fn get(&self, id: &str) -> Result<SandboxInfo> {
        self.call_for_sandbox(self.endpoint().get(id)?).await
    }

    /// Looks the sandbox up quickly or not at all, to learn why something else failed.
    async fn probe(&self, id: &str) -> Result<SandboxInfo> {
        let request = self.endpoint().get(id)?;
        let answer = self.runtime.wait(self.transport.call_within(Some(PROBE_LIMIT), request)).await?;
        Ok(decode_sandbox(&answer.body)?.0)
    }

    /// Asks the service what became of the sandbox, when the connection to it broke.
    pub(super) async fn explain(&self, id: &str, lost: Error) -> Error {
        let gone = |why: &str| lost.clone().reframe(ErrorKind::SandboxGone, why).hint("create another");
        match self.probe(id).await {
            Ok(info) if info.state == SandboxState::Running => {
                lost.hint("the sandbox still runs; whether the code ran to its end is not known")
            }
            Ok(_) => gone("the sandbox was paused while the code ran").hint("resume it"),
            Err(error) if error.is_not_found() => {
                gone("the sandbox was killed, or reached the end of its life, while the code ran")
            }
            Err(_) => lost.hint("nor can the service be asked what became of the sandbox"),
        }
    }

    async fn route(&self, id: &str) -> Result<Route> {
        if let Some(route) = self.known_route(id) {
            return Ok(route);
        }
        self.get(id).await?;
        Ok(self.known_route(id).unwrap_or_default())
    }

    /// Sends code, and gives its answer as soon as that starts.
    pub(super) async fn execute(self: &Arc<Self>, id: &str, request: &Execute) -> Result<Execution> {
        // A limit that was asked for is told to the server; the default one is the client's own affair.
        let asked = request.timeout.or(self.config.asked_execution);
        let mut waiting = self
            .transport
            .waiting_for_execution(request.timeout.or(self.config.clocks.execution), request.cancel.clone());
        // Checks the id before a route is asked for.
        self.endpoint().get(id)?;
        let route = self.route(id).await?;
        let call = self.endpoint().execute(id, &route, request, asked)?;
        let opened = self.runtime.wait(self.transport.open(&call, &waiting)).await?;
        if opened.header(DEADLINE_HEADER).is_some() {
            waiting.defer_to_server(DEADLINE_GRACE);
        }
        let decoder = Decoder::new(opened.header("content-type"));
        Ok(Execution::new(Arc::clone(self), id.to_owned(), opened.body, decoder, waiting))
    }
}
