//! Running code: the answer is a line for each event, as it happens.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::Instant;

use super::super::context::Context;
use super::super::message::Environment;
use super::super::registry::Registry;
use super::super::run;
use super::super::sandbox::Sandbox;
use super::reply::{Json, Problem, check_environment, limit};

/// Tells the client that this server ends the run at its timeout.
const TIMEOUT_TAKEN: &str = "x-execution-timeout";

#[derive(Deserialize)]
pub(super) struct ExecuteBody {
    code: String,
    context_id: Option<String>,
    pub(super) language: Option<String>,
    env_vars: Option<Environment>,
    pub(super) timeout: Option<f64>,
}

impl ExecuteBody {
    /// A context has its language, so that naming both is a mistake.
    pub(super) fn check_one_place(&self) -> Result<(), Problem> {
        let is_given = |field: &Option<String>| field.as_deref().is_some_and(|field| !field.is_empty());
        if is_given(&self.context_id) && is_given(&self.language) {
            return Err(Problem::bad_request("Only one of context_id or language can be provided"));
        }
        Ok(())
    }
}

pub(super) async fn execute(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
    Json(body): Json<ExecuteBody>,
) -> Result<Response, Problem> {
    run(registry.running(&id)?, body).await
}

/// Starts the run, whose events are the answer.
pub(super) async fn run(sandbox: Arc<Sandbox>, body: ExecuteBody) -> Result<Response, Problem> {
    let arrived = Instant::now();
    let context = find_context(&sandbox, &body).await?;
    let timeout = body.timeout.map(|timeout| limit("timeout", timeout)).transpose()?.flatten();
    let env = body.env_vars.unwrap_or_default();
    check_environment(&env)?;
    let events = run::start(sandbox, context, run::Request { code: body.code, env, timeout, arrived });
    let mut response = Body::from_stream(events).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    if let Some(taken) = timeout.and_then(|timeout| HeaderValue::try_from(timeout.as_secs_f64().to_string()).ok()) {
        headers.insert(TIMEOUT_TAKEN, taken);
    }
    Ok(response)
}

async fn find_context(sandbox: &Sandbox, body: &ExecuteBody) -> Result<Arc<Context>, Problem> {
    body.check_one_place()?;
    match body.context_id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => sandbox.contexts.get(id).ok_or_else(|| unknown_context(id)),
        None => {
            let runner = sandbox.runner(body.language.as_deref()).await.map_err(Problem::bad_request)?;
            Ok(sandbox.contexts.default(runner)?)
        }
    }
}

pub(super) fn unknown_context(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("Context {id} not found"))
}
