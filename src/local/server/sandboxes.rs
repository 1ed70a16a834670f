//! The control plane: sandboxes come, are listed, and go.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::machine::Machine;
use super::super::message::Environment;
use super::super::registry::{DEFAULT_RUNTIME, Registry, Specification};
use super::super::sandbox::{Metadata, Sandbox};
use super::listing::Listing;
use super::reply::{Json, Problem, check_environment, positive_seconds, seconds};

const DEFAULT_SECONDS: f64 = 300.0;
/// What clients that ask for it make their features depend on.
const ENVD_VERSION: &str = "0.6.13";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBody {
    runtime: Option<String>,
    #[serde(rename = "templateID")]
    template_id: Option<String>,
    timeout: Option<f64>,
    metadata: Option<Metadata>,
    env_vars: Option<Environment>,
}

#[derive(Deserialize)]
pub(super) struct TimeoutBody {
    timeout: f64,
}

#[derive(Deserialize)]
pub(super) struct ConnectBody {
    timeout: Option<f64>,
}

/// A sandbox as clients see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    #[serde(rename = "sandboxID")]
    sandbox_id: String,
    #[serde(rename = "templateID")]
    template_id: String,
    #[serde(rename = "clientID")]
    client_id: &'static str,
    envd_version: &'static str,
    runtime: String,
    interpreter: String,
    confinement: &'static str,
    state: &'static str,
    started_at: String,
    end_at: String,
    metadata: Metadata,
    cpu_count: usize,
    #[serde(rename = "memoryMB")]
    memory_mb: u64,
    #[serde(rename = "diskSizeMB")]
    disk_size_mb: u64,
}

impl Info {
    fn new(sandbox: &Sandbox) -> Self {
        let machine = Machine::new(&sandbox.directory);
        Self {
            sandbox_id: sandbox.id.clone(),
            template_id: sandbox.template.clone(),
            client_id: "local",
            envd_version: ENVD_VERSION,
            runtime: sandbox.interpreter.runtime(),
            interpreter: sandbox.interpreter.path().display().to_string(),
            confinement: "none",
            state: "running",
            started_at: sandbox.started_at.to_string(),
            end_at: sandbox.end.borrow().timestamp.to_string(),
            metadata: sandbox.metadata.clone(),
            cpu_count: machine.cpu_count,
            memory_mb: machine.memory_mb,
            disk_size_mb: machine.disk_size_mb,
        }
    }
}

type Shared = State<Arc<Registry>>;

pub(super) async fn create(
    State(registry): Shared,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let env = body.env_vars.unwrap_or_default();
    check_environment(&env)?;
    let specification = Specification {
        runtime: body.runtime.or(body.template_id).unwrap_or_else(|| DEFAULT_RUNTIME.to_owned()),
        timeout: positive_seconds("timeout", body.timeout.unwrap_or(DEFAULT_SECONDS))?,
        metadata: body.metadata.unwrap_or_default(),
        env,
    };
    let sandbox = registry.create(specification).await?;
    Ok((StatusCode::CREATED, Reply(Info::new(&sandbox))))
}

pub(super) async fn list(State(registry): Shared, RawQuery(query): RawQuery) -> Result<Reply<Vec<Info>>, Problem> {
    let found = Listing::parse(query.as_deref())?.filter(registry.list());
    Ok(Reply(found.iter().map(|sandbox| Info::new(sandbox)).collect()))
}

pub(super) async fn list_page(
    State(registry): Shared,
    RawQuery(query): RawQuery,
) -> Result<(HeaderMap, Reply<Vec<Info>>), Problem> {
    let listing = Listing::parse(query.as_deref())?;
    let (found, next) = listing.page(listing.filter(registry.list()));
    let mut headers = HeaderMap::new();
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        headers.insert("x-next-token", next);
    }
    Ok((headers, Reply(found.iter().map(|sandbox| Info::new(sandbox)).collect())))
}

pub(super) async fn get(State(registry): Shared, Path(id): Path<String>) -> Result<Reply<Info>, Problem> {
    Ok(Reply(Info::new(&*registry.get(&id)?)))
}

pub(super) async fn kill(State(registry): Shared, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let sandbox = registry.get(&id)?;
    registry.kill(sandbox).await;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn set_timeout(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<TimeoutBody>,
) -> Result<StatusCode, Problem> {
    let timeout = seconds("timeout", body.timeout)?;
    registry.get(&id)?.set_timeout(timeout);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn connect(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<ConnectBody>,
) -> Result<Reply<Info>, Problem> {
    let timeout = body.timeout.map(|timeout| seconds("timeout", timeout)).transpose()?;
    let sandbox = registry.get(&id)?;
    if let Some(timeout) = timeout {
        sandbox.extend(timeout);
    }
    Ok(Reply(Info::new(&sandbox)))
}
