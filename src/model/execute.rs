//! What to run, and how.

use std::time::Duration;

use super::env::Env;
use crate::{cancel::Cancel, config::Limit};

/// How much of an execution's printed text, and of its outputs, is kept unless said otherwise: 64 MiB of each.
pub(crate) const DEFAULT_MAX_OUTPUT: usize = 64 << 20;

/// Code to run, and how to run it.
///
/// A plain string is the short form: `execute_code(id, "1 + 1")` is `execute_code(id, Execute::new("1 + 1"))`.
///
/// ```
/// use std::time::Duration;
/// use code_interpreter::{Cancel, Execute};
///
/// let cancel = Cancel::new();
/// let request = Execute::new("train(model)")
///     .timeout(Duration::from_secs(1800))
///     .env("EPOCHS", "3")
///     .cancel(&cancel);
/// # let _ = request;
/// ```
#[derive(Clone, Debug)]
#[must_use = "this describes an execution; pass it to `execute_code`"]
pub struct Execute {
    pub(crate) code: String,
    pub(crate) context: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) env: Env,
    pub(crate) timeout: Limit,
    pub(crate) cancel: Option<Cancel>,
    pub(crate) max_output: usize,
}

impl Execute {
    /// Runs this code in the sandbox's default context. Empty code is allowed and gives an empty result.
    pub fn new(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            context: None,
            language: None,
            env: Env::default(),
            timeout: Limit::Unset,
            cancel: None,
            max_output: DEFAULT_MAX_OUTPUT,
        }
    }

    /// Runs in the context with this id. Excludes [`language`](Self::language), which names another context.
    pub fn context(mut self, id: impl Into<String>) -> Self {
        self.context = Some(id.into());
        self
    }

    /// Runs in the default context of this language, which is made when it is first used. The embedded engine has
    /// `python`, `javascript` (or `js`), `typescript` (or `ts`) and `bash`, as far as their programs are on the machine;
    /// E2B has these, `r` and `java`.
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sets an environment variable for this execution alone.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.0.insert(name.into(), value.into());
        self
    }

    /// Sets several environment variables for this execution alone.
    pub fn envs<K: Into<String>, V: Into<String>>(self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        variables.into_iter().fold(self, |request, (name, value)| request.env(name, value))
    }

    /// How long the execution may take, from the moment it is sent, time in the queue included; `None` for no limit.
    /// The client's `execution_timeout` when not given. When it runs out, the code is interrupted and the call fails
    /// with [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeout = limit.into().into();
        self
    }

    /// Lets `cancel` end the execution, from any thread.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// How many bytes of printed text are kept at most, and how many bytes of outputs; 64 MiB of each unless set. What
    /// is beyond is read and dropped, and [`ExecutionResult::truncated`](crate::ExecutionResult::truncated) says so.
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }
}

impl<T: Into<String>> From<T> for Execute {
    fn from(code: T) -> Self {
        Self::new(code)
    }
}

impl From<&Self> for Execute {
    fn from(same: &Self) -> Self {
        same.clone()
    }
}
