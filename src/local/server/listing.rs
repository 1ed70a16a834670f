//! Which sandboxes a listing shows, and how many at a time.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::sandbox::{Metadata, Sandbox};
use super::query::{Query, unescape};
use super::reply::Problem;

const MAX_LIMIT: usize = 100;
const BAD_TOKEN: &str = "Invalid next token";

/// A query string of a listing.
#[derive(Debug)]
pub(super) struct Listing {
    metadata: Metadata,
    template: Option<String>,
    started_after: Option<Timestamp>,
    shows_running: bool,
    shows_paused: bool,
    oldest_first: bool,
    limit: usize,
    /// Where the last page ended: the start of its last sandbox, and its name. Sandboxes that come and go meanwhile
    /// do not shift the next page.
    after: Option<After>,
}

/// A place in the listing, and the direction in which it was read.
#[derive(Debug, PartialEq, Eq)]
struct After {
    started_at: i128,
    id: String,
    oldest_first: bool,
}

impl Listing {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut listing = Self {
            metadata: Metadata::new(),
            template: None,
            started_after: None,
            shows_running: true,
            shows_paused: true,
            oldest_first: false,
            limit: MAX_LIMIT,
            after: None,
        };
        for (name, value) in Query::parse(query)?.pairs() {
            listing.set(name, value).map_err(Problem::bad_request)?;
        }
        if listing.after.as_ref().is_some_and(|after| after.oldest_first != listing.oldest_first) {
            return Err(Problem::bad_request(BAD_TOKEN));
        }
        Ok(listing)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "metadata" => {
                self.metadata = parse_metadata(value)
                    .ok_or("metadata must be pairs of the form key=value, joined by & and percent-encoded")?;
            }
            "state" => {
                if let Some(unknown) = value.split(',').find(|state| !matches!(*state, "running" | "paused")) {
                    return Err(format!("'{unknown}' is not a state; there is running and paused"));
                }
                self.shows_running = value.split(',').any(|state| state == "running");
                self.shows_paused = value.split(',').any(|state| state == "paused");
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                self.limit = limit.ok_or_else(|| format!("limit must be from 1 to {MAX_LIMIT}, not '{value}'"))?;
            }
            "order" => {
                self.oldest_first = match value {
                    "asc" => true,
                    "desc" => false,
                    _ => return Err(format!("'{value}' is not an order; there is asc and desc")),
                };
            }
            "startedAfter" => {
                let time = value.parse().map_err(|_| "startedAfter must be a time such as 2026-01-31T12:00:00Z")?;
                self.started_after = Some(time);
            }
            "template" => self.template = Some(value.to_owned()),
            "nextToken" => self.after = Some(After::parse(value).ok_or(BAD_TOKEN)?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn shows_running(&self) -> bool {
        self.shows_running
    }

    /// As the older listing has it, which knows no other state.
    pub(super) fn only_running(self) -> Self {
        Self { shows_paused: false, ..self }
    }

    pub(super) fn filter(&self, mut sandboxes: Vec<Arc<Sandbox>>) -> Vec<Arc<Sandbox>> {
        sandboxes.retain(|sandbox| {
            let matches = |(key, value): (&String, &String)| sandbox.metadata.get(key) == Some(value);
            (if sandbox.is_paused() { self.shows_paused } else { self.shows_running })
                && self.metadata.iter().all(matches)
                && self.template.as_ref().is_none_or(|template| *template == sandbox.template)
                && self.started_after.is_none_or(|time| sandbox.started_at >= time)
        });
        sandboxes
    }

    /// The page, and the token of the next one if there is more. Takes the newest first.
    pub(super) fn page(&self, mut sandboxes: Vec<Arc<Sandbox>>) -> (Vec<Arc<Sandbox>>, Option<String>) {
        if self.oldest_first {
            sandboxes.reverse();
        }
        if let Some(after) = &self.after {
            sandboxes.retain(|sandbox| after.is_before(sandbox));
        }
        let has_more = sandboxes.len() > self.limit;
        sandboxes.truncate(self.limit);
        let last = sandboxes.last().filter(|_| has_more);
        let token = last.map(|last| {
            let order = if self.oldest_first { "-asc" } else { "" };
            format!("{}-{}{order}", last.started_at.as_nanosecond(), last.id)
        });
        (sandboxes, token)
    }
}

impl After {
    fn parse(token: &str) -> Option<Self> {
        let (started_at, id) = token.split_once('-')?;
        let (id, oldest_first) = id.strip_suffix("-asc").map_or((id, false), |id| (id, true));
        Some(Self { started_at: started_at.parse().ok()?, id: id.to_owned(), oldest_first })
    }

    /// Whether a sandbox comes later in the listing than this place.
    fn is_before(&self, sandbox: &Sandbox) -> bool {
        let place = sandbox.started_at.as_nanosecond().cmp(&self.started_at).then_with(|| self.id.cmp(&sandbox.id));
        if self.oldest_first { place.is_gt() } else { place.is_lt() }
    }
}

/// Undoes the two layers of encoding that are left when the query string has been decoded.
fn parse_metadata(text: &str) -> Option<Metadata> {
    let pairs = unescape(text)?;
    pairs
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').filter(|(_, value)| !value.contains('='))?;
            Some((unescape(key)?, unescape(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_decoded_in_layers() {
        let parsed = |query: &str| {
            let metadata = Listing::parse(Some(query)).ok()?.metadata;
            Some(metadata.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(parsed("metadata=a%252520b%3Dc%252526d").as_deref(), Some("a b:c&d"));
        assert_eq!(parsed("metadata=a%3D1%26b%3D&limit=3").as_deref(), Some("a:1 b:"));
        assert_eq!(parsed("").as_deref(), Some(""));
        for bad in ["a", "a%3Db%3Dc", "a%3D%25", "%", "%zz", "%ff"] {
            assert_eq!(parsed(&format!("metadata={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn limits_states_and_tokens() {
        let parse = |query: &str| Listing::parse(Some(query)).ok();
        assert_eq!(parse("limit=7").map(|listing| listing.limit), Some(7));
        assert_eq!(parse("state=paused").map(|listing| listing.shows_running), Some(false));
        assert_eq!(parse("state=paused,running").map(|listing| listing.shows_running), Some(true));
        let after = |oldest_first| Some(After { started_at: 12, id: "ab".to_owned(), oldest_first });
        assert_eq!(parse("nextToken=12-ab").and_then(|listing| listing.after), after(false));
        assert_eq!(parse("nextToken=12-ab-asc&order=asc").and_then(|listing| listing.after), after(true));
        assert!(parse("startedAfter=2026-01-31T12%3A00%3A00Z&template=base&order=desc").is_some());
        for bad in [
            "limit=0",
            "limit=101",
            "limit=x",
            "state=gone",
            "order=up",
            "startedAfter=now",
            "nextToken=ab",
            "nextToken=x-ab",
            "nextToken=12-ab&order=asc",
            "nextToken=12-ab-asc",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
