//! What a sandbox says of its contexts.

use serde_json::Value;

use super::json::{parse, unexpected};
use crate::{error::Result, model::Context};

pub(crate) fn decode_context(body: &[u8]) -> Result<Context> {
    read(&parse(body)?)
}

pub(crate) fn decode_contexts(body: &[u8]) -> Result<Vec<Context>> {
    match parse(body)? {
        Value::Array(items) => items.iter().map(read).collect(),
        other => Err(unexpected("a list of contexts", &other)),
    }
}

fn read(value: &Value) -> Result<Context> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let context = Context { id: text("id"), language: text("language"), cwd: text("cwd") };
    if context.id.is_empty() { Err(unexpected("a context with an id", value)) } else { Ok(context) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_read_and_what_is_none_is_an_error() {
        let context = decode_context(br#"{"id":"c","language":"python","cwd":"/x","new":1}"#).unwrap();
        assert_eq!((context.id.as_str(), context.language.as_str(), context.cwd.as_str()), ("c", "python", "/x"));
        assert_eq!(decode_contexts(b"[]").unwrap(), []);
        for bad in ["", "{}", "null", r#"{"id":7}"#] {
            assert!(decode_context(bad.as_bytes()).is_err() && decode_contexts(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
