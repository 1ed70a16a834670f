//! The wire, without I/O: a call becomes a [`Request`], bytes become models and events.

mod body;
mod decoder;
mod endpoint;
mod event;
mod id;
mod object;
mod refusal;
mod request;
mod sandbox;

pub(crate) use body::{create_body, execute_body, timeout_body};
pub(crate) use decoder::Decoder;
pub(crate) use endpoint::{E2bHosts, Endpoint, Route};
pub(crate) use refusal::Refusal;
pub(crate) use request::{Place, Request};
pub(crate) use sandbox::{decode_list, decode_sandbox};

/// The longest line and the largest one-object answer that are accepted.
pub(crate) const MAX_ANSWER: usize = 128 << 20;

/// A server that takes the deadline of an execution answers with this header.
pub(crate) const DEADLINE_HEADER: &str = "x-execution-timeout";
