//! Systems on which nothing can be confined.

use std::io;
use std::path::{Path, PathBuf};

use super::{Start, Started};
use crate::error::Result as CrateResult;
use crate::local::directory::EngineDirectory;
use crate::local::policy::{Namespaces, Policy};
use crate::local::report::{ConfinementReport, Level};

/// There is none.
pub(super) enum Confined {}

pub(super) fn establish(
    _: Namespaces,
    _: &Policy,
    _: &EngineDirectory,
) -> Result<(Confined, ConfinementReport), String> {
    Err(missing())
}

pub(super) fn report() -> CrateResult<ConfinementReport> {
    Ok(ConfinementReport::nothing(&missing()))
}

fn missing() -> String {
    format!("{} on {} has none of the layers", std::env::consts::OS, std::env::consts::ARCH)
}

impl Confined {
    pub(super) fn level(&self) -> Level {
        match *self {}
    }

    pub(super) fn home(&self, _: &Path) -> PathBuf {
        match *self {}
    }

    pub(super) fn temporary(&self, _: &Path) -> PathBuf {
        match *self {}
    }

    pub(super) fn start(&self, _: &Policy, _: Start<'_>) -> io::Result<Started> {
        match *self {}
    }
}
