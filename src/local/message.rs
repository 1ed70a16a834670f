//! What the engine and a kernel's driver say to each other: one JSON object a line.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::Path;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

pub(super) type Environment = HashMap<String, String>;

/// To the driver.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Order<'a> {
    Start { cwd: &'a Path, env: &'a Environment },
    Run { run: u64, code: &'a str, env: &'a Environment },
    Ack { ack: u64 },
}

impl Order<'_> {
    /// Fails on a path that is not UTF-8.
    pub(super) fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// From the driver. User code can write here as well, so every field may lack or lie.
#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) event: String,
    #[serde(default)]
    pub(super) run: u64,
    pub(super) ack: Option<u64>,
    #[serde(default)]
    pub(super) count: u64,
    #[serde(default)]
    pub(super) main: bool,
    #[serde(default, deserialize_with = "forms")]
    pub(super) data: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
    #[serde(default)]
    pub(super) traceback: String,
    pub(super) failure: Option<String>,
}

impl Message {
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// A result has not more forms than this: each takes memory, however short it is. The others are left out, not the result,
/// for which a driver waits to be told that it arrived.
const MOST_FORMS: usize = 1000;

fn forms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    deserializer.deserialize_map(Forms)
}

struct Forms;

impl<'de> Visitor<'de> for Forms {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the forms of a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut forms = BTreeMap::new();
        while forms.len() < MOST_FORMS {
            let Some((mime, content)) = entries.next_entry()? else { return Ok(forms) };
            forms.insert(mime, content);
        }
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(forms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_not_very_many_forms() {
        let parse = |count: usize| {
            let data: BTreeMap<_, _> = (0..count).map(|number| (format!("x/{number}"), String::new())).collect();
            Message::parse(&serde_json::to_vec(&serde_json::json!({ "event": "result", "data": data })).unwrap())
        };
        for (sent, kept) in [(2, 2), (MOST_FORMS, MOST_FORMS), (100_000, MOST_FORMS)] {
            assert_eq!(parse(sent).map(|message| message.data.len()), Some(kept));
        }
    }
}
