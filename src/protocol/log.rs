//! What a service says of what happened to a sandbox.

use serde_json::Value;

use super::json::{parse, unexpected};
use crate::{
    error::Result,
    model::{LogLevel, SandboxLog},
};

/// Decodes lines, in the order in which they came.
pub(crate) fn decode_logs(body: &[u8]) -> Result<Vec<SandboxLog>> {
    let answer = parse(body)?;
    match answer.get("logs") {
        Some(Value::Array(lines)) => lines.iter().map(read).collect(),
        _ => Err(unexpected("an object with logs", &answer)),
    }
}

fn read(line: &Value) -> Result<SandboxLog> {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let time = text("timestamp").and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let (Some(time), Some(message)) = (time, text("message")) else {
        return Err(unexpected("a line of a log", line));
    };
    let fields = match line.get("fields") {
        Some(Value::Object(fields)) => fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        _ => Default::default(),
    };
    Ok(SandboxLog { timestamp: time.into(), level: level(text("level")), message: message.to_owned(), fields })
}

fn level(name: Option<&str>) -> LogLevel {
    match name {
        Some("debug") => LogLevel::Debug,
        None | Some("info") => LogLevel::Info,
        Some("warn") => LogLevel::Warn,
        Some("error") => LogLevel::Error,
        Some(other) => LogLevel::Other(other.to_owned()),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn lines_are_read() {
        let lines = decode_logs(
            br#"{"logs":[{"timestamp":"2026-01-02T03:04:05Z","level":"warn","message":"m","fields":{"a":"b","n":1}},
                {"timestamp":"2026-01-02T03:04:05Z","level":"loud","message":""},{"timestamp":"2026-01-02T03:04:05Z","message":"x"}]}"#,
        )
        .unwrap();
        assert_eq!((lines[0].level.clone(), lines[0].message.as_str()), (LogLevel::Warn, "m"));
        assert_eq!((lines[0].fields["a"].as_str(), lines[0].fields["n"].as_str()), ("b", "1"));
        assert_eq!((lines[1].level.to_string(), &lines[2].level), ("loud".to_owned(), &LogLevel::Info));
        assert_eq!(decode_logs(br#"{"logs":[]}"#).unwrap(), []);
    }

    #[test]
    fn what_is_none_is_an_error() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"logs":{}}"#,
            r#"{"logs":[{"message":"m"}]}"#,
            r#"{"logs":[{"timestamp":"soon","message":"m"}]}"#,
        ] {
            assert_eq!(decode_logs(bad.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol, "{bad}");
        }
    }
}
