//! A limit of time that may be left unset.

use std::time::Duration;

/// A setting of a clock: what the layer above says, no limit, or a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Limit {
    #[default]
    Unset,
    Disabled,
    Set(Duration),
}

impl Limit {
    /// The limit in force, where `default` is what holds when this is unset.
    pub(crate) fn or(self, default: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Unset => default,
            Self::Disabled => None,
            Self::Set(limit) => Some(limit),
        }
    }
}

impl From<Option<Duration>> for Limit {
    fn from(limit: Option<Duration>) -> Self {
        limit.map_or(Self::Disabled, Self::Set)
    }
}
