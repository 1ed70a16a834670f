//! The bodies that are sent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::{CreateSandbox, Execute};

/// Which field names the runtime, and what it holds.
pub(crate) fn create_body(field: &str, name: &str, spec: &CreateSandbox) -> Vec<u8> {
    let mut body = Map::new();
    body.insert(field.to_owned(), name.into());
    if let Some(life) = spec.timeout {
        body.insert("timeout".into(), whole_seconds(life).into());
    }
    if !spec.metadata.is_empty() {
        body.insert("metadata".into(), json!(spec.metadata));
    }
    if !spec.env.is_empty() {
        body.insert("envVars".into(), json!(spec.env));
    }
    Value::Object(body).to_string().into_bytes()
}

/// `deadline` is the execution's, for a server that takes one.
pub(crate) fn execute_body(request: &Execute, deadline: Option<Duration>) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("code".into(), request.code.as_str().into());
    if let Some(context) = &request.context {
        body.insert("context_id".into(), context.as_str().into());
    }
    if let Some(language) = &request.language {
        body.insert("language".into(), language.as_str().into());
    }
    if !request.env.is_empty() {
        body.insert("env_vars".into(), json!(request.env));
    }
    if let Some(deadline) = deadline {
        body.insert("timeout".into(), deadline.as_secs_f64().into());
    }
    Value::Object(body).to_string().into_bytes()
}

pub(crate) fn timeout_body(life: Duration) -> Vec<u8> {
    json!({ "timeout": whole_seconds(life) }).to_string().into_bytes()
}

/// Servers take whole seconds, in 32 bits; rounding up keeps a sandbox no shorter than asked.
fn whole_seconds(life: Duration) -> u64 {
    let seconds = life.as_secs().saturating_add(u64::from(life.subsec_nanos() > 0));
    seconds.min(i32::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn only_what_was_given_is_sent() {
        let create = create_body("runtime", "python3.10", &CreateSandbox::new("python3.10"));
        assert_eq!(parsed(&create), json!({ "runtime": "python3.10" }));
        let execute = execute_body(&Execute::new("1 + 1"), None);
        assert_eq!(parsed(&execute), json!({ "code": "1 + 1" }));
    }

    #[test]
    fn everything_given_is_sent() {
        let spec = CreateSandbox::new("x").timeout(Duration::from_millis(1500)).env("A", "b").metadata("c", "d");
        assert_eq!(
            parsed(&create_body("templateID", "t", &spec)),
            json!({ "templateID": "t", "timeout": 2, "metadata": { "c": "d" }, "envVars": { "A": "b" } })
        );
        let request = Execute::new("x").context("c").language("python").env("A", "b");
        assert_eq!(
            parsed(&execute_body(&request, Some(Duration::from_millis(250)))),
            json!({ "code": "x", "context_id": "c", "language": "python", "env_vars": { "A": "b" }, "timeout": 0.25 })
        );
        assert_eq!(parsed(&timeout_body(Duration::MAX)), json!({ "timeout": i32::MAX }));
    }
}
