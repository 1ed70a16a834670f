//! How an axis is divided.

use serde::{Deserialize, Serialize};

/// How an axis is divided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By dates or times.
    Datetime,
    /// By names, in no measure.
    Categorical,
    /// By powers.
    Log,
    /// By powers on both sides of zero, and evenly around it.
    Symlog,
    /// By the logit, for values between zero and one.
    Logit,
    /// By a function of the program's own.
    Function,
    /// By powers, after a function of the program's own.
    FunctionLog,
    /// By the inverse hyperbolic sine.
    Asinh,
    /// In a way that is not known here, by its name.
    #[serde(untagged)]
    Other(String),
}
