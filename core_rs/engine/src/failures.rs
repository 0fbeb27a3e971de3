//! Ids that failed for a passing reason: they fail for ever.

use std::collections::VecDeque;

/// A remembered failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub id: u128,
    /// When the event was refused.
    pub timestamp: u64,
}

/// The failures in memory, oldest first. Older ones are known to the database only.
#[derive(Default)]
pub(crate) struct Failures {
    entries: VecDeque<Failure>,
    /// How many entries left before the first one.
    evicted: usize,
    ids: hashbrown::HashMap<u128, u64, foldhash::fast::FixedState>,
    /// How many of the entries went into a projection.
    taken: usize,
    /// How many of the entries are durable in the database.
    confirmed: usize,
}

impl Failures {
    /// Returns how many failures there ever were.
    pub fn end(&self) -> usize {
        self.evicted + self.entries.len()
    }

    /// Returns how many failures are in memory.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns when an id failed.
    #[inline]
    pub fn get(&self, id: u128) -> Option<u64> {
        if self.entries.is_empty() { None } else { self.ids.get(&id).copied() }
    }

    pub fn push(&mut self, failure: Failure) {
        self.entries.push_back(failure);
        self.ids.insert(failure.id, failure.timestamp);
    }

    /// Forgets the failures a batch added: it never happened.
    pub fn truncate(&mut self, end: usize) {
        while self.end() > end {
            let failure = self.entries.pop_back().expect("longer than wanted");
            self.ids.remove(&failure.id);
        }
    }

    /// Returns what was not projected yet, up to a count of failures ever.
    pub fn take(&mut self, end: usize) -> Vec<Failure> {
        let count = end - self.evicted;
        let taken = self.entries.range(self.taken..count).copied().collect();
        self.taken = count;
        taken
    }

    /// What was taken is durable now.
    pub fn confirm(&mut self) {
        self.confirmed = self.taken;
    }

    /// What was taken up to a time is durable now.
    pub fn confirm_until(&mut self, timestamp: u64) {
        let durable = self.entries.partition_point(|failure| failure.timestamp <= timestamp).min(self.taken);
        self.confirmed = self.confirmed.max(durable);
    }

    /// Returns the time up to which durable failures must be forgotten to keep no more than `kept`.
    pub fn surplus_until(&self, kept: usize) -> u64 {
        let surplus = self.entries.len().saturating_sub(kept).min(self.confirmed);
        if surplus == 0 { 0 } else { self.entries[surplus - 1].timestamp }
    }

    /// Returns the ids that failed after one time and up to another.
    pub fn between(&self, after: u64, until: u64) -> impl Iterator<Item = u128> {
        let first = self.entries.partition_point(|failure| failure.timestamp <= after);
        let failed = self.entries.range(first..).take_while(move |failure| failure.timestamp <= until);
        failed.map(|failure| failure.id)
    }

    /// Forgets the oldest failure if it is durable and not newer than a time; returns its id.
    pub fn forget(&mut self, until: u64) -> Option<u128> {
        if self.confirmed == 0 || self.entries[0].timestamp > until {
            return None;
        }
        let failure = self.entries.pop_front().expect("a confirmed entry");
        self.ids.remove(&failure.id);
        self.confirmed -= 1;
        self.taken -= 1;
        self.evicted += 1;
        Some(failure.id)
    }
}
