//! Boxes with whiskers.

use serde::{Deserialize, Serialize};

/// A chart of boxes with whiskers. For horizontal ones, what is said of x and y has changed places.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BoxAndWhiskerChart {
    /// The title of the axes.
    #[serde(default)]
    pub title: Option<String>,
    /// What stands at the axis along which the boxes stand.
    #[serde(default)]
    pub x_label: Option<String>,
    /// What stands at the axis of their values.
    #[serde(default)]
    pub y_label: Option<String>,
    /// The unit, as far as the label has one in brackets.
    #[serde(default)]
    pub x_unit: Option<String>,
    /// The unit, as far as the label has one in brackets.
    #[serde(default)]
    pub y_unit: Option<String>,
    /// The boxes.
    pub elements: Vec<BoxAndWhisker>,
}

/// One box with its whiskers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BoxAndWhisker {
    /// What stands at it.
    pub label: String,
    /// The end of the lower whisker.
    #[serde(deserialize_with = "super::number")]
    pub min: f64,
    /// The lower edge of the box.
    #[serde(deserialize_with = "super::number")]
    pub first_quartile: f64,
    /// The line in the box.
    #[serde(deserialize_with = "super::number")]
    pub median: f64,
    /// The upper edge of the box.
    #[serde(deserialize_with = "super::number")]
    pub third_quartile: f64,
    /// The end of the upper whisker.
    #[serde(deserialize_with = "super::number")]
    pub max: f64,
    /// Values beyond the whiskers.
    #[serde(default)]
    pub outliers: Vec<f64>,
}
