//! The contexts of a sandbox.

use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::context::ContextInfo;
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
    let sandbox = registry.get(&id)?;
    let runner = sandbox.runner(body.language.as_deref()).await.map_err(Problem::bad_request)?;
    let (context, failure) = sandbox.start_context(runner, body.cwd.as_deref()).await?;
    if let Some(failure) = failure {
        let message = format!("cannot enter the context's directory: {failure}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, message));
    }
    sandbox.contexts.add(&context);
    Ok(Reply(context.info.clone()))
}

pub(super) async fn list(State(registry): Shared, Path(id): Path<String>) -> Result<Reply<Vec<ContextInfo>>, Problem> {
    Ok(Reply(registry.get(&id)?.list_contexts().await))
}

pub(super) async fn restart(
    State(registry): Shared,
    Path((id, context)): Path<(String, String)>,
) -> Result<Reply<()>, Problem> {
    restart_in(&*registry.get(&id)?, &context).await
}

pub(super) async fn remove(
    State(registry): Shared,
    Path((id, context)): Path<(String, String)>,
) -> Result<Reply<()>, Problem> {
    remove_in(&*registry.get(&id)?, &context).await
}

pub(super) async fn restart_in(sandbox: &Sandbox, context: &str) -> Result<Reply<()>, Problem> {
    sandbox.contexts.get(context).ok_or_else(|| unknown_context(context))?.restart().await;
    Ok(Reply(()))
}

pub(super) async fn remove_in(sandbox: &Sandbox, context: &str) -> Result<Reply<()>, Problem> {
    if !sandbox.contexts.remove(context).await {
        return Err(unknown_context(context));
    }
    Ok(Reply(()))
}
