//! What a client remembers of sandboxes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::protocol::Route;

/// How many sandboxes are remembered; one that is not can be asked for again.
const MOST: usize = 4096;

/// Each sandbox's route, and when it is to end.
#[derive(Debug, Default)]
pub(super) struct Known {
    sandboxes: Mutex<HashMap<String, Memory>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) route: Route,
    pub(super) end_at: Option<SystemTime>,
}

impl Known {
    pub(super) fn remember(&self, id: &str, memory: Memory) {
        let mut sandboxes = self.lock();
        if sandboxes.len() >= MOST && !sandboxes.contains_key(id) {
            sandboxes.clear();
        }
        sandboxes.insert(id.to_owned(), memory);
    }

    pub(super) fn ends_at(&self, id: &str, end_at: Option<SystemTime>) {
        if let Some(memory) = self.lock().get_mut(id) {
            memory.end_at = end_at;
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Memory> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Memory>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
