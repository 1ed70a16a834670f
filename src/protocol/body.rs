//! The bodies that are sent.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::{Base, CreateContext, CreateSandbox, Execute};

/// The life of a sandbox where one must be said: E2B's own clients say this, and its older server makes it 15 s if not.
const DEFAULT_LIFE: u64 = 300;

/// The metadata that notes the language of a sandbox, for clients that know only its id.
pub(super) const LANGUAGE: &str = "code_interpreter_language";

pub(super) fn create_body(spec: &CreateSandbox) -> Vec<u8> {
    let mut body = Map::new();
    match &spec.base {
        Base::Runtime(name) => body.insert("runtime".into(), name.as_str().into()),
        Base::Template(name) => body.insert("templateID".into(), name.as_str().into()),
    };
    if let Some(life) = spec.timeout {
        body.insert("timeout".into(), whole_seconds(life).into());
    }
    if !spec.metadata.is_empty() {
        body.insert("metadata".into(), json!(spec.metadata));
    }
    if !spec.env.0.is_empty() {
        body.insert("envVars".into(), json!(spec.env));
    }
    if spec.pauses_at_end {
        body.insert("autoPause".into(), true.into());
    }
    bytes(Value::Object(body))
}

pub(super) fn create_body_for_e2b(spec: &CreateSandbox, template: &str, language: Option<&str>) -> Vec<u8> {
    let mut metadata = spec.metadata.clone();
    if let Some(language) = language {
        metadata.entry(LANGUAGE.to_owned()).or_insert_with(|| language.to_owned());
    }
    let mut body = json!({
        "templateID": template,
        "timeout": spec.timeout.map_or(DEFAULT_LIFE, whole_seconds),
        "secure": true,
        "metadata": metadata,
        "envVars": spec.env,
    });
    if spec.pauses_at_end {
        body["autoPause"] = true.into();
    }
    bytes(body)
}

pub(super) fn connect_body(life: Option<Duration>) -> Vec<u8> {
    bytes(json!({ "timeout": life.map_or(DEFAULT_LIFE, whole_seconds) }))
}

/// Memory is kept unless something is said.
pub(super) fn pause_body() -> Vec<u8> {
    bytes(json!({}))
}

pub(super) fn context_body(spec: &CreateContext) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("language".into(), spec.language.as_str().into());
    if let Some(cwd) = &spec.cwd {
        body.insert("cwd".into(), cwd.as_str().into());
    }
    bytes(Value::Object(body))
}

/// `language` is for code that names none and no context; `deadline` is for a server that takes one.
pub(super) fn execute_body(request: &Execute, language: Option<&str>, deadline: Option<Duration>) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("code".into(), request.code.as_str().into());
    if let Some(context) = &request.context {
        body.insert("context_id".into(), context.as_str().into());
    }
    let language = request.language.as_deref().or(language.filter(|_| request.context.is_none()));
    if let Some(language) = language {
        body.insert("language".into(), language.into());
    }
    if !request.env.0.is_empty() {
        body.insert("env_vars".into(), json!(request.env));
    }
    if let Some(deadline) = deadline {
        body.insert("timeout".into(), deadline.as_secs_f64().into());
    }
    bytes(Value::Object(body))
}

pub(super) fn timeout_body(life: Duration) -> Vec<u8> {
    bytes(json!({ "timeout": whole_seconds(life) }))
}

fn bytes(body: Value) -> Vec<u8> {
    body.to_string().into_bytes()
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
        let create = create_body(&CreateSandbox::new("python3.10"));
        assert_eq!(parsed(&create), json!({ "runtime": "python3.10" }));
        let execute = execute_body(&Execute::new("1 + 1"), None, None);
        assert_eq!(parsed(&execute), json!({ "code": "1 + 1" }));
    }

    #[test]
    fn everything_given_is_sent() {
        let spec = CreateSandbox::new("x").timeout(Duration::from_millis(1500)).env("A", "b").metadata("c", "d");
        assert_eq!(
            parsed(&create_body(&spec)),
            json!({ "runtime": "x", "timeout": 2, "metadata": { "c": "d" }, "envVars": { "A": "b" } })
        );
        let request = Execute::new("x").context("c").language("python").env("A", "b");
        assert_eq!(
            parsed(&execute_body(&request, Some("bash"), Some(Duration::from_millis(250)))),
            json!({ "code": "x", "context_id": "c", "language": "python", "env_vars": { "A": "b" }, "timeout": 0.25 })
        );
        assert_eq!(parsed(&timeout_body(Duration::MAX)), json!({ "timeout": i32::MAX }));
    }

    #[test]
    fn a_sandboxs_language_is_for_code_that_names_none() {
        let language = |request: &Execute| parsed(&execute_body(request, Some("bash"), None))["language"].clone();
        assert_eq!(language(&Execute::new("x")), "bash");
        assert_eq!(language(&Execute::new("x").language("r")), "r");
        assert_eq!(language(&Execute::new("x").context("c")), Value::Null);
        let body = parsed(&create_body_for_e2b(&"node".into(), "code-interpreter-v1", Some("javascript")));
        assert_eq!(body["metadata"], json!({ LANGUAGE: "javascript" }));
    }
}
