//! How one sandbox is reached.

use super::id::is_id;
use crate::{
    config::{Secret, is_bare_host},
    error::{Error, ErrorKind, Result},
};

/// What is needed to talk to a sandbox, as the control plane said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) domain: Option<String>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) traffic_token: Option<Secret>,
    /// The language of code that names none.
    pub(crate) language: Option<String>,
}

/// A domain in an answer, fit to stand in a URL.
pub(super) fn checked_domain(domain: &str) -> Result<String> {
    if is_bare_host(domain) { Ok(domain.to_owned()) } else { Err(not_an_address(domain)) }
}

/// An id in an answer, fit to stand in a URL.
pub(super) fn checked_id(id: String) -> Result<String> {
    if is_id(&id) { Ok(id) } else { Err(not_an_address(&id)) }
}

pub(super) fn not_an_address(text: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::new(ErrorKind::Protocol, format!("the server gave an id or a host that cannot be one: {shown:?}"))
}
