//! When a failed call is tried again.

use std::time::Duration;

/// How often, and after what wait, a failed call is tried again.
///
/// Tried again is only what repeats nothing: calls that may be made twice (reading, killing, moving a timeout), and
/// any call that the server provably did not act on, because no connection could be made or because it answered 429
/// with a `Retry-After`. Creating a sandbox and running code are never sent twice otherwise.
///
/// The waits double from `base_wait` up to `max_wait` and are drawn at random below that; a `Retry-After` is honoured
/// as it is, and ends the trying when it is longer than `max_wait` or than what is left of the call's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "pass it to the builder's `retry`"]
pub struct RetryPolicy {
    pub(crate) attempts: u32,
    pub(crate) base_wait: Duration,
    pub(crate) max_wait: Duration,
}

impl RetryPolicy {
    /// Three attempts, waits from 200 ms to 10 s.
    pub const fn new() -> Self {
        Self { attempts: 3, base_wait: Duration::from_millis(200), max_wait: Duration::from_secs(10) }
    }

    /// One attempt, nothing tried again.
    pub const fn none() -> Self {
        Self::new().attempts(1)
    }

    /// How many attempts a call gets, the first included. 0 counts as 1.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The longest wait before the second attempt.
    pub const fn base_wait(mut self, wait: Duration) -> Self {
        self.base_wait = wait;
        self
    }

    /// The longest wait before any attempt.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
