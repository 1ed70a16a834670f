//! Which sandboxes a listing shows, and how many at a time.

use std::sync::Arc;

use super::super::sandbox::{Metadata, Sandbox};
use super::reply::Problem;

const MAX_LIMIT: usize = 100;

/// A query string of a listing.
#[derive(Debug)]
pub(super) struct Listing {
    metadata: Metadata,
    shows_running: bool,
    limit: usize,
    /// Where the last page ended: the start of its last sandbox, and its name. Sandboxes that come and go meanwhile
    /// do not shift the next page.
    after: Option<(i128, String)>,
}

impl Listing {
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut listing = Self { metadata: Metadata::new(), shows_running: true, limit: MAX_LIMIT, after: None };
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value =
                unescape(value).ok_or_else(|| Problem::bad_request("the query string is not percent-encoded UTF-8"))?;
            listing.set(name, &value).map_err(Problem::bad_request)?;
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
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                self.limit = limit.ok_or_else(|| format!("limit must be from 1 to {MAX_LIMIT}"))?;
            }
            "nextToken" => self.after = Some(parse_token(value).ok_or("Invalid next token")?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn filter(&self, mut sandboxes: Vec<Arc<Sandbox>>) -> Vec<Arc<Sandbox>> {
        sandboxes.retain(|sandbox| {
            let matches = |(key, value): (&String, &String)| sandbox.metadata.get(key) == Some(value);
            self.shows_running && self.metadata.iter().all(matches)
        });
        sandboxes
    }

    /// The page, and the token of the next one if there is more. Takes the newest first.
    pub(super) fn page(&self, mut sandboxes: Vec<Arc<Sandbox>>) -> (Vec<Arc<Sandbox>>, Option<String>) {
        if let Some((started_at, id)) = &self.after {
            sandboxes.retain(|sandbox| {
                let nanoseconds = sandbox.started_at.as_nanosecond();
                nanoseconds < *started_at || (nanoseconds == *started_at && sandbox.id > *id)
            });
        }
        let has_more = sandboxes.len() > self.limit;
        sandboxes.truncate(self.limit);
        let last = sandboxes.last().filter(|_| has_more);
        let token = last.map(|last| format!("{}-{}", last.started_at.as_nanosecond(), last.id));
        (sandboxes, token)
    }
}

fn parse_token(token: &str) -> Option<(i128, String)> {
    let (nanoseconds, id) = token.split_once('-')?;
    Some((nanoseconds.parse().ok()?, id.to_owned()))
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

/// Percent-decoding with `+` for a space.
fn unescape(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(16 * digit(rest.next()?)? + digit(rest.next()?)?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
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
        assert_eq!(parse("nextToken=12-ab").and_then(|listing| listing.after), Some((12, "ab".to_owned())));
        for bad in ["limit=0", "limit=101", "limit=x", "state=gone", "nextToken=ab", "nextToken=x-ab"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
