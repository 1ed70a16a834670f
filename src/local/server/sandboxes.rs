//! The control plane: sandboxes come, are listed, and go.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::super::message::Environment;
use super::super::registry::{DEFAULT_RUNTIME, Registry, Specification};
use super::super::sandbox::Metadata;
use super::super::tokens::Secured;
use super::info::Info;
use super::listing::Listing;
use super::reply::{Json, Problem, check_environment, positive_seconds, seconds};

const DEFAULT_SECONDS: f64 = 300.0;
/// A refresh is never for less.
const LEAST_REFRESH: f64 = 15.0;
const MOST_REFRESH: f64 = 3600.0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBody {
    runtime: Option<String>,
    #[serde(rename = "templateID")]
    template_id: Option<String>,
    timeout: Option<f64>,
    metadata: Option<Metadata>,
    env_vars: Option<Environment>,
    secure: Option<bool>,
    network: Option<Network>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    allow_public_traffic: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct TimeoutBody {
    timeout: f64,
}

#[derive(Deserialize)]
pub(super) struct ConnectBody {
    timeout: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct RefreshBody {
    duration: Option<f64>,
}

type Shared = State<Arc<Registry>>;

pub(super) async fn create(
    State(registry): Shared,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let secured = Secured { access: body.secure == Some(true), traffic: body.is_private() };
    if secured.traffic && !secured.access {
        return Err(Problem::bad_request("network.allowPublicTraffic can be false only when secure is true"));
    }
    create_as(&registry, body, secured).await
}

/// The second generation: sandboxes always have a token.
pub(super) async fn create_secured(
    State(registry): Shared,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let secured = Secured { access: true, traffic: body.is_private() };
    create_as(&registry, body, secured).await
}

async fn create_as(
    registry: &Arc<Registry>,
    body: CreateBody,
    secured: Secured,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let env = body.env_vars.unwrap_or_default();
    check_environment(&env)?;
    let specification = Specification {
        runtime: body.runtime.or(body.template_id).unwrap_or_else(|| DEFAULT_RUNTIME.to_owned()),
        timeout: positive_seconds("timeout", body.timeout.unwrap_or(DEFAULT_SECONDS))?,
        metadata: body.metadata.unwrap_or_default(),
        env,
        secured,
    };
    let sandbox = registry.create(specification).await?;
    Ok((StatusCode::CREATED, Reply(Info::with_tokens(&sandbox))))
}

impl CreateBody {
    fn is_private(&self) -> bool {
        self.network.as_ref().is_some_and(|network| network.allow_public_traffic == Some(false))
    }
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
    let found = listing.filter(registry.list());
    let mut headers = HeaderMap::new();
    if listing.shows_running() {
        headers.insert("x-total-running", HeaderValue::from(found.len()));
    }
    let (found, next) = listing.page(found);
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        headers.insert("x-next-token", next);
    }
    Ok((headers, Reply(found.iter().map(|sandbox| Info::new(sandbox)).collect())))
}

pub(super) async fn get(State(registry): Shared, Path(id): Path<String>) -> Result<Reply<Info>, Problem> {
    Ok(Reply(Info::with_tokens(&*registry.get(&id)?)))
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
    connect_for(&registry, &id, body.timeout)
}

/// The second generation: who gives no time gets the default one.
pub(super) async fn connect_or_default(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<ConnectBody>,
) -> Result<Reply<Info>, Problem> {
    connect_for(&registry, &id, Some(body.timeout.unwrap_or(DEFAULT_SECONDS)))
}

fn connect_for(registry: &Registry, id: &str, timeout: Option<f64>) -> Result<Reply<Info>, Problem> {
    let timeout = timeout.map(|timeout| seconds("timeout", timeout)).transpose()?;
    let sandbox = registry.get(id)?;
    if let Some(timeout) = timeout {
        sandbox.extend(timeout);
    }
    Ok(Reply(Info::with_tokens(&sandbox)))
}

pub(super) async fn refresh(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<RefreshBody>,
) -> Result<StatusCode, Problem> {
    let duration = body.duration.unwrap_or(LEAST_REFRESH);
    if !(0.0..=MOST_REFRESH).contains(&duration) {
        return Err(Problem::bad_request(format!("duration must be from 0 to {MOST_REFRESH} seconds")));
    }
    registry.get(&id)?.extend(seconds("duration", duration.max(LEAST_REFRESH))?);
    Ok(StatusCode::NO_CONTENT)
}

/// What else E2B can do with a sandbox. E2B's clients take a 404 for a sandbox that is gone, so it must not be one.
pub(super) async fn unsupported(
    State(registry): Shared,
    Path((id, verb)): Path<(String, String)>,
) -> Result<(), Problem> {
    registry.get(&id)?;
    let message = format!("the embedded engine does not support {verb:?} of a sandbox");
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, message))
}
