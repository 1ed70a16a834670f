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

/// Names what came without repeating it: answers hold tokens.
pub(super) fn unexpected(wanted: &str, got: &Value) -> Error {
    let got = match got {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) if fields.is_empty() => "an empty object".to_owned(),
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().map(String::as_str).take(20).collect();
            format!("an object with the fields {}", names.join(", "))
        }
    };
    Error::new(ErrorKind::Protocol, format!("the answer is {got}, not {wanted}"))
}
