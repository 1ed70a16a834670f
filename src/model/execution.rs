//! What came of an execution.

use serde::{Deserialize, Serialize};

use super::Output;
use crate::error::{Error, ErrorKind, Result};

/// Everything that an execution gave: outputs, printed text, and the exception if the code raised one.
///
/// Code that raises is a result, not an `Err`: look at [`error`](Self::error), or turn it into one with
/// [`ok`](Self::ok).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct ExecutionResult {
    /// What was displayed, and the value of the last expression, in order.
    pub outputs: Vec<Output>,
    /// What was printed.
    pub logs: Logs,
    /// The exception, if the code raised one.
    pub error: Option<ExecutionError>,
    /// The number of this execution in its context, from 1.
    pub execution_count: Option<u64>,
    /// Whether something was left out because it was beyond `Execute::max_output`.
    pub truncated: bool,
}

/// What an execution printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Logs {
    /// Standard output, as printed.
    pub stdout: String,
    /// Standard error, as printed.
    pub stderr: String,
}

/// The exception that ended the code, or the reason for which the server ended it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{name}: {value}")]
#[non_exhaustive]
#[serde(default)]
pub struct ExecutionError {
    /// The class of the exception, such as `ZeroDivisionError`.
    pub name: String,
    /// Its message.
    pub value: String,
    /// The traceback as text, with line ends.
    pub traceback: String,
}

impl ExecutionResult {
    /// The text of the value that the code ended with: `Some("2")` for `1 + 1`, `None` when it ended with no value.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.outputs.iter().find(|output| output.is_main)?.text()
    }

    /// What was printed to standard output.
    #[must_use]
    pub fn stdout(&self) -> &str {
        &self.logs.stdout
    }

    /// What was printed to standard error.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.logs.stderr
    }

    /// Whether the code ran to its end without raising.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.error.is_none()
    }

    /// Turns code that raised into an error, for who wants to use `?` on it.
    ///
    /// ```
    /// # use code_interpreter::{Error, ExecutionResult};
    /// fn answer(result: ExecutionResult) -> Result<String, Error> {
    ///     Ok(result.ok()?.text().unwrap_or_default().to_owned())
    /// }
    /// # assert_eq!(answer(ExecutionResult::default()).unwrap(), "");
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Execution`] when the code raised. [`Error::execution_error`] has the exception and
    /// [`Error::partial`] the whole result.
    pub fn ok(self) -> Result<Self> {
        match &self.error {
            None => Ok(self),
            Some(raised) => {
                let message = format!("the code raised {raised}");
                Err(Error::new(ErrorKind::Execution, message).with_source(raised.clone()).with_partial(self))
            }
        }
    }
}
