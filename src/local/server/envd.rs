//! The service for files and processes of a sandbox, of which there is only the sign of life so far.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;

use super::reply::Problem;

pub(super) const PORT: u16 = 49_983;

pub(super) fn router() -> Router {
    Router::new()
        .route("/health", get(|| async { (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]) }))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
}

async fn missing() -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, "the embedded engine does not serve files and processes yet")
}
