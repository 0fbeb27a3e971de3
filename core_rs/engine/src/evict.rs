//! Keeping memory flat: what is durable and indexed in the database leaves, oldest first.

use crate::chunk::Chunk;
use crate::cold::HoldOutcome;
use crate::event::{Operation, Unit};
use crate::holds::CarriedHold;
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::transfer::{Transfer, id_time_ms};
use crate::window::CLOSED_IN_FLIGHT;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

/// Failures that stay in memory whatever happens; more leave once they are durable.
const FAILURES_KEPT_MAX: usize = 1 << 20;
/// Ids of an earlier time (2000-01-01) do not carry a time at all.
const PLAUSIBLE_TIME_MIN_MS: u64 = 946_684_800_000;

/// What tells whether an id or a time can be inside a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSummary {
    /// The timestamp of its first transfer.
    pub first_timestamp: u64,
    /// The timestamp of its last transfer.
    pub last_timestamp: u64,
    /// The least time in its ids, of those from 2000-01-01 on; `u64::MAX` if there is none.
    pub id_time_min_ms: u64,
    /// The greatest time in its ids, of those from 2000-01-01 on; 0 if there is none.
    pub id_time_max_ms: u64,
    /// Whether some id carries an earlier time.
    pub has_implausible_ids: bool,
}

