//! The code interpreter of a sandbox in E2B's dialect: what `execute` and `contexts` do, with the errors that E2B's
//! service has.

use std::sync::Arc;

use axum::extract::{Extension, FromRequest, Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json as Reply, Router};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::context::ContextInfo;
use super::super::sandbox::Sandbox;
use super::contexts::{self, CreateBody};
use super::execute::{self, ExecuteBody};
use super::reply::{Json, Problem};

pub(super) const PORT: u16 = 49_999;

type Inside = Extension<Arc<Sandbox>>;

pub(super) fn router() -> Router {
    Router::new()
        .route("/health", get(|| async { Reply("OK") }))
        .route("/execute", post(execute))
        .route("/contexts", get(list).post(create))
        .route("/contexts/{context}", delete(remove))
        .route("/contexts/{context}/restart", post(restart))
        .fallback(|| async { detail(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async { detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
}

async fn execute(Extension(sandbox): Inside, Body(mut body): Body<ExecuteBody>) -> Result<Response, Text> {
    body.check_one_place()?;
    sandbox.runner(body.language.as_deref()).await.map_err(no_language)?;
    // E2B's service has no such field, so a client that relies on it has to notice here.
    body.timeout = None;
    Ok(execute::run(sandbox, body).await?)
}

async fn create(Extension(sandbox): Inside, Body(body): Body<CreateBody>) -> Result<Reply<ContextInfo>, Text> {
    let runner = sandbox.runner(body.language.as_deref()).await.map_err(no_language)?;
    // A directory that cannot be entered is not told of: the context stays in the sandbox's own.
    let (context, _) =
        sandbox.start_context(runner, body.cwd.as_deref()).await.map_err(|error| not_created(&error.to_string()))?;
    contexts::add(&sandbox, &context);
    Ok(Reply(context.info.clone()))
}

async fn list(Extension(sandbox): Inside) -> Reply<Vec<ContextInfo>> {
    Reply(sandbox.list_contexts().await)
}

async fn restart(Extension(sandbox): Inside, Path(context): Path<String>) -> Result<Reply<()>, Text> {
    Ok(contexts::restart_in(&sandbox, &context).await?)
}

async fn remove(Extension(sandbox): Inside, Path(context): Path<String>) -> Result<Reply<()>, Text> {
    Ok(contexts::remove_in(&sandbox, &context).await?)
}

/// An error as this service tells it: the bare message.
struct Text(Problem);

impl From<Problem> for Text {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        (self.0.status(), self.0.into_message()).into_response()
    }
}

fn no_language(why: String) -> Text {
    not_created(&why)
}

fn not_created(why: &str) -> Text {
    let message = format!("Failed to create context: {why}");
    Text(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message))
}

fn detail(status: StatusCode, detail: &str) -> Response {
    (status, Reply(json!({ "detail": detail }))).into_response()
}

/// A JSON body; one of the wrong shape is refused the way the framework of E2B's service does.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(problem) if problem.status() == StatusCode::BAD_REQUEST => {
                let error = json!([{ "type": "value_error", "loc": ["body"], "msg": problem.into_message() }]);
                Err((StatusCode::UNPROCESSABLE_ENTITY, Reply(json!({ "detail": error }))).into_response())
            }
            Err(problem) => Err(Text(problem).into_response()),
        }
    }
}
