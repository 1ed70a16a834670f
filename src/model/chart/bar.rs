//! Bars.

use serde::{Deserialize, Serialize};

/// A chart of bars. For horizontal ones, what is said of x and y has changed places.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BarChart {
    /// The title of the axes.
    #[serde(default)]
    pub title: Option<String>,
    /// What stands at the axis along which the bars stand.
    #[serde(default)]
    pub x_label: Option<String>,
    /// What stands at the axis by which they are measured.
    #[serde(default)]
    pub y_label: Option<String>,
    /// The unit, as far as the label has one in brackets.
    #[serde(default)]
    pub x_unit: Option<String>,
    /// The unit, as far as the label has one in brackets.
    #[serde(default)]
    pub y_unit: Option<String>,
    /// The bars, group by group.
    pub elements: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bar {
    /// What stands at its foot.
    pub label: String,
    /// The bars that were drawn together with it: `Group 0` and so on where the program gave no name.
    pub group: String,
    /// How long it is.
    #[serde(deserialize_with = "super::number")]
    pub value: f64,
}
