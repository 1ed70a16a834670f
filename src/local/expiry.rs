//! The end of a sandbox that nobody kills: its time is over, or its processes are gone.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::log::Severity;
use super::registry::Registry;
use super::sandbox::Sandbox;

/// Watches one sandbox until its end has begun. One that is paused has none.
pub(super) async fn watch(registry: Arc<Registry>, sandbox: Arc<Sandbox>) {
    let mut end = sandbox.end.subscribe();
    let why = loop {
        let at = end.borrow_and_update().at;
        tokio::select! {
            () = sandbox.ended() => return,
            () = sandbox.supervisor.gone() => break "ended: its Python process is gone",
            () = until(at) => {
                // What cannot be paused does not live for ever instead.
                if !sandbox.pauses_at_end() || sandbox.pause().await.is_err() {
                    break "ended: its time was over";
                }
            }
            _ = end.changed() => {}
        }
    };
    sandbox.log.note(Severity::Info, why);
    registry.kill(sandbox).await;
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
