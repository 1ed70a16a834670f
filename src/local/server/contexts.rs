//! The contexts of a sandbox.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::context::{Context, ContextInfo};
use super::super::log::Severity;
use super::super::registry::Registry;
use super::super::sandbox::Sandbox;
use super::execute::unknown_context;
use super::reply::{Json, Problem};

#[derive(Deserialize)]
pub(super) struct CreateBody {
    pub(super) language: Option<String>,
    pub(super) cwd: Option<String>,
}

type Shared = State<Arc<Registry>>;

pub(super) async fn create(
    State(registry): Shared,
    Path(id): Path<String>,
    Json(body): Json<CreateBody>,
) -> Result<Reply<ContextInfo>, Problem> {
    let sandbox = registry.running(&id)?;
    let runner = sandbox.runner(body.language.as_deref()).await.map_err(Problem::bad_request)?;
    let (context, failure) = sandbox.start_context(runner, body.cwd.as_deref()).await?;
    if let Some(failure) = failure {
        let message = format!("cannot enter the context's directory: {failure}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, message));
    }
    add(&sandbox, &context);
    Ok(Reply(context.info.clone()))
}

pub(super) async fn list(State(registry): Shared, Path(id): Path<String>) -> Result<Reply<Vec<ContextInfo>>, Problem> {
    Ok(Reply(registry.running(&id)?.list_contexts().await))
}

pub(super) async fn restart(
    State(registry): Shared,
    Path((id, context)): Path<(String, String)>,
) -> Result<Reply<()>, Problem> {
    restart_in(&*registry.running(&id)?, &context).await
}

pub(super) async fn remove(
    State(registry): Shared,
    Path((id, context)): Path<(String, String)>,
) -> Result<Reply<()>, Problem> {
    remove_in(&*registry.running(&id)?, &context).await
}

/// Lists a context that has started.
pub(super) fn add(sandbox: &Sandbox, context: &Arc<Context>) {
    sandbox.contexts.add(context);
    sandbox.log.note(Severity::Info, format!("context {} started", context.info.id));
}

pub(super) async fn restart_in(sandbox: &Sandbox, context: &str) -> Result<Reply<()>, Problem> {
    sandbox.contexts.get(context).ok_or_else(|| unknown_context(context))?.restart().await;
    sandbox.log.note(Severity::Info, format!("context {context} restarted"));
    Ok(Reply(()))
}

pub(super) async fn remove_in(sandbox: &Sandbox, context: &str) -> Result<Reply<()>, Problem> {
    if !sandbox.contexts.remove(context).await {
        return Err(unknown_context(context));
    }
    sandbox.log.note(Severity::Info, format!("context {context} removed"));
    Ok(Reply(()))
}
