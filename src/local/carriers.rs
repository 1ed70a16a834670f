//! The sockets of a sandbox that hold open files on their way between processes, where no process has them.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::nameless::Carrier;

/// What programs hand to each other arrives sooner than this.
const ARRIVAL: Duration = Duration::from_secs(4);
/// So many looks that each found some tell that there always are, if there was as much time between them twice over.
const ENOUGH: u32 = 4;

/// The sockets of a sandbox that hold open files on their way.
#[derive(Default)]
pub(super) struct Carriers {
    /// Since when each look has found them so.
    since: HashMap<u64, Instant>,
    /// Since when each look has found any, and how many looks.
    always: Option<(Instant, u32)>,
}

impl Carriers {
    pub(super) fn are_there(&self) -> bool {
        self.always.is_some()
    }

    /// Takes in what a look found, and tells which of it has been there for too long.
    pub(super) fn late(&mut self, found: &[Carrier], now: Instant) -> HashSet<u32> {
        self.since.retain(|socket, _| found.iter().any(|carrier| carrier.socket == *socket));
        if found.is_empty() {
            self.always = None;
            return HashSet::new();
        }
        let (since, looks) = self.always.unwrap_or((now, 0));
        self.always = Some((since, looks + 1));
        // Files that go from one socket to the next are nowhere else either.
        let are_always_some = looks >= ENOUGH && now - since >= 2 * ARRIVAL;
        let is_late =
            |carrier: &&Carrier| are_always_some | (now - *self.since.entry(carrier.socket).or_insert(now) >= ARRIVAL);
        found.iter().filter(is_late).map(|carrier| carrier.process).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_that_stay_and_those_that_change() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let one = |socket: u64| [Carrier { process: 7, socket }];
        let late = HashSet::from([7]);
        let mut carriers = Carriers::default();
        assert!(carriers.late(&one(1), at(0)).is_empty() && carriers.late(&one(1), at(3)).is_empty());
        assert_eq!(carriers.late(&one(1), at(4)), late);
        let mut carriers = Carriers::default();
        for second in 0..8 {
            assert!(carriers.late(&one(second), at(second)).is_empty());
        }
        assert_eq!(carriers.late(&one(8), at(8)), late);
        // One look that finds none, and it begins anew; few looks tell little.
        assert!(carriers.late(&[], at(9)).is_empty() && carriers.late(&one(9), at(10)).is_empty());
        assert!(carriers.late(&one(10), at(30)).is_empty());
    }
}
