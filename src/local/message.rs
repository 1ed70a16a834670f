//! What the engine and a kernel's driver say to each other: one JSON object a line.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

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
    #[serde(default)]
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
