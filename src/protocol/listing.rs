//! Which sandboxes to list, as a query.

use std::{collections::BTreeMap, ops::RangeInclusive};

use reqwest::Url;

use crate::{
    error::{Error, ErrorKind, Result},
    model::{SandboxInfo, SandboxState},
};

/// What a list is narrowed to, and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) states: Vec<SandboxState>,
    pub(crate) page_size: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What E2B and the embedded engine take.
const PAGE_SIZES: RangeInclusive<u32> = 1..=100;

impl Listing {
    pub(crate) fn check(&self) -> Result<()> {
        match self.page_size {
            Some(size) if !PAGE_SIZES.contains(&size) => {
                let (least, most) = (PAGE_SIZES.start(), PAGE_SIZES.end());
                let message = format!("a `page_size` of {size} is not from {least} to {most}");
                Err(Error::new(ErrorKind::InvalidInput, message).hint("leave it out for the server's own"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn write_query(&self, url: &mut Url) {
        let mut query = url.query_pairs_mut();
        if !self.metadata.is_empty() {
            query.append_pair("metadata", &self.metadata_text());
        }
        if !self.states.is_empty() {
            let names: Vec<_> = self.states.iter().map(SandboxState::to_string).collect();
            query.append_pair("state", &names.join(","));
        }
        if let Some(size) = self.page_size {
            query.append_pair("limit", &size.to_string());
        }
        if let Some(token) = &self.next_token {
            query.append_pair("nextToken", token);
        }
        drop(query);
        if url.query() == Some("") {
            url.set_query(None);
        }
    }

    /// Each key and value is quoted, then the pairs are quoted as a form; the query quotes the whole once more.
    fn metadata_text(&self) -> String {
        let pairs: Vec<_> = self
            .metadata
            .iter()
            .map(|(key, value)| format!("{}={}", quote(&quote(key)), quote(&quote(value))))
            .collect();
        pairs.join("&")
    }

    /// Whether a sandbox is one of those asked for, on a service that does not look itself.
    pub(crate) fn has(&self, info: &SandboxInfo) -> bool {
        (self.states.is_empty() || self.states.contains(&info.state))
            && self.metadata.iter().all(|(key, value)| info.metadata.get(key) == Some(value))
    }
}

fn quote(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            quoted.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(quoted, "%{byte:02X}");
        }
        quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(listing: &Listing) -> Option<String> {
        let mut url = Url::parse("https://x.test/v2/sandboxes").unwrap();
        listing.write_query(&mut url);
        url.query().map(str::to_owned)
    }

    #[test]
    fn metadata_is_quoted_in_the_layers_that_servers_undo() {
        let listing = Listing { metadata: BTreeMap::from([("a b".into(), "c&d".into())]), ..Listing::default() };
        assert_eq!(query(&listing).unwrap(), "metadata=a%252520b%3Dc%252526d");
    }

    #[test]
    fn only_what_was_asked_for_is_in_the_query() {
        assert_eq!(query(&Listing::default()), None);
        let listing = Listing {
            states: vec![SandboxState::Running, SandboxState::Paused],
            page_size: Some(2),
            next_token: Some("a/b=".into()),
            ..Listing::default()
        };
        assert_eq!(query(&listing).unwrap(), "state=running%2Cpaused&limit=2&nextToken=a%2Fb%3D");
    }
}
