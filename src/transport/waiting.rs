//! What ends a wait: a clock, or a cancel handle.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::after;
use crate::{
    cancel::Cancel,
    clock::Clock,
    error::{Error, ErrorKind, Result},
};

/// The limits on one call. They are data: nothing is wrapped around a call, so both flavours share them.
#[derive(Debug)]
pub(crate) struct Waiting {
    clock: Clock,
    limit: Option<Duration>,
    deadline: Option<Instant>,
    idle: Option<Duration>,
    cancel: Option<Cancel>,
}

impl Waiting {
    pub(super) fn within(clock: Clock, limit: Option<Duration>) -> Self {
        Self { clock, limit, deadline: limit.and_then(after), idle: None, cancel: None }
    }

    pub(super) fn cancelled_by(mut self, cancel: Option<Cancel>) -> Self {
        self.cancel = cancel;
        self
    }

    pub(super) fn idle_after(mut self, idle: Option<Duration>) -> Self {
        self.idle = idle;
        self
    }

    /// Leaves it to the server to end the call, and ends it here only if the server is `grace` late.
    pub(crate) fn defer_to_server(&mut self, grace: Duration) {
        self.deadline = self.deadline.and_then(|deadline| deadline.checked_add(grace));
    }

    /// The limit, which is what errors name, whoever enforces it.
    pub(crate) fn expired(&self) -> Error {
        Error::timeout(self.clock, self.limit.unwrap_or_default())
    }

    pub(crate) fn idle(&self) -> Option<Duration> {
        self.idle
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits for the future, at most until one of the limits. `idle` is how long this one wait may take.
    pub(super) async fn race<F: Future>(&self, future: F, idle: Option<Duration>) -> Result<F::Output> {
        // The future is polled before the timers: a wait that is over at once arms none.
        let mut future = pin!(future);
        let mut cancelled = pin!(async {
            match &self.cancel {
                Some(cancel) => cancel.cancelled().await,
                None => std::future::pending().await,
            }
        });
        let mut deadline = pin!(at(self.deadline));
        let mut silence = pin!(at(idle.and_then(after)));
        std::future::poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::new(ErrorKind::Cancelled, "it was cancelled")));
            }
            // Where something is always ready, timers would never be looked at.
            if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Poll::Ready(Err(self.expired()));
            }
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(self.expired()));
            }
            if silence.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::timeout(Clock::Idle, idle.unwrap_or_default())));
            }
            Poll::Pending
        })
        .await
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn the_error_names_the_clock_and_its_value() {
        let limit = Duration::from_millis(5);
        let waiting = Waiting::within(Clock::Request, Some(limit));
        let error = run(waiting.race(std::future::pending::<()>(), None)).unwrap_err();
        assert_eq!(error.clock(), Some((Clock::Request, limit)));
        let waiting = Waiting::within(Clock::Execution, None).idle_after(Some(limit));
        let error = run(waiting.race(std::future::pending::<()>(), waiting.idle())).unwrap_err();
        assert_eq!(error.clock(), Some((Clock::Idle, limit)));
        assert!(error.to_string().contains("idle clock of 5ms"), "{error}");
    }

    #[test]
    fn no_limit_is_no_limit() {
        for limit in [None, Some(Duration::MAX)] {
            let waiting = Waiting::within(Clock::Request, limit).idle_after(limit);
            assert_eq!(run(waiting.race(async { 1 }, waiting.idle())).unwrap(), 1);
        }
    }

    #[test]
    fn a_used_handle_ends_a_wait_at_once() {
        let cancel = Cancel::new();
        let waiting = Waiting::within(Clock::Request, None).cancelled_by(Some(cancel.clone()));
        std::thread::spawn(move || cancel.cancel());
        assert!(run(waiting.race(std::future::pending::<()>(), None)).unwrap_err().is_cancelled());
        assert!(run(waiting.race(async {}, None)).unwrap_err().is_cancelled());
    }
}
