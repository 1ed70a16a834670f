//! What a running execution sends.

use serde::{Deserialize, Serialize};

use super::{ExecutionError, Output};

/// One thing that happened in an execution, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The code was accepted, as the execution with this number in its context.
    Started(u64),
    /// Text printed to standard output.
    Stdout(Chunk),
    /// Text printed to standard error.
    Stderr(Chunk),
    /// A value that was displayed, or that the code ends with.
    Output(Output),
    /// The variables of the context are gone: its process has ended, and this execution or the next one has a fresh one.
    StateLost,
    /// The code raised. An execution may send two of these; the last one counts.
    Error(ExecutionError),
    /// The execution is over. Always the last event of a complete stream.
    End,
}

/// A piece of printed text: as much as had come when it was sent, not a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Chunk {
    /// The text, with its line ends.
    pub text: String,
    /// When it was printed, as the server wrote it: usually RFC 3339.
    pub timestamp: Option<String>,
}

impl Chunk {
    pub(crate) fn new(text: String, timestamp: Option<String>) -> Self {
        Self { text, timestamp }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_json_form_is_stable_both_ways() {
        for (event, form) in [
            (Event::Started(1), json!({ "type": "started", "data": 1 })),
            (
                Event::Stdout(Chunk::new("x".into(), None)),
                json!({ "type": "stdout", "data": { "text": "x", "timestamp": null } }),
            ),
            (Event::End, json!({ "type": "end" })),
        ] {
            assert_eq!(serde_json::to_value(&event).unwrap(), form);
            assert_eq!(serde_json::from_value::<Event>(form).unwrap(), event);
        }
    }
}
