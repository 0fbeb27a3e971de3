//! Keeping memory flat: what is durable and indexed in the database leaves, oldest first.

use crate::holds::CarriedHold;
use crate::id_index::hash_id;
use crate::leaving::COMMITS_RELIED_ON;
use crate::ledger::Ledger;
use crate::transfer::{Transfer, id_time_ms};

/// Failures that stay in memory whatever happens; more leave once they are durable.
const FAILURES_KEPT_MAX: usize = if cfg!(test) { 4 } else { 1 << 20 };
/// How much is forgotten with each commit, so that it keeps up without any batch waiting for it. Tests go slower, to
/// see the states in between.
const FORGET_MIN: usize = if cfg!(test) { 1 } else { 64 };
const FORGET_PER_EVENT: usize = if cfg!(test) { 0 } else { 4 };

/// Up to which times what is closed or failed is forgotten.
#[derive(Clone, Copy, Default)]
pub(crate) struct ForgetUntil {
    pub closed_until: u64,
    pub failed_until: u64,
}

/// What is forgotten, and what is listed as cold because it is forgotten next.
#[derive(Default)]
pub(crate) struct Forgetting {
    commits: u64,
    now: ForgetUntil,
    pub listed: ForgetUntil,
    listed_at: u64,
    /// Failures up to here belong to evicted chunks.
    failed_evicted_until: u64,
}

impl Ledger {
    /// Forgets the window's oldest chunk, which must be projected, durable and indexed in the database, and the
    /// failures that are as old. Open holds stay.
    ///
    /// # Panics
    ///
    /// If `chunk` is not the oldest, or not full, or not taken by [`take_projection`](Self::take_projection).
    pub fn evict_chunk(&mut self, chunk: u64) {
        assert!(chunk == self.window.chunk_of(self.window.first_sequence()), "chunks leave oldest first");
        assert!(self.window.chunk_end(chunk) <= self.projected.sequence, "a chunk leaves after its projection");
        let closed_lately = self.closed_lately();
        let chunk = self.window.evict();
        let last = chunk.records().last().expect("a full chunk").timestamp;
        self.raise_floor(chunk.id_time_max_ms);
        self.leaving.push(chunk, self.forgetting.commits);
        self.failures.confirm_until(last);
        self.forgetting.failed_evicted_until = last;
        self.projected.confirmed_timestamp = self.projected.confirmed_timestamp.max(last);
        self.carry_closed(&closed_lately);
    }

    fn raise_floor(&mut self, id_time_ms: u64) {
        self.floor_ms = self.floor_ms.max(id_time_ms + 1);
    }

    /// Forgets a little, after a commit of so many events.
    pub(crate) fn forget(&mut self, events: usize) {
        self.forgetting.commits += 1;
        if self.forgetting.commits >= self.forgetting.listed_at + COMMITS_RELIED_ON {
            self.list_next();
        }
        let limit = FORGET_MIN + FORGET_PER_EVENT * events;
        self.carry_holds(limit);
        self.holds.forget_closed(self.forgetting.now.closed_until, limit);
        for _ in 0..limit {
            let Some(_) = self.failures.forget(self.forgetting.now.failed_until) else { break };
        }
    }

    /// Lets go of what has been listed as cold for long enough, and lists what comes next.
    fn list_next(&mut self) {
        let now = self.forgetting.listed;
        let surplus = self.failures.surplus_until(FAILURES_KEPT_MAX);
        let listed = ForgetUntil {
            closed_until: self.projected.confirmed_timestamp,
            failed_until: now.failed_until.max(self.forgetting.failed_evicted_until).max(surplus),
        };
        // What is listed must be below the floor to be asked for.
        let closed = self.holds.closed_between(now.closed_until, listed.closed_until).map(id_time_ms).max();
        let failed = self.failures.between(now.failed_until, listed.failed_until).map(id_time_ms).max();
        for id_time_ms in closed.into_iter().chain(failed) {
            self.raise_floor(id_time_ms);
        }
        self.forgetting.now = now;
        self.forgetting.listed = listed;
        self.forgetting.listed_at = self.forgetting.commits;
    }

    /// Carries over open holds of the chunks that leave.
    fn carry_holds(&mut self, mut limit: usize) {
        while let Some(hold) = self.leaving.next_open(self.forgetting.commits, &mut limit) {
            self.holds.insert(hold);
        }
        if let Some(chunk) = self.leaving.take_done() {
            self.window.recycle(chunk);
        }
    }

    /// Keeps the closed holds of chunks that leave that the database may still take for open.
    fn carry_closed(&mut self, closed_lately: &[u128]) {
        // What is forgotten again is decided by this one time: nothing closed lately was closed after it.
        let closed_at = self.committed_position().last_timestamp;
        for &id in closed_lately {
            let hash = hash_id(id);
            let Some(sequence) = self.leaving.find(id, hash) else { continue };
            let chunk = self.leaving.chunk(sequence);
            let (record, link) = (*chunk.record(sequence), *chunk.link(sequence));
            if !link.is_open() && self.holds.find(id, hash).is_none() {
                let accounts = link.accounts;
                let hold = CarriedHold { record, sequence, closed_at, accounts, outcome: link.outcome };
                let position = self.holds.insert(hold);
                self.holds.retain_closed(position, closed_at, hash);
            }
        }
    }

    /// Returns the holds whose closing is committed but perhaps not durable in the projection.
    fn closed_lately(&self) -> Vec<u128> {
        let first = self.projected.confirmed_sequence.max(self.window.first_sequence());
        let transfers = (first..self.sequence_next()).map(|sequence| self.window.record(sequence));
        let closings =
            transfers.filter(|transfer: &&Transfer| transfer.closes_hold()).map(|transfer| transfer.pending_id);
        closings.chain(self.projected.expired.iter().map(|expired| expired.key.id)).collect()
    }
}
