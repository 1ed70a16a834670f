//! What the HTTP client's errors mean.

use std::error::Error as StdError;

use super::Failed;
use crate::{
    clock::Clock,
    config::Config,
    error::{Error, ErrorKind},
    retry::Failure,
};

/// A request that got no answer.
pub(super) fn of_sending(cause: reqwest::Error, config: &Config) -> Failed {
    let host = cause.url().map(|url| match url.port_or_known_default() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.to_string(),
    });
    let host = host.as_deref().unwrap_or("the server");
    let encrypted = cause.url().is_some_and(|url| url.scheme() == "https");
    // Without TLS in it, the HTTP client refuses the scheme; trying again changes nothing.
    if encrypted && !has_tls() && !has_io_cause(&cause) {
        let error = Error::new(ErrorKind::Config, format!("this build has no TLS, which {host} needs"))
            .hint("turn on the feature `default-tls` or `native-tls`")
            .with_source(cause.without_url());
        return Failed { error, failure: Failure::Final };
    }
    if cause.is_connect() {
        let error = match config.clocks.connect {
            Some(limit) if cause.is_timeout() => Error::timeout(Clock::Connect, limit),
            _ => Error::new(ErrorKind::Connect, format!("no connection to {host}: {}", innermost(&cause)))
                .hint("check the address, the network and the proxy settings"),
        };
        return Failed { error: error.with_source(cause.without_url()), failure: Failure::NotSent };
    }
    Failed { error: lost(cause), failure: Failure::Broken }
}

/// An answer that broke off.
pub(super) fn lost(cause: reqwest::Error) -> Error {
    let why = innermost(&cause);
    Error::new(ErrorKind::ConnectionLost, format!("the connection broke: {why}")).with_source(cause.without_url())
}

fn has_tls() -> bool {
    cfg!(any(feature = "default-tls", feature = "native-tls"))
}

fn has_io_cause(cause: &reqwest::Error) -> bool {
    chain(cause).any(|cause| cause.is::<std::io::Error>())
}

fn chain<'a>(cause: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(cause), |&cause| cause.source())
}

/// The text at the bottom of the chain: "connection refused", not "error sending request".
fn innermost(cause: &(dyn StdError + 'static)) -> String {
    chain(cause).last().map(ToString::to_string).unwrap_or_default()
}
