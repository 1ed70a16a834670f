//! The engine's HTTP interface on loopback: the gateway dialect, and E2B's when told to.
//!
//! Every request passes the `door`. `destination` says whether it is for the engine, which asks for its key and has
//! the control plane and the gateway's way of running code, or for a sandbox, into which the `edge` lets it. What
//! runs code is the same behind both.

mod contexts;
mod destination;
mod door;
mod edge;
mod envd;
mod execute;
mod host;
mod info;
mod interpreter;
mod lifecycle;
mod listing;
mod observe;
mod query;
mod reply;
mod sandboxes;
mod unavailable;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, any_service, delete, get, post};
use axum::serve::ListenerExt;

pub(super) use door::Door;
pub(super) use reply::Problem;

use super::registry::Registry;
use destination::Destination;
use edge::Edge;

const MAX_BODY: usize = 128 * 1024 * 1024;

/// Serves until the future is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    door: Door,
    registry: Arc<Registry>,
    serves_e2b: bool,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        // Without it a small answer waits 40 ms for the client's acknowledgment.
        let _ = stream.set_nodelay(true);
    });
    let entrance = Entrance {
        door,
        edge: serves_e2b.then(|| Edge::new(Arc::clone(&registry))),
        engine: any_service(engine(serves_e2b).with_state(registry)),
    };
    let router = Router::new().fallback(enter).with_state(Arc::new(entrance)).layer(DefaultBodyLimit::max(MAX_BODY));
    axum::serve(listener, router).await
}

/// What a request comes to first.
struct Entrance {
    door: Door,
    engine: MethodRouter,
    edge: Option<Edge>,
}

async fn enter(State(entrance): State<Arc<Entrance>>, request: Request) -> Response {
    let destination = match entrance.door.check(request.uri(), request.headers()) {
        Ok(host) => Destination::parse(&host, request.headers()),
        Err(problem) => return problem.into_response(),
    };
    match (destination, &entrance.edge) {
        (Ok(Destination::Engine), _) => match entrance.door.check_key(request.uri(), request.headers()) {
            Ok(()) => entrance.engine.clone().call(request, ()).await,
            Err(problem) => problem.into_response(),
        },
        (Ok(Destination::Sandbox(address)), Some(edge)) => edge.enter(address, request).await,
        (Err(unroutable), Some(_)) => unroutable.into_response(),
        (_, None) => Problem::new(
            StatusCode::NOT_FOUND,
            "this engine does not answer as E2B does; LocalEngineBuilder::serve_e2b makes it",
        )
        .into_response(),
    }
}

fn engine(serves_e2b: bool) -> Router<Arc<Registry>> {
    let router = Router::new()
        .route("/health", get(|| async { StatusCode::NO_CONTENT }))
        .route("/sandboxes", get(sandboxes::list).post(sandboxes::create))
        .route("/v2/sandboxes", get(sandboxes::list_page))
        .route("/sandboxes/{id}", get(sandboxes::get).delete(sandboxes::kill))
        .route("/sandboxes/metrics", get(observe::metrics_of_several))
        .route("/sandboxes/{id}/timeout", post(lifecycle::set_timeout))
        .route("/sandboxes/{id}/connect", post(lifecycle::connect))
        .route("/sandboxes/{id}/pause", post(lifecycle::pause))
        .route("/sandboxes/{id}/resume", post(lifecycle::resume))
        .route("/sandboxes/{id}/metrics", get(observe::metrics))
        .route("/sandboxes/{id}/logs", get(observe::logs_old))
        .route("/v2/sandboxes/{id}/logs", get(observe::logs))
        .route("/sandboxes/{id}/execute", post(execute::execute))
        .route("/sandboxes/{id}/contexts", get(contexts::list).post(contexts::create))
        .route("/sandboxes/{id}/contexts/{context}", delete(contexts::remove))
        .route("/sandboxes/{id}/contexts/{context}/restart", post(contexts::restart))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no such route") })
        .method_not_allowed_fallback(|| async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed") });
    if !serves_e2b {
        return router;
    }
    router
        .route("/v2/sandboxes", post(sandboxes::create_secured))
        .route("/v2/sandboxes/{id}/connect", post(lifecycle::connect_or_default))
        .route("/sandboxes/{id}/refreshes", post(lifecycle::refresh))
        .route("/sandboxes/{id}/{verb}", any(unavailable::of_sandbox))
        .fallback(unavailable::elsewhere)
}
