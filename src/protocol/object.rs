//! A whole result in one JSON object, replayed as events.

use serde_json::{Map, Value};

use super::{
    event::{execution_error, output, text},
    json::unexpected,
};
use crate::{
    error::Result,
    model::{Chunk, Event, ExecutionError, Output},
};

/// The fields by which an object is known to be an execution result.
const FIELDS: [&str; 11] = [
    "stdout",
    "stderr",
    "output",
    "logs",
    "results",
    "outputs",
    "result",
    "text",
    "error",
    "exit_code",
    "execution_count",
];

pub(super) fn events_of(value: Value) -> Result<Vec<Event>> {
    let Value::Object(mut fields) = value else { return Err(unexpected("an execution result", &value)) };
    if !fields.is_empty() && !fields.keys().any(|name| FIELDS.contains(&name.as_str())) {
        return Err(unexpected("an execution result", &Value::Object(fields)));
    }
    if let Some(Value::Object(logs)) = fields.remove("logs") {
        fields.extend(logs);
    }
    let mut events = Vec::new();
    if let Some(count) = fields.get("execution_count").and_then(Value::as_u64) {
        events.push(Event::Started(count));
    }
    let printed = fields.remove("stdout").or_else(|| fields.remove("output"));
    let mut push_text = |value: Option<Value>, event: fn(Chunk) -> Event| {
        if let Some(text) = value.map(text).filter(|text| !text.is_empty()) {
            events.push(event(Chunk::new(text, None)));
        }
    };
    push_text(printed, Event::Stdout);
    push_text(fields.remove("stderr"), Event::Stderr);
    events.extend(outputs(&mut fields).into_iter().map(Event::Output));
    let error = fields.remove("error").and_then(raised).or_else(|| failed_exit(&fields));
    events.extend(error.map(Event::Error));
    Ok(events)
}

fn outputs(fields: &mut Map<String, Value>) -> Vec<Output> {
    let listed = ["results", "outputs"].into_iter().find_map(|name| match fields.remove(name) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    });
    let mut outputs: Vec<_> = listed.unwrap_or_default().into_iter().map(form).collect();
    let value = fields.remove("result").or_else(|| fields.remove("text")).filter(|value| !value.is_null());
    if let Some(value) = value.filter(|_| !outputs.iter().any(|output| output.is_main)) {
        outputs.push(Output { is_main: true, ..form(value) });
    }
    outputs
}

fn form(value: Value) -> Output {
    match value {
        Value::Object(fields) => output(fields),
        other => output(Map::from_iter([("text".to_owned(), text(other).into())])),
    }
}

/// A service that runs processes tells failure by the exit code alone.
fn failed_exit(fields: &Map<String, Value>) -> Option<ExecutionError> {
    let code = fields.get("exit_code")?.as_i64().filter(|code| *code != 0)?;
    Some(ExecutionError { name: "ExitCode".to_owned(), value: code.to_string(), traceback: String::new() })
}

/// An exception, whether it came in parts or as the text of a traceback.
fn raised(value: Value) -> Option<ExecutionError> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Object(mut fields) => {
            Some(execution_error(&mut fields)).filter(|error| *error != ExecutionError::default())
        }
        other => {
            let traceback = text(other);
            let last = traceback.lines().rev().find(|line| !line.trim().is_empty())?.trim();
            let is_name =
                |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
            let (name, value) = match last.split_once(": ") {
                Some((name, value)) if is_name(name) => (name, value),
                _ if last.ends_with("Error") && is_name(last) => (last, ""),
                _ => ("Error", last),
            };
            Some(ExecutionError { name: name.to_owned(), value: value.to_owned(), traceback })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plain_services_answer() {
        let events = events_of(json!({ "stdout": "2\n", "stderr": "", "error": null, "exit_code": 0 })).unwrap();
        assert_eq!(events, [Event::Stdout(Chunk::new("2\n".into(), None))]);
        assert_eq!(events_of(json!({})).unwrap(), []);
        assert_eq!(events_of(json!({ "error": {} })).unwrap(), []);
        let failed = events_of(json!({ "stdout": "", "exit_code": 3 })).unwrap();
        assert!(matches!(&failed[..], [Event::Error(error)] if error.value == "3"), "{failed:?}");
    }

    #[test]
    fn an_answer_with_everything() {
        let events = events_of(json!({
            "logs": { "stdout": ["a\n", "b\n"], "stderr": ["c"] },
            "results": [{ "text": "1", "is_main_result": true }],
            "text": "1",
            "error": { "name": "ValueError", "value": "bad", "traceback": ["x", "y"] },
            "execution_count": 3,
        }))
        .unwrap();
        assert_eq!(events.len(), 5);
        assert_eq!(events[0], Event::Started(3));
        assert_eq!(events[1], Event::Stdout(Chunk::new("a\nb\n".into(), None)));
        assert!(matches!(&events[4], Event::Error(error) if error.traceback == "xy"));
    }

    #[test]
    fn an_exception_as_text_is_taken_apart() {
        let name_and_value = |text: &str| {
            let error = raised(text.into()).unwrap();
            (error.name, error.value)
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(name_and_value("Traceback:\n  x\nNameError: no x\n"), pair("NameError", "no x"));
        assert_eq!(name_and_value("KeyboardError"), pair("KeyboardError", ""));
        assert_eq!(name_and_value("it broke: badly"), pair("Error", "it broke: badly"));
        assert_eq!(raised("".into()), None);
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for value in [json!({ "message": "Unauthorized" }), json!([]), json!("x"), json!(null), json!(1)] {
            assert_eq!(events_of(value).unwrap_err().kind(), crate::ErrorKind::Protocol);
        }
    }
}
