//! What sandboxes use, and what happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json as Reply;
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;

use super::super::log::{Line, Severity};
use super::super::meter::Point;
use super::super::registry::Registry;
use super::query::Query;
use super::reply::Problem;

/// How many sandboxes can be asked for at once, and how many lines.
const MOST_SANDBOXES: usize = 100;
const MOST_LINES: usize = 1000;

type Shared = State<Arc<Registry>>;

/// The points of one sandbox, the oldest first, from `start` to `end` in seconds.
pub(super) async fn metrics(
    State(registry): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Reply<Vec<Point>>, Problem> {
    let query = Query::parse(query.as_deref())?;
    let (start, end) = (query.number("start")?.unwrap_or(i64::MIN), query.number("end")?.unwrap_or(i64::MAX));
    let sandbox = registry.get(&id)?;
    let mut points = sandbox.meter.read(&sandbox).await;
    points.retain(|point| (start..=end).contains(&point.timestamp_unix));
    Ok(Reply(points))
}

#[derive(Serialize)]
pub(super) struct Latest {
    sandboxes: BTreeMap<String, Point>,
}

/// The latest point of several sandboxes. Those that are not there are left out.
pub(super) async fn metrics_of_several(
    State(registry): Shared,
    RawQuery(query): RawQuery,
) -> Result<Reply<Latest>, Problem> {
    let query = Query::parse(query.as_deref())?;
    let ids: BTreeSet<_> =
        query.text("sandbox_ids").unwrap_or_default().split(',').filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MOST_SANDBOXES {
        return Err(Problem::bad_request(format!("sandbox_ids must be 1 to {MOST_SANDBOXES} ids, joined by commas")));
    }
    let found = ids.into_iter().filter_map(|id| registry.get(id).ok());
    let readings: Vec<_> = found
        .map(|sandbox| tokio::spawn(async move { (sandbox.id.clone(), sandbox.meter.read(&sandbox).await.pop()) }))
        .collect();
    let mut sandboxes = BTreeMap::new();
    for reading in readings {
        if let Ok((id, Some(point))) = reading.await {
            sandboxes.insert(id, point);
        }
    }
    Ok(Reply(Latest { sandboxes }))
}

/// A line of a log as the wire has it.
#[derive(Serialize)]
struct Entry {
    timestamp: String,
    level: &'static str,
    message: String,
    fields: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Entries {
    logs: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OldEntries {
    logs: Vec<OldEntry>,
    log_entries: Vec<Entry>,
}

#[derive(Serialize)]
struct OldEntry {
    timestamp: String,
    line: String,
}

pub(super) async fn logs(
    State(registry): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Reply<Entries>, Problem> {
    let wanted = Wanted::parse(&Query::parse(query.as_deref())?, "cursor")?;
    let lines = wanted.choose(registry.log(&id)?.lines());
    Ok(Reply(Entries { logs: lines.into_iter().map(Entry::new).collect() }))
}

/// The first generation.
pub(super) async fn logs_old(
    State(registry): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Reply<OldEntries>, Problem> {
    let wanted = Wanted::parse(&Query::parse(query.as_deref())?, "start")?;
    let lines = wanted.choose(registry.log(&id)?.lines());
    let logs = lines.iter().map(|line| OldEntry { timestamp: line.at.to_string(), line: line.message.clone() });
    Ok(Reply(OldEntries { logs: logs.collect(), log_entries: lines.iter().cloned().map(Entry::new).collect() }))
}

impl Entry {
    fn new(line: Line) -> Self {
        let (timestamp, level) = (line.at.to_string(), line.severity.name());
        Self { timestamp, level, message: line.message, fields: BTreeMap::new() }
    }
}

/// Which lines are asked for.
struct Wanted {
    /// In milliseconds: where to begin, in the direction of reading.
    cursor: Option<i64>,
    limit: usize,
    newest_first: bool,
    severity: Severity,
    search: String,
}

impl Wanted {
    fn parse(query: &Query, cursor: &str) -> Result<Self, Problem> {
        let limit =
            query.number("limit")?.map_or(Ok(MOST_LINES), usize::try_from).ok().filter(|limit| *limit <= MOST_LINES);
        let level = query.text("level").unwrap_or("debug");
        let severity = Severity::parse(level);
        Ok(Self {
            cursor: query.number(cursor)?,
            limit: limit.ok_or_else(|| Problem::bad_request(format!("limit must be from 0 to {MOST_LINES}")))?,
            newest_first: match query.text("direction") {
                None | Some("forward") => false,
                Some("backward") => true,
                Some(other) => {
                    let message = format!("'{other}' is not a direction; there is forward and backward");
                    return Err(Problem::bad_request(message));
                }
            },
            severity: severity.ok_or_else(|| {
                Problem::bad_request(format!("'{level}' is not a level; there is debug, info, warn and error"))
            })?,
            search: query.text("search").unwrap_or_default().to_owned(),
        })
    }

    fn choose(&self, mut lines: Vec<Line>) -> Vec<Line> {
        if self.newest_first {
            lines.reverse();
        }
        let is_from = |line: &Line| match self.cursor {
            None => true,
            Some(cursor) if self.newest_first => line.at.as_millisecond() <= cursor,
            Some(cursor) => line.at.as_millisecond() >= cursor,
        };
        lines.retain(|line| line.severity >= self.severity && is_from(line) && line.message.contains(&self.search));
        lines.truncate(self.limit);
        lines
    }
}
