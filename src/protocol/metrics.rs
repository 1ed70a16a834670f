//! What a service says of what a sandbox uses.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::json::{parse, unexpected};
use crate::{error::Result, model::SandboxMetrics};

/// Decodes the points of one sandbox.
pub(crate) fn decode_metrics(body: &[u8]) -> Result<Vec<SandboxMetrics>> {
    match parse(body)? {
        Value::Array(points) => points.iter().map(read).collect(),
        other => Err(unexpected("a list of metrics", &other)),
    }
}

fn read(point: &Value) -> Result<SandboxMetrics> {
    // Some writers have only one kind of number.
    let float = |name: &str| point.get(name).and_then(Value::as_f64);
    let number = |name: &str| point.get(name).and_then(Value::as_u64).or_else(|| float(name).map(|value| value as u64));
    let time = || {
        let text = point.get("timestamp").and_then(Value::as_str);
        let exact = text.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map(SystemTime::from);
        exact.or_else(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number("timestampUnix")?)))
    };
    let metrics = || {
        Some(SandboxMetrics {
            timestamp: time()?,
            cpu_count: number("cpuCount")?.try_into().ok()?,
            cpu_used_percent: float("cpuUsedPct")?,
            memory_used: number("memUsed")?,
            memory_total: number("memTotal")?,
            memory_cache: number("memCache"),
            disk_used: number("diskUsed")?,
            disk_total: number("diskTotal")?,
            processes: number("processes"),
        })
    };
    metrics().ok_or_else(|| unexpected("the metrics of a sandbox", point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const POINT: &str = r#"{"timestamp":"2026-01-02T03:04:05.5Z","timestampUnix":1767323045,"cpuCount":2,"cpuUsedPct":12.5,
        "memUsed":1e6,"memTotal":2000000,"memCache":7,"diskUsed":3,"diskTotal":4,"new":{}}"#;

    #[test]
    fn points_are_read() {
        let points = decode_metrics(format!("[{POINT}]").as_bytes()).unwrap();
        let [point] = &points[..] else { panic!("{points:?}") };
        let time = point.timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(time, Duration::from_millis(1_767_323_045_500));
        assert_eq!((point.cpu_count, point.cpu_used_percent), (2, 12.5));
        assert_eq!((point.memory_used, point.memory_total, point.memory_cache), (1_000_000, 2_000_000, Some(7)));
        assert_eq!((point.disk_used, point.disk_total, point.processes), (3, 4, None));
        let odd = POINT.replace("2026-01-02T03:04:05.5Z", "soon").replace("\"new\"", "\"processes\":3,\"new\"");
        let points = decode_metrics(format!("[{odd}]").as_bytes()).unwrap();
        assert_eq!(points[0].timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_767_323_045);
        assert_eq!(points[0].processes, Some(3));
        assert_eq!(decode_metrics(b"[]").unwrap(), []);
    }

    #[test]
    fn what_is_none_is_an_error() {
        let incomplete = format!("[{}]", POINT.replace("memUsed", "used"));
        let negative = format!("[{}]", POINT.replace("\"cpuCount\":2", "\"cpuCount\":5000000000"));
        for bad in ["", "null", "{}", "[1]", "[{}]", &incomplete, &negative] {
            assert_eq!(decode_metrics(bad.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol, "{bad}");
        }
    }
}
