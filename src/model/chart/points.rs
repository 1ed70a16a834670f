//! Lines and points.

use serde::{Deserialize, Serialize};

use super::{Coordinate, Scale};

/// A chart of lines, or of points without them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PointChart {
    /// The title of the axes.
    #[serde(default)]
    pub title: Option<String>,
    /// What stands at the horizontal axis.
    #[serde(default)]
    pub x_label: Option<String>,
    /// What stands at the vertical axis.
    #[serde(default)]
    pub y_label: Option<String>,
    /// The unit, as far as the horizontal label has one in brackets.
    #[serde(default)]
    pub x_unit: Option<String>,
    /// The unit, as far as the vertical label has one in brackets.
    #[serde(default)]
    pub y_unit: Option<String>,
    /// Where the horizontal axis has ticks.
    #[serde(default)]
    pub x_ticks: Vec<Coordinate>,
    /// What stands at these.
    #[serde(default)]
    pub x_tick_labels: Vec<String>,
    /// How the horizontal axis is divided.
    #[serde(default)]
    pub x_scale: Scale,
    /// Where the vertical axis has ticks.
    #[serde(default)]
    pub y_ticks: Vec<Coordinate>,
    /// What stands at these.
    #[serde(default)]
    pub y_tick_labels: Vec<String>,
    /// How the vertical axis is divided.
    #[serde(default)]
    pub y_scale: Scale,
    /// The lines, or the groups of points.
    pub elements: Vec<Series>,
}

/// One line, or one group of points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Series {
    /// Its name: `Line 0` and so on for lines that the program gave none.
    pub label: String,
    /// Its points, x before y, in the order in which they were drawn.
    pub points: Vec<(Coordinate, Coordinate)>,
}
