//! Several charts in one figure.

use serde::{Deserialize, Serialize};

use super::Chart;

/// Several charts in one figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SuperChart {
    /// The title over all of them, which may be empty.
    #[serde(default)]
    pub title: Option<String>,
    /// The charts, one for each of the figure's axes.
    pub elements: Vec<Chart>,
}
