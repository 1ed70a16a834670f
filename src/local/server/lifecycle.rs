//! The life of a sandbox: its time is moved, it is paused and resumed.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Reply;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::registry::Registry;
use super::info::Info;
use super::reply::{Json, Problem, seconds};
use super::sandboxes::DEFAULT_SECONDS;

/// The first generation's life after a resume that names none, and what a refresh is at least for.
const SHORT_SECONDS: f64 = 15.0;
const MOST_REFRESH: f64 = 3600.0;

#[derive(Deserialize)]
pub(super) struct TimeoutBody {
    timeout: f64,
}

#[derive(Deserialize)]
pub(super) struct ConnectBody {
    timeout: Option<f64>,
    memory: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumeBody {
    timeout: Option<f64>,
    auto_pause: Option<bool>,
    memory: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct PauseBody {
    memory: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct RefreshBody {
    duration: Option<f64>,
}

type Shared = State<Arc<Registry>>;
type Answer = Result<(StatusCode, Reply<Info>), Problem>;

pub(super) async fn set_timeout(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<TimeoutBody>,
) -> Result<StatusCode, Problem> {
    let timeout = seconds("timeout", body.timeout)?;
    if !registry.get(&id)?.set_timeout(timeout) {
        return Err(has_no_end(&id));
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn refresh(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<RefreshBody>,
) -> Result<StatusCode, Problem> {
    let duration = body.duration.unwrap_or(SHORT_SECONDS);
    if !(0.0..=MOST_REFRESH).contains(&duration) {
        return Err(Problem::bad_request(format!("duration must be from 0 to {MOST_REFRESH} seconds")));
    }
    let sandbox = registry.get(&id)?;
    if sandbox.is_paused() {
        return Err(has_no_end(&id));
    }
    sandbox.extend(seconds("duration", duration.max(SHORT_SECONDS))?);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn pause(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<PauseBody>,
) -> Result<StatusCode, Problem> {
    let sandbox = registry.get(&id)?;
    check_memory(body.memory)?;
    if sandbox.pause().await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    // It may have ended meanwhile.
    registry.get(&id)?;
    let message = format!("Error pausing sandbox - sandbox '{id}' is already paused");
    Err(Problem::new(StatusCode::CONFLICT, message))
}

/// The first generation's way, which is for sandboxes that are paused only.
pub(super) async fn resume(State(registry): Shared, Path(id): Path<String>, Json(body): Json<ResumeBody>) -> Answer {
    let sandbox = registry.get(&id)?;
    check_memory(body.memory)?;
    if !sandbox.resume(seconds("timeout", body.timeout.unwrap_or(SHORT_SECONDS))?).await {
        registry.get(&id)?;
        let message = format!("Sandbox \"{id}\" is already running");
        return Err(Problem::new(StatusCode::CONFLICT, message));
    }
    if let Some(pauses) = body.auto_pause {
        sandbox.set_pauses_at_end(pauses);
    }
    Ok((StatusCode::CREATED, Reply(Info::with_tokens(&sandbox))))
}

pub(super) async fn connect(State(registry): Shared, Path(id): Path<String>, Json(body): Json<ConnectBody>) -> Answer {
    let timeout = body.timeout.map(|timeout| seconds("timeout", timeout)).transpose()?;
    check_memory(body.memory)?;
    connect_for(&registry, &id, timeout).await
}

/// The second generation: who gives no time gets the default one.
pub(super) async fn connect_or_default(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<ConnectBody>,
) -> Answer {
    check_memory(body.memory)?;
    let timeout = seconds("timeout", body.timeout.unwrap_or(DEFAULT_SECONDS))?;
    connect_for(&registry, &id, Some(timeout)).await
}

/// Resumes it if it is paused; otherwise moves its end, if that is later.
async fn connect_for(registry: &Registry, id: &str, timeout: Option<Duration>) -> Answer {
    let sandbox = registry.get(id)?;
    let default = Duration::from_secs_f64(DEFAULT_SECONDS);
    if sandbox.is_paused() && sandbox.resume(timeout.unwrap_or(default)).await {
        return Ok((StatusCode::CREATED, Reply(Info::with_tokens(&sandbox))));
    }
    if let Some(timeout) = timeout {
        sandbox.extend(timeout);
    }
    Ok((StatusCode::OK, Reply(Info::with_tokens(&sandbox))))
}

fn check_memory(memory: Option<bool>) -> Result<(), Problem> {
    if memory == Some(false) { Err(without_memory()) } else { Ok(()) }
}

pub(super) fn without_memory() -> Problem {
    let message = "the embedded engine keeps the memory of a sandbox that is paused; it cannot keep the files alone";
    Problem::new(StatusCode::NOT_IMPLEMENTED, message)
}

/// In E2B's way a sandbox that is paused is not among those whose time can be moved.
fn has_no_end(id: &str) -> Problem {
    let message = format!("Sandbox \"{id}\" is paused, and has no end to move; resume it first");
    Problem::new(StatusCode::NOT_FOUND, message)
}
