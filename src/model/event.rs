//! What a running execution sends.

use super::{ExecutionError, Output};

/// One thing that happened in an execution, in the order in which it came.
#[derive(Clone, Debug, PartialEq)]
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
    /// The code raised. An execution may send two of these; the last one counts.
    Error(ExecutionError),
    /// The execution is over. Always the last event of a complete stream.
    End,
}

/// A piece of printed text: as much as had come when it was sent, not a line.
#[derive(Clone, Debug, PartialEq, Eq)]
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
