//! What the engine holds in its own memory of what a sandbox says, until the clients take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All that of one sandbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

/// The largest result is within it more than twice.
pub(super) const MOST: usize = 512 * 1024 * 1024;

impl Backlog {
    pub(super) fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MOST
    }

    /// A part of it, of no size yet.
    pub(super) fn part(&self) -> Part {
        Part { backlog: self.clone(), bytes: 0 }
    }
}

/// What one buffer holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) backlog: Backlog,
    bytes: usize,
}

impl Part {
    pub(super) fn set(&mut self, bytes: usize) {
        self.backlog.0.fetch_add(bytes, Ordering::Relaxed);
        self.backlog.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes
    }

    /// Leaves this part empty, and what was in it in another.
    pub(super) fn take(&mut self) -> Self {
        let empty = self.backlog.part();
        std::mem::replace(self, empty)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_and_go() {
        let backlog = Backlog::default();
        let (mut one, mut other) = (backlog.part(), backlog.part());
        one.set(MOST / 2);
        other.set(MOST / 2);
        assert!(backlog.is_full());
        let taken = other.take();
        other.set(1);
        drop(one);
        assert!(!backlog.is_full());
        drop((taken, other));
        assert_eq!(backlog.0.load(Ordering::Relaxed), 0);
    }
}
