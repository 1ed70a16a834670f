//! What came of an execution.

use std::fmt;

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
    /// Whether the variables of earlier executions are gone: the context's process ended in this execution, or had ended
    /// before it. Only the embedded engine tells.
    pub state_lost: bool,
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
    ///
    /// For Python it is the `repr` of the value; of a string, that without the quotes, so that a line break in it is a
    /// backslash and an `n`. To get a string as it is, print it.
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
                Err(Error::new(ErrorKind::Execution, message).with_partial(self))
            }
        }
    }
}

/// What was printed, what was shown and what was raised, each on lines of its own.
impl fmt::Display for ExecutionResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outputs = self.outputs.iter().map(ToString::to_string);
        let raised = self.error.iter().map(|error| match error.traceback.trim_end() {
            "" => error.to_string(),
            traceback => traceback.to_owned(),
        });
        let printed = [self.stdout(), self.stderr()].into_iter().map(|text| text.trim_end_matches('\n').to_owned());
        let cut = self.truncated.then(|| "[output was cut]".to_owned());
        let parts: Vec<_> = printed.chain(outputs).chain(raised).chain(cut).filter(|part| !part.is_empty()).collect();
        f.write_str(&parts.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_json_form_is_stable_both_ways() {
        let form = json!({
            "outputs": [{ "is_main": true, "data": { "text/plain": "2", "application/json": [1, { "a": null }] } }],
            "logs": { "stdout": "out", "stderr": "err" },
            "error": { "name": "E", "value": "v", "traceback": "t" },
            "execution_count": 3,
            "truncated": false,
            "state_lost": false,
        });
        let result: ExecutionResult = serde_json::from_value(form.clone()).unwrap();
        assert_eq!(result.text(), Some("2"));
        assert_eq!(serde_json::to_value(&result).unwrap(), form);
        assert_eq!(serde_json::from_value::<ExecutionResult>(json!({})).unwrap(), ExecutionResult::default());
    }

    #[test]
    fn it_reads_well() {
        let mut result = ExecutionResult::default();
        assert_eq!(result.to_string(), "");
        result.logs.stdout = "a\nb\n".into();
        result.logs.stderr = "warning\n".into();
        result.outputs.push(serde_json::from_value(json!({ "data": { "text/plain": "2" } })).unwrap());
        result.error = Some(ExecutionError { name: "E".into(), value: "v".into(), traceback: String::new() });
        assert_eq!(result.to_string(), "a\nb\nwarning\n2\nE: v");
    }
}
