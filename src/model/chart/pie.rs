//! Slices of a pie.

use serde::{Deserialize, Serialize};

/// A pie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PieChart {
    /// The title of the axes.
    #[serde(default)]
    pub title: Option<String>,
    /// The slices, in the order in which they were given.
    pub elements: Vec<Slice>,
}

/// One slice of a pie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Slice {
    /// What stands at it.
    pub label: String,
    /// How wide it is, in degrees: all slices of a pie come to 360.
    #[serde(deserialize_with = "super::number")]
    pub angle: f64,
    /// How far it reaches, in the units of the axes.
    #[serde(deserialize_with = "super::number")]
    pub radius: f64,
}
