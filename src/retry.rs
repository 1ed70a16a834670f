//! Whether a failed attempt is followed by another: a pure decision.

use std::time::Duration;

use crate::config::RetryPolicy;

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Twice is as good as once.
    Safe,
    /// Only if the server provably did not act on it.
    OnlyIfRefused,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection could be made.
    NotSent,
    /// It was sent, and no answer came.
    Broken,
    /// An answer came, and is an error.
    Status { code: u16, retry_after: Option<Duration>, should_retry: Option<bool> },
    /// Anything that another attempt cannot change.
    Final,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Stop,
    Wait(Duration),
}

/// Decides after attempt number `attempt`, counted from 1, with `left` on the call's clock. `jitter` is drawn from 0 to 1.
pub(crate) fn decide(
    policy: &RetryPolicy,
    attempt: u32,
    failure: Failure,
    replay: Replay,
    left: Option<Duration>,
    jitter: f64,
) -> Decision {
    if attempt >= policy.attempts || !may_repeat(failure, replay) {
        return Decision::Stop;
    }
    let asked = match failure {
        Failure::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    let wait = asked.unwrap_or_else(|| backoff(policy, attempt).mul_f64(jitter.clamp(0.0, 1.0)));
    let too_long = asked.is_some_and(|asked| asked > policy.max_wait) || left.is_some_and(|left| wait >= left);
    if too_long { Decision::Stop } else { Decision::Wait(wait) }
}

fn may_repeat(failure: Failure, replay: Replay) -> bool {
    match failure {
        Failure::NotSent => true,
        Failure::Broken => replay == Replay::Safe,
        Failure::Status { should_retry: Some(false), .. } => false,
        Failure::Status { code: 429, retry_after: Some(_), .. } => true,
        Failure::Status { code, should_retry, .. } => {
            replay == Replay::Safe && (should_retry == Some(true) || matches!(code, 408 | 429 | 502 | 503 | 504))
        }
        Failure::Final => false,
    }
}

fn backoff(policy: &RetryPolicy, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    policy.base_wait.saturating_mul(1 << doublings).min(policy.max_wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy::new();

    fn status(code: u16) -> Failure {
        Failure::Status { code, retry_after: None, should_retry: None }
    }

    fn goes_on(failure: Failure, replay: Replay) -> bool {
        decide(&POLICY, 1, failure, replay, None, 0.5) != Decision::Stop
    }

    #[test]
    fn what_is_tried_again() {
        use Replay::{OnlyIfRefused, Safe};
        let asked = |code| Failure::Status { code, retry_after: Some(Duration::from_secs(1)), should_retry: None };
        let table = [
            (Failure::NotSent, true, true),
            (Failure::Broken, true, false),
            (status(408), true, false),
            (status(429), true, false),
            (asked(429), true, true),
            (status(502), true, false),
            (asked(503), true, false),
            (status(504), true, false),
            (status(500), false, false),
            (status(404), false, false),
            (status(401), false, false),
            (Failure::Status { code: 500, retry_after: None, should_retry: Some(true) }, true, false),
            (Failure::Status { code: 503, retry_after: None, should_retry: Some(false) }, false, false),
            (Failure::Final, false, false),
        ];
        for (failure, safe, otherwise) in table {
            assert_eq!(goes_on(failure, Safe), safe, "{failure:?}");
            assert_eq!(goes_on(failure, OnlyIfRefused), otherwise, "{failure:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_drawn_below_that() {
        let policy = POLICY.attempts(100);
        let wait = |attempt, jitter| decide(&policy, attempt, Failure::NotSent, Replay::Safe, None, jitter);
        assert_eq!(wait(1, 1.0), Decision::Wait(Duration::from_millis(200)));
        assert_eq!(wait(3, 1.0), Decision::Wait(Duration::from_millis(800)));
        assert_eq!(wait(3, 0.5), Decision::Wait(Duration::from_millis(400)));
        assert_eq!(wait(99, 1.0), Decision::Wait(Duration::from_secs(10)));
        assert_eq!(wait(100, 1.0), Decision::Stop);
    }

    #[test]
    fn what_the_server_asks_for_is_honoured_or_ends_it() {
        let asked = |seconds| Failure::Status {
            code: 429,
            retry_after: Some(Duration::from_secs(seconds)),
            should_retry: None,
        };
        let after = |seconds, left| decide(&POLICY, 1, asked(seconds), Replay::OnlyIfRefused, left, 0.0);
        assert_eq!(after(7, None), Decision::Wait(Duration::from_secs(7)));
        assert_eq!(after(11, None), Decision::Stop);
        assert_eq!(after(7, Some(Duration::from_secs(5))), Decision::Stop);
    }
}
