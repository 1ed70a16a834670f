//! The four clocks: how long each kind of waiting may take.

use std::fmt;

/// Which of the client's four clocks ran out.
///
/// They mean the same in both flavours. Each is set on the client's builder; the execution clock also
/// per execution, by `Execute::timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// Making a connection: name look-up, TCP, TLS. 10 s unless set.
    Connect,
    /// A plain call, such as creating a sandbox: from the start to the last byte of the answer, all attempts and the
    /// waits between them included. 60 s unless set.
    Request,
    /// Running code, from the moment it is sent, time spent in a queue included. 300 s unless set.
    Execution,
    /// Silence in the middle of a stream of events: runs only while the client waits to read, starts with the first
    /// event, and keep-alives count as life. 60 s unless set. Not used for an answer that is one object.
    Idle,
}

impl Clock {
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Connect => "check the address and the network, or set a longer `connect_timeout`",
            Self::Request => "set a longer `request_timeout` on the client if the server needs it",
            Self::Execution => {
                "set a longer `Execute::timeout`, or `execution_timeout` on the client, if the code needs it"
            }
            Self::Idle => "set a longer `idle_timeout` on the client if the server sends no keep-alives",
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Request => "request",
            Self::Execution => "execution",
            Self::Idle => "idle",
        })
    }
}
