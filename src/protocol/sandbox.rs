//! What the control plane says of a sandbox, in the spellings that are about.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::{
    Route,
    body::LANGUAGE,
    json::{parse, unexpected},
    route::{checked_domain, checked_id},
};
use crate::{
    config::Secret,
    error::Result,
    model::{SandboxInfo, SandboxState},
};

/// Decodes one sandbox, and how it is reached.
pub(crate) fn decode_sandbox(body: &[u8]) -> Result<(SandboxInfo, Route)> {
    match parse(body)? {
        Value::Object(fields) => read(&fields),
        other => Err(unexpected("an object", &other)),
    }
}

/// Decodes a list of sandboxes.
pub(crate) fn decode_list(body: &[u8]) -> Result<Vec<SandboxInfo>> {
    let items = match parse(body)? {
        Value::Array(items) => items,
        Value::Object(mut fields) => match fields.remove("sandboxes") {
            Some(Value::Array(items)) => items,
            _ => return Err(unexpected("a list", &Value::Object(fields))),
        },
        other => return Err(unexpected("a list", &other)),
    };
    let read_item = |item: &Value| match item {
        Value::Object(fields) => read(fields).map(|(info, _)| info),
        other => Err(unexpected("an object", other)),
    };
    items.iter().map(read_item).collect()
}

fn read(fields: &Map<String, Value>) -> Result<(SandboxInfo, Route)> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let id = ["sandboxID", "id", "sandbox_id"].into_iter().find_map(|name| match fields.get(name)? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    });
    let Some(id) = id else {
        return Err(unexpected("a sandbox with an id", &Value::Object(fields.clone())));
    };
    let metadata = match fields.get("metadata") {
        Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        _ => Default::default(),
    };
    let info = SandboxInfo {
        id: checked_id(id)?,
        runtime: text("runtime").map(str::to_owned),
        template: text("templateID").map(str::to_owned),
        state: match text("state") {
            None | Some("running") => SandboxState::Running,
            Some("paused") => SandboxState::Paused,
            Some(other) => SandboxState::Other(other.to_owned()),
        },
        started_at: text("startedAt").and_then(time),
        end_at: text("endAt").and_then(time),
        metadata,
        cpu_count: number("cpuCount").and_then(|count| count.try_into().ok()),
        memory_mb: number("memoryMB"),
        disk_size_mb: number("diskSizeMB"),
        confinement: text("confinement").map(str::to_owned),
        shell: text("shell").map(str::to_owned),
    };
    let route = Route {
        domain: text("domain").map(checked_domain).transpose()?,
        access_token: text("envdAccessToken").map(Secret::new),
        traffic_token: text("trafficAccessToken").map(Secret::new),
        language: info.metadata.get(LANGUAGE).cloned(),
    };
    Ok((info, route))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn time(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_id_is_found_under_each_of_its_names() {
        for body in [r#"{"sandboxID":"a1"}"#, r#"{"id":"a1","sandboxID":null}"#, r#"{"sandbox_id":"a1"}"#] {
            assert_eq!(decode_sandbox(body.as_bytes()).unwrap().0.id, "a1");
        }
        assert_eq!(decode_sandbox(br#"{"id":17}"#).unwrap().0.id, "17");
    }

    #[test]
    fn all_fields_are_read() {
        let body = br#"{"sandboxID":"a","templateID":"t","runtime":"python3.11","state":"paused","startedAt":"2026-01-02T03:04:05Z",
            "endAt":"2026-01-02T03:09:05+00:00","metadata":{"k":"v","n":1},"cpuCount":2,"memoryMB":512,"diskSizeMB":9,"domain":"x.test:1",
            "envdAccessToken":"s3cret","confinement":"none","shell":"standard","new":{"field":true}}"#;
        let (info, route) = decode_sandbox(body).unwrap();
        assert_eq!(info.state, SandboxState::Paused);
        assert_eq!(info.end_at.unwrap().duration_since(info.started_at.unwrap()).unwrap().as_secs(), 300);
        assert_eq!(info.metadata["n"], "1");
        assert_eq!(info.shell.as_deref(), Some("standard"));
        assert_eq!(route.domain.as_deref(), Some("x.test:1"));
        assert!(!format!("{route:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_used_is_an_error_and_never_a_panic() {
        for body in
            ["", "x", "[]", "{}", "null", r#"{"id":""}"#, r#"{"id":"a/b"}"#, r#"{"id":"a","domain":"e.test/x"}"#]
        {
            assert_eq!(decode_sandbox(body.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol, "{body}");
        }
        assert!(decode_list(b"{}").is_err());
        assert_eq!(decode_list(br#"[{"id":"a"},{"id":"b"}]"#).unwrap().len(), 2);
    }
}
