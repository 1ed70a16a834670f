//! Contexts: where code keeps its state.

use serde::{Deserialize, Serialize};

/// A place in a sandbox in which code runs and keeps its variables, apart from other contexts.
///
/// Executions in one context run one after the other, those in different contexts at the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Context {
    /// Its id, for [`Execute::context`](crate::Execute::context).
    pub id: String,
    /// The language of the code that it runs, such as `python` or `javascript`, never an alias.
    pub language: String,
    /// The directory in which it was started.
    pub cwd: String,
}

/// A context to create: a language, and where it starts.
///
/// A plain string is the short form: `create("python")` is `create(CreateContext::new("python"))`.
///
/// ```
/// use code_interpreter::CreateContext;
///
/// let spec = CreateContext::new("python").cwd("/tmp");
/// # let _ = spec;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "this describes a context; pass it to `create`"]
pub struct CreateContext {
    pub(crate) language: String,
    pub(crate) cwd: Option<String>,
}

impl CreateContext {
    /// A context for code in this language, by one of the names that
    /// [`Execute::language`](crate::Execute::language) has.
    pub fn new(language: impl Into<String>) -> Self {
        Self { language: language.into(), cwd: None }
    }

    /// Starts it in this directory, which must exist; the sandbox's default when not given.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = Some(path.into());
        self
    }
}

impl<T: Into<String>> From<T> for CreateContext {
    fn from(language: T) -> Self {
        Self::new(language)
    }
}
