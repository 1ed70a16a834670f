//! The wire, without I/O: a call becomes a [`Request`], bytes become models and events.

mod body;
mod context;
mod decoder;
mod endpoint;
mod event;
mod id;
mod json;
mod listing;
mod log;
mod metrics;
mod object;
mod observe;
mod refusal;
mod request;
mod route;
mod runtime;
mod sandbox;

pub(crate) use context::{decode_context, decode_contexts};
pub(crate) use decoder::Decoder;
pub(crate) use endpoint::{E2bHosts, Endpoint};
pub(crate) use listing::Listing;
pub(crate) use log::decode_logs;
pub(crate) use metrics::decode_metrics;
pub(crate) use observe::{LogQuery, MetricsQuery};
pub(crate) use refusal::Refusal;
pub(crate) use request::{Place, Request, Target};
pub(crate) use route::Route;
pub(crate) use sandbox::{decode_list, decode_sandbox};

/// The longest line and the largest one-object answer that are accepted.
pub(crate) const MAX_ANSWER: usize = 128 << 20;

/// A server that takes the deadline of an execution answers with this header.
pub(crate) const DEADLINE_HEADER: &str = "x-execution-timeout";
