//! Bodies, in and out: JSON, and every error in one shape.

use std::time::Duration;

use axum::Json as AxumJson;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A year: what is longer means "for ever", and would overflow clocks.
const MAX_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

/// Tells E2B's newer clients whether to ask again.
const SHOULD_RETRY: &str = "should-retry";

/// An error as the wire has it: `{"code": .., "message": ..}`.
#[derive(Debug)]
pub(in crate::local) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(in crate::local) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_message(self) -> String {
        self.message
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Shape {
            code: u16,
            message: String,
        }
        let shape = Shape { code: self.status.as_u16(), message: self.message };
        // An engine that stops does not come back.
        let is_final = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let mut response = (self.status, AxumJson(shape)).into_response();
        if is_final {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }
}

/// A JSON body, whatever type it claims to be; no body at all is an empty object.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        let text = if bytes.is_empty() { b"{}".as_slice() } else { &bytes };
        let value = serde_json::from_slice(text).map_err(|error| {
            Problem::bad_request(format!("the body is not the JSON that is expected here: {error}"))
        })?;
        Ok(Self(value))
    }
}

/// Seconds of a request as a duration of a year at most; `what` names the field.
pub(super) fn seconds(what: &str, value: f64) -> Result<Duration, Problem> {
    if value.is_nan() || value < 0.0 {
        return Err(Problem::bad_request(format!("{what} must be a number of seconds from 0 on, not {value}")));
    }
    Ok(Duration::from_secs_f64(value.min(MAX_SECONDS)))
}

/// As [`seconds`], for a time that must not be over at once.
pub(super) fn positive_seconds(what: &str, value: f64) -> Result<Duration, Problem> {
    let duration = seconds(what, value)?;
    if value == 0.0 {
        return Err(Problem::bad_request(format!("{what} must be greater than 0")));
    }
    Ok(duration.max(Duration::from_nanos(1)))
}

/// As [`positive_seconds`], where more than a year is no limit at all.
pub(super) fn limit(what: &str, value: f64) -> Result<Option<Duration>, Problem> {
    let duration = positive_seconds(what, value)?;
    Ok((value <= MAX_SECONDS).then_some(duration))
}

/// Refuses what no process can have in its environment.
pub(super) fn check_environment<'a>(
    variables: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), Problem> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(Problem::bad_request(format!("{name:?} cannot be set as an environment variable")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds("timeout", 0.25).ok(), Some(Duration::from_millis(250)));
        assert!(seconds("timeout", 0.0).is_ok() && positive_seconds("timeout", 0.0).is_err());
        for bad in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(seconds("timeout", bad).is_err() && limit("timeout", bad).is_err(), "{bad}");
        }
        let year = Duration::from_secs(365 * 24 * 3600);
        for long in [f64::INFINITY, 1e300, MAX_SECONDS + 1.0] {
            assert_eq!(seconds("timeout", long).ok(), Some(year));
            assert_eq!(limit("timeout", long).ok(), Some(None));
        }
        assert_eq!(limit("timeout", MAX_SECONDS).ok(), Some(Some(year)));
        assert_eq!(limit("timeout", 1e-300).ok(), Some(Some(Duration::from_nanos(1))));
        assert!(limit("timeout", 0.0).is_err() && limit("timeout", -0.0).is_err());
    }

    #[test]
    fn environments() {
        let check = |name: &str, value: &str| check_environment([(&name.to_owned(), &value.to_owned())]).is_ok();
        assert!(check("A", "") && check("A", "b=c\n"));
        assert!(!check("", "x") && !check("A=B", "x") && !check("A\0", "x") && !check("A", "\0"));
    }
}
