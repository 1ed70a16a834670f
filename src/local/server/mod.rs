//! The engine's HTTP interface: the gateway dialect, on loopback.

mod contexts;
mod door;
mod execute;
mod listing;
mod reply;
mod sandboxes;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::serve::ListenerExt;
use axum::{Router, middleware};

pub(super) use door::Door;
pub(super) use reply::Problem;

use super::registry::Registry;

const MAX_BODY: usize = 128 * 1024 * 1024;

/// Serves until the future is dropped.
pub(super) async fn serve(listener: TcpListener, door: Door, registry: Arc<Registry>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        // Without it a small answer waits 40 ms for the client's acknowledgment.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(door, registry)).await
}

fn router(door: Door, registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/health", get(|| async { StatusCode::NO_CONTENT }))
        .route("/sandboxes", get(sandboxes::list).post(sandboxes::create))
        .route("/v2/sandboxes", get(sandboxes::list_page))
        .route("/sandboxes/{id}", get(sandboxes::get).delete(sandboxes::kill))
        .route("/sandboxes/{id}/timeout", post(sandboxes::set_timeout))
        .route("/sandboxes/{id}/connect", post(sandboxes::connect))
        .route("/sandboxes/{id}/execute", post(execute::execute))
        .route("/sandboxes/{id}/contexts", get(contexts::list).post(contexts::create))
        .route("/sandboxes/{id}/contexts/{context}", delete(contexts::remove))
        .route("/sandboxes/{id}/contexts/{context}/restart", post(contexts::restart))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no such route") })
        .method_not_allowed_fallback(|| async { Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed") })
        .with_state(registry)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::new(door), door::check))
}
