//! Answers that should be JSON.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

pub(super) fn parse(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|cause| {
        let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
        Error::new(ErrorKind::Protocol, format!("the answer is not JSON: {shown:?}"))
            .hint("check that the address is that of a code-interpreter service")
            .with_source(cause)
    })
}

pub(super) fn unexpected(wanted: &str, got: &Value) -> Error {
    let shown: String = got.to_string().chars().take(200).collect();
    Error::new(ErrorKind::Protocol, format!("the answer is not {wanted}: {shown}"))
}
