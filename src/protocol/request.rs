//! A call as data.

use bytes::Bytes;
use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::{config::Secret, retry::Replay};

/// Which part of a service a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The API that manages sandboxes.
    Control,
    /// A sandbox.
    Sandbox,
}

/// Which sandbox to kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Id(String),
    /// One that is known only by the mark it was created with.
    Mark(String),
}

/// Everything needed to send a call, and to say what failed if it does.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) place: Place,
    /// Whether the API key goes with it.
    pub(crate) with_key: bool,
    pub(crate) replay: Replay,
    /// What it does, in words that follow "could not".
    pub(crate) action: &'static str,
    pub(crate) sandbox_id: Option<String>,
}

impl Request {
    /// A request that carries the key, to the API that manages sandboxes.
    pub(crate) fn new(action: &'static str, method: Method, url: Url) -> Self {
        let replay = if method == Method::POST { Replay::OnlyIfRefused } else { Replay::Safe };
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            place: Place::Control,
            with_key: true,
            replay,
            action,
            sandbox_id: None,
        }
    }

    pub(crate) fn about(mut self, sandbox_id: &str) -> Self {
        self.sandbox_id = Some(sandbox_id.to_owned());
        self
    }

    pub(crate) fn json(mut self, body: Vec<u8>) -> Self {
        self.headers.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Some(body.into());
        self
    }

    pub(crate) fn may_repeat(mut self) -> Self {
        self.replay = Replay::Safe;
        self
    }

    /// What must not be repeated of it, should the server's answer do so.
    pub(crate) fn secrets<'a>(&'a self, key: &'a Secret) -> Vec<&'a str> {
        let tokens = self.headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
        tokens.chain([key.expose()]).collect()
    }

    /// Adds a token; one that no header can hold cannot have come from a server, and is left out.
    pub(crate) fn token(mut self, name: HeaderName, token: Option<&Secret>) -> Self {
        if let Some(mut value) = token.and_then(|token| HeaderValue::from_str(token.expose()).ok()) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }
}
