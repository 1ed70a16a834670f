//! The control plane: sandboxes come, are listed, and go.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::super::log::Severity;
use super::super::message::Environment;
use super::super::registry::{DEFAULT_RUNTIME, Registry, Specification};
use super::super::sandbox::Metadata;
use super::super::tokens::Secured;
use super::info::Info;
use super::lifecycle::without_memory;
use super::listing::Listing;
use super::reply::{Json, Problem, check_environment, positive_seconds};
use super::unavailable::{Wishes, check_offline};

/// How long a sandbox lives whose client does not say.
pub(super) const DEFAULT_SECONDS: f64 = 300.0;

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
    auto_pause: Option<bool>,
    auto_pause_memory: Option<bool>,
    auto_resume: Option<AutoResume>,
    #[serde(rename = "allow_internet_access")]
    allow_internet_access: Option<bool>,
    #[serde(flatten)]
    wishes: Wishes,
}

#[derive(Deserialize)]
struct AutoResume {
    enabled: Option<bool>,
}

type Shared = State<Arc<Registry>>;

pub(super) async fn create(
    State(registry): Shared,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let secured = Secured { access: body.secure == Some(true), traffic: body.wishes.is_private() };
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
    let secured = Secured { access: true, traffic: body.wishes.is_private() };
    create_as(&registry, body, secured).await
}

async fn create_as(
    registry: &Arc<Registry>,
    body: CreateBody,
    secured: Secured,
) -> Result<(StatusCode, Reply<Info>), Problem> {
    let pauses_at_end = body.auto_pause == Some(true);
    if pauses_at_end && body.auto_pause_memory == Some(false) {
        return Err(without_memory());
    }
    let env = body.env_vars.unwrap_or_default();
    check_environment(&env)?;
    body.wishes.check()?;
    if body.allow_internet_access == Some(false) {
        check_offline(registry.place.confinement.policy())?;
    }
    let specification = Specification {
        runtime: body.runtime.or(body.template_id).unwrap_or_else(|| DEFAULT_RUNTIME.to_owned()),
        timeout: positive_seconds("timeout", body.timeout.unwrap_or(DEFAULT_SECONDS))?,
        pauses_at_end,
        auto_resumes: body.auto_resume.is_some_and(|resume| resume.enabled == Some(true)),
        allows_internet: body.allow_internet_access,
        metadata: body.metadata.unwrap_or_default(),
        env,
        secured,
    };
    let sandbox = registry.create(specification).await?;
    Ok((StatusCode::CREATED, Reply(Info::with_tokens(&sandbox))))
}

pub(super) async fn list(State(registry): Shared, RawQuery(query): RawQuery) -> Result<Reply<Vec<Info>>, Problem> {
    let found = Listing::parse(query.as_deref())?.only_running().filter(registry.list());
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
        let running = found.iter().filter(|sandbox| !sandbox.is_paused()).count();
        headers.insert("x-total-running", HeaderValue::from(running));
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
    sandbox.log.note(Severity::Info, "ended: killed by a client");
    registry.kill(sandbox).await;
    Ok(StatusCode::NO_CONTENT)
}
