//! An answer, opened or whole.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use tokio::runtime::Handle;

use super::{Body, Waiting};
use crate::{
    error::{Error, ErrorKind, Result},
    protocol::MAX_ANSWER,
};

/// How much of an answer with an error status is read: enough for any message.
const MAX_REFUSAL: usize = 64 << 10;

/// How long the text of a refusal may pause.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// An answer of which the head has come.
#[derive(Debug)]
pub(crate) struct Opened {
    headers: HeaderMap,
    pub(crate) body: Body,
    /// How many attempts it took.
    pub(crate) attempts: u32,
}

/// An answer that has come whole.
#[derive(Debug)]
pub(crate) struct Answer {
    headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How many attempts it took.
    pub(crate) attempts: u32,
}

impl Opened {
    pub(super) fn new(mut response: reqwest::Response, pump: Option<&Handle>) -> Self {
        let headers = std::mem::take(response.headers_mut());
        Self { headers, body: Body::new(response, pump), attempts: 1 }
    }

    pub(super) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }

    pub(super) async fn read_whole(mut self, waiting: &Waiting) -> Result<Answer> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.body.next(waiting, None).await? {
            if whole.len() + bytes.len() > MAX_ANSWER {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the answer is larger than {} MiB", MAX_ANSWER >> 20),
                ));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Answer { headers: self.headers, body: whole.freeze(), attempts: self.attempts })
    }

    /// The body of an error, as far as it comes: what the status says counts even if its text breaks off.
    pub(super) async fn read_refusal(mut self, waiting: &Waiting) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while whole.len() < MAX_REFUSAL {
            match self.body.next(waiting, Some(REFUSAL_PAUSE)).await {
                Ok(Some(bytes)) => whole.extend_from_slice(&bytes),
                Err(error) if error.is_cancelled() => return Err(error),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(whole.freeze())
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