impl Ledger {
    /// Returns the transfer ids and pending ids of a batch that may exist without being in memory: old ones, below the
    /// floor that eviction raised. Usually none, and then nothing is allocated.
    ///
    /// Ask the database for them *after* the batch before has been applied, and hand the answers to
    /// [`apply`](Self::apply); the batch before need not be committed yet.
    #[must_use]
    pub fn cold_ids(&self, units: &[Unit<'_>]) -> Vec<u128> {
        self.note_cold_asked();
        let mut ids = Vec::new();
        if self.floor_ms == 0 {
            return ids;
        }
        let mut seen: HashSet<u128, FixedState> = HashSet::default();
        for unit in units.iter().filter(|unit| unit.operation == Operation::CreateTransfers) {
            for index in 0..unit.len() {
                let transfer = unit.transfer(index);
                if self.is_cold(transfer.id) && seen.insert(transfer.id) {
                    ids.push(transfer.id);
                }
                if transfer.closes_hold() && self.is_cold(transfer.pending_id) && seen.insert(transfer.pending_id) {
                    ids.push(transfer.pending_id);
                }
            }
        }
        ids
    }

    fn is_cold(&self, id: u128) -> bool {
        id_time_ms(id) < self.floor_ms
            && id != 0
            && self.find_in_memory(id, hash_id(id)).is_none()
            && self.failures.get(id).is_none()
    }

    /// Returns what tells whether an id or a time can be inside a chunk of the window.
    ///
    /// # Panics
    ///
    /// If the chunk is not in the window or not full of committed transfers.
    #[must_use]
    pub fn seal_chunk(&self, chunk: u64) -> ChunkSummary {
        assert!(self.window.chunk_end(chunk) <= self.sequence_next(), "only a full chunk is sealed");
        let records = self.window.full_chunk(chunk).expect("the chunk is in the window").records();
        let mut summary = ChunkSummary {
            first_timestamp: records[0].timestamp,
            last_timestamp: records[records.len() - 1].timestamp,
            id_time_min_ms: u64::MAX,
            id_time_max_ms: 0,
            has_implausible_ids: false,
        };
        for record in records {
            let time = id_time_ms(record.id);
            if time < PLAUSIBLE_TIME_MIN_MS {
                summary.has_implausible_ids = true;
            } else {
                summary.id_time_min_ms = summary.id_time_min_ms.min(time);
                summary.id_time_max_ms = summary.id_time_max_ms.max(time);
            }
        }
        summary
    }

    /// Forgets the window's oldest chunk, which must be projected, durable and indexed in the database, and the failures
    /// and closed holds that are as old. Open holds stay.
    ///
    /// If cold ids were asked for and their batch is not applied yet, the chunk leaves when it has been: the answers must
    /// stay complete.
    ///
    /// # Panics
    ///
    /// If `chunk` is not the oldest that is not yet on its way out, or not full, or not taken by
    /// [`take_projection`](Self::take_projection).
    pub fn evict_chunk(&mut self, chunk: u64) {
        let oldest = self.window.chunk_of(self.window.first_sequence()) + self.evictions_waiting.len() as u64;
        assert!(chunk == oldest, "chunks leave oldest first");
        assert!(self.window.chunk_end(chunk) <= self.projected.sequence, "a chunk leaves after its projection");
        self.evictions_waiting.push(chunk);
        if !*self.cold_asked.get_mut() {
            self.evict_waiting();
        }
    }

    /// Evicts what waits. Right after a batch was applied no cold answer is outstanding.
    pub(crate) fn evict_waiting(&mut self) {
        for _ in 0..std::mem::take(&mut self.evictions_waiting).len() {
            self.evict_oldest();
        }
        let (count, id_time_max_ms) = self.failures.evict(|_, len| len > FAILURES_KEPT_MAX);
        self.raise_floor(count, id_time_max_ms);
    }

    fn evict_oldest(&mut self) {
        let chunk = self.window.evict();
        let last = chunk.records().last().expect("a full chunk").timestamp;
        self.carry_holds(&chunk);
        self.failures.confirm_until(last);
        let (count, id_time_max_ms) = self.failures.evict(|failure, _| failure.timestamp <= last);
        self.raise_floor(count, id_time_max_ms);
        self.raise_floor(chunk.len(), chunk.id_time_max_ms);
        let mut forgotten = 0;
        self.holds.forget_closed(last, |hold| forgotten = forgotten.max(id_time_ms(hold.record.id) + 1));
        self.floor_ms = self.floor_ms.max(forgotten);
        self.window.recycle(chunk);
    }

    fn raise_floor(&mut self, count: usize, id_time_max_ms: u64) {
        if count > 0 {
            self.floor_ms = self.floor_ms.max(id_time_max_ms + 1);
        }
    }

    /// Keeps the open holds of a chunk that leaves, and those the database may still take for open.
    fn carry_holds(&mut self, chunk: &Chunk) {
        let closed_lately = self.closed_lately();
        for (offset, (record, link)) in chunk.records().iter().zip(&chunk.links).enumerate() {
            if link.outcome == HoldOutcome::None as u8 {
                continue;
            }
            let is_open = link.outcome == HoldOutcome::Open as u8 || link.outcome & CLOSED_IN_FLIGHT != 0;
            let closed_at = closed_lately.get(&record.id);
            if !is_open && closed_at.is_none() {
                continue;
            }
            let sequence = chunk.first_sequence + offset as u64;
            let hold = CarriedHold { record: *record, sequence, accounts: link.accounts, outcome: link.outcome };
            let position = self.holds.insert(hold);
            if let (false, Some(&closed_at)) = (is_open, closed_at) {
                self.holds.retain_closed(position, closed_at);
            }
        }
    }

    /// Returns the holds whose closing is committed but perhaps not durable in the projection, and a time by which it
    /// happened.
    fn closed_lately(&self) -> HashMap<u128, u64, FixedState> {
        // The order in which closed holds are forgotten is by this one time: nothing closed lately is older than now.
        let closed_at = self.committed_position().last_timestamp;
        let mut closed = HashMap::default();
        let first = self.projected.confirmed_sequence.max(self.window.first_sequence());
        let posted = (first..self.sequence_next()).map(|sequence| self.window.record(sequence));
        for transfer in posted.filter(|transfer: &&Transfer| transfer.closes_hold()) {
            closed.insert(transfer.pending_id, closed_at);
        }
        for expired in &self.projected.expired {
            closed.insert(expired.key.id, closed_at);
        }
        closed
    }
}
