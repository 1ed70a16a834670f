//! A handle that ends a call from elsewhere.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends the calls that it was given to, from any thread, in both flavours.
///
/// Clones are one handle. It goes into a request, such as [`Execute::cancel`](crate::Execute::cancel). The call then
/// fails with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), and what it ran is interrupted. Once cancelled, a
/// handle stays so: calls given it later fail at once.
///
/// ```
/// use code_interpreter::{Cancel, Execute};
///
/// let cancel = Cancel::new();
/// let request = Execute::new("while True: pass").cancel(&cancel);
/// // Somewhere else, say in a signal handler's thread:
/// cancel.cancel();
/// assert!(cancel.is_cancelled());
/// # let _ = request;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    state: Arc<watch::Sender<bool>>,
}

impl Cancel {
    /// A handle that has not been used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every call that this handle was given to. Doing it again does nothing.
    pub fn cancel(&self) {
        self.state.send_replace(true);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.state.borrow()
    }

    pub(crate) async fn cancelled(&self) {
        // Fails only when the sender is gone, and `self` holds it.
        let _ = self.state.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}
