//! The service for files and processes of a sandbox, of which there is what tells about the sandbox. The rest is
//! refused, in the form of an error that E2B's clients show.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json as Reply, Router};
use serde::Serialize;
use serde_json::json;

use super::super::message::Environment;
use super::super::meter::Point;
use super::super::sandbox::Sandbox;
use super::reply::Problem;

pub(super) const PORT: u16 = 49_983;

/// What E2B's edge lets nobody call from outside.
const CONTROL: [&str; 7] = ["/collapse", "/freeze", "/fsfreeze", "/fsthaw", "/init", "/unfreeze", "/upgrade"];

const MISSING: &str = "the embedded engine does not serve files and processes; run code that does";

/// Marks the message that ends a stream.
const LAST: u8 = 2;

type Inside = Extension<Arc<Sandbox>>;

pub(super) fn router() -> Router {
    Router::new()
        .route("/health", get(|| async { (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]) }))
        .route("/envs", get(envs))
        .route("/metrics", get(metrics))
        .route("/process.Process/{method}", any(unimplemented))
        .route("/filesystem.Filesystem/{method}", any(unimplemented))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
}

pub(super) fn is_reserved(path: &str) -> bool {
    CONTROL.contains(&path)
}

/// What is not asked for the sandbox's token. Files have signatures of their own.
pub(super) fn is_open(path: &str) -> bool {
    matches!(path, "/health" | "/files")
}

async fn envs(Extension(sandbox): Inside) -> Reply<Environment> {
    Reply(sandbox.env.clone())
}

#[derive(Serialize)]
struct Metrics {
    ts: i64,
    cpu_count: usize,
    cpu_used_pct: f64,
    mem_total: u64,
    mem_total_mib: u64,
    mem_used: u64,
    mem_used_mib: u64,
    mem_cache: u64,
    disk_used: u64,
    disk_total: u64,
}

impl From<Point> for Metrics {
    fn from(point: Point) -> Self {
        Self {
            ts: point.timestamp_unix,
            cpu_count: point.cpu_count,
            cpu_used_pct: point.cpu_used_pct,
            mem_total: point.mem_total,
            mem_total_mib: point.mem_total >> 20,
            mem_used: point.mem_used,
            mem_used_mib: point.mem_used >> 20,
            mem_cache: point.mem_cache,
            disk_used: point.disk_used,
            disk_total: point.disk_total,
        }
    }
}

async fn metrics(Extension(sandbox): Inside) -> Result<Reply<Metrics>, Problem> {
    let point = sandbox.meter.read(&sandbox).await.pop();
    let point = point.ok_or_else(|| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nothing could be measured"))?;
    Ok(Reply(point.into()))
}

/// Takes in what was sent, if that is not much: who sends while it is refused may not get to read the answer.
async fn take(request: Request) {
    const MOST: usize = 1 << 20;
    const LONGEST: Duration = Duration::from_secs(1);
    let _ = tokio::time::timeout(LONGEST, axum::body::to_bytes(request.into_body(), MOST)).await;
}

async fn missing(request: Request) -> Problem {
    take(request).await;
    Problem::new(StatusCode::NOT_IMPLEMENTED, MISSING)
}

/// The error of a remote procedure call. That of a stream is its last message, and the only one.
async fn unimplemented(headers: HeaderMap, request: Request) -> Response {
    take(request).await;
    let error = json!({ "code": "unimplemented", "message": MISSING });
    let kind = headers.get(header::CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(b"application/connect+"));
    let Some(kind) = kind else { return (StatusCode::NOT_IMPLEMENTED, Reply(error)).into_response() };
    let message = json!({ "error": error }).to_string();
    let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
    let body: Vec<u8> = [LAST].into_iter().chain(length).chain(message.into_bytes()).collect();
    ([(header::CONTENT_TYPE, kind.clone())], Body::from(Bytes::from(body))).into_response()
}
