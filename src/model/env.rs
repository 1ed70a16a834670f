//! Environment variables to set.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

/// Names and values. Values are often secrets, so `Debug` shows only the names.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Env(pub(crate) BTreeMap<String, String>);

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
