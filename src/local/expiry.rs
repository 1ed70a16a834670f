//! The end of a sandbox that nobody kills: its time is over, or its processes are gone.

use std::sync::Arc;

use tokio::time::sleep_until;

use super::registry::Registry;
use super::sandbox::Sandbox;

/// Watches one sandbox until its end has begun.
pub(super) async fn watch(registry: Arc<Registry>, sandbox: Arc<Sandbox>) {
    let mut end = sandbox.end.subscribe();
    loop {
        let at = end.borrow_and_update().at;
        tokio::select! {
            () = sandbox.ended() => return,
            () = sandbox.supervisor.gone() => break,
            () = sleep_until(at) => break,
            _ = end.changed() => {}
        }
    }
    registry.kill(sandbox).await;
}
