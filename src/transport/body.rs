//! The bytes of an answer as they come.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{Waiting, failure, pump::Pump};
use crate::{clock::Clock, error::Result};

/// A body, read by whoever waits for it or ahead of that by a [`Pump`]. Dropping it closes the connection, unless it
/// was read to its end.
#[derive(Debug)]
pub(crate) struct Body(Source);

#[derive(Debug)]
enum Source {
    Direct(Box<reqwest::Response>),
    Pumped(Pump),
}

impl Body {
    pub(super) fn new(response: reqwest::Response, pump: Option<&Handle>) -> Self {
        Self(match pump {
            Some(handle) => Source::Pumped(Pump::start(response, handle)),
            None => Source::Direct(Box::new(response)),
        })
    }

    /// The next bytes, or `None` at the end; waits at most `idle` for them.
    pub(crate) async fn next(&mut self, waiting: &Waiting, idle: Option<Duration>) -> Result<Option<Bytes>> {
        match &mut self.0 {
            Source::Direct(response) => waiting.race(response.chunk(), idle).await?.map_err(failure::lost),
            Source::Pumped(pump) => waiting.race(pump.next(), idle).await?,
        }
    }

    /// Takes the end of a body whose content has come, so that its connection goes back to the pool. A server that
    /// keeps it open for no reason is not waited for: the connection is closed then.
    pub(crate) async fn settle(mut self) -> Result<()> {
        let waiting = Waiting::within(Clock::Request, Some(Duration::from_millis(50)));
        while let Ok(Some(_)) = self.next(&waiting, None).await {}
        Ok(())
    }
}
