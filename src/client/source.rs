//! What comes piece by piece.

use super::maybe_async;
use crate::error::Result;

/// Something that is read in batches and handed out one by one. `Flow` makes a `Stream` or an `Iterator` of it.
#[maybe_async(AFIT)]
pub(crate) trait Source: Sized + Send + 'static {
    /// What it hands out.
    type Item: Send;

    /// The next item that is there already.
    fn pop(&mut self) -> Option<Result<Self::Item>>;

    /// Gets more, so that there is something to pop; `false` at the end.
    fn fill(&mut self) -> impl Future<Output = Result<bool>> + Send;
}
