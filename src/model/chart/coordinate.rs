//! A place on an axis.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place on an axis: a number, or a date or category as text.
///
/// ```
/// # use code_interpreter::Coordinate;
/// let coordinates: Vec<Coordinate> = serde_json::from_str(r#"[2.5, "2023-09-01"]"#)?;
/// assert_eq!(coordinates, [Coordinate::from(2.5), Coordinate::from("2023-09-01")]);
/// assert_eq!(coordinates[0].as_number(), Some(2.5));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Coordinate {
    /// A number; NaN where the chart has a gap, which is null in JSON.
    Number(#[serde(deserialize_with = "super::number")] f64),
    /// A date or a time in the form of ISO 8601, or the name of a category.
    Text(String),
}

impl Coordinate {
    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }
}

impl From<f64> for Coordinate {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Coordinate {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}
