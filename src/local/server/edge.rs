//! The way into sandboxes, as E2B's edge has it: no key, but the sandbox's own tokens.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any_service};
use serde::Serialize;

use super::super::registry::Registry;
use super::super::tokens::{Tokens, is_same};
use super::destination::Address;
use super::reply::Problem;
use super::{envd, interpreter};

const RESERVED: &str =
    "This endpoint is reserved for the E2B control plane and is not reachable through the sandbox URL";
const UNAUTHORIZED: &str = "unauthorized access, please provide a valid access token or method signing if supported";

pub(super) struct Edge {
    registry: Arc<Registry>,
    interpreter: MethodRouter,
    envd: MethodRouter,
}

impl Edge {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { registry, interpreter: any_service(interpreter::router()), envd: any_service(envd::router()) }
    }

    /// Passes a request on to a service of the sandbox, which finds the sandbox among the request's extensions.
    pub(super) async fn enter(&self, address: Address, mut request: Request) -> Response {
        // E2B has one word for all that cannot be entered; a client that wants to know more asks the engine.
        let found = self.registry.get(&address.id).ok();
        let Some(sandbox) = found.filter(|sandbox| sandbox.auto_resumes || !sandbox.is_paused()) else {
            return Refusal::gone(address).into_response();
        };
        if let Err(message) = check_traffic(&sandbox.tokens, address.port, request.headers()) {
            return Refusal::new(address, StatusCode::FORBIDDEN, message).into_response();
        }
        let service = match address.port {
            interpreter::PORT => &self.interpreter,
            envd::PORT => &self.envd,
            _ => return Refusal::closed(address).into_response(),
        };
        let path = request.uri().path();
        if address.port == envd::PORT && envd::is_reserved(path) {
            return Refusal::new(address, StatusCode::NOT_FOUND, RESERVED).into_response();
        }
        let must_have_token = address.port == envd::PORT && !envd::is_open(path);
        if let Err(problem) = check_access(&sandbox.tokens, request.headers(), must_have_token) {
            return problem.into_response();
        }
        // Only for who may come in.
        if !sandbox.wake().await {
            return Refusal::gone(address).into_response();
        }
        request.extensions_mut().insert(sandbox);
        service.clone().call(request, ()).await
    }
}

fn check_traffic(tokens: &Tokens, port: u16, headers: &HeaderMap) -> Result<(), &'static str> {
    let Some(token) = tokens.traffic.as_deref().filter(|_| port != envd::PORT) else {
        return Ok(());
    };
    match headers.get("e2b-traffic-access-token") {
        None => Err("Sandbox is secured with traffic access token. Token header 'e2b-traffic-access-token' is missing"),
        Some(given) if is_same(given.as_bytes(), token) => Ok(()),
        Some(_) => Err("Sandbox is secured with traffic access token. Provided token in header \
                        'e2b-traffic-access-token' is invalid"),
    }
}

/// E2B's clients leave this token out on some routes, where only a wrong one is refused.
fn check_access(tokens: &Tokens, headers: &HeaderMap, is_needed: bool) -> Result<(), Problem> {
    let is_good = match (&tokens.access, headers.get("x-access-token")) {
        (Some(token), Some(given)) => is_same(given.as_bytes(), token),
        (Some(_), None) => !is_needed,
        (None, _) => true,
    };
    if is_good { Ok(()) } else { Err(Problem::new(StatusCode::UNAUTHORIZED, UNAUTHORIZED)) }
}

/// An error of the edge as the wire has it. Clients read from the 502 that a sandbox is gone.
#[derive(Serialize)]
struct Refusal {
    #[serde(rename = "sandboxId")]
    sandbox_id: String,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    code: u16,
}

impl Refusal {
    fn new(address: Address, status: StatusCode, message: &'static str) -> Self {
        Self { sandbox_id: address.id, message, port: None, code: status.as_u16() }
    }

    fn gone(address: Address) -> Self {
        Self::new(address, StatusCode::BAD_GATEWAY, "The sandbox was not found")
    }

    fn closed(address: Address) -> Self {
        let port = Some(address.port);
        let message = "The sandbox is running but port is not open";
        Self { port, ..Self::new(address, StatusCode::BAD_GATEWAY, message) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::BAD_GATEWAY);
        (status, Reply(self)).into_response()
    }
}
