//! The ledger: its state, and the path of a batch through it.

use crate::accounts::Accounts;
use crate::batch::{AppliedBatch, BatchLog};
use crate::cold::{ColdRecord, ColdRecords};
use crate::event::Unit;
use crate::evict::Forgetting;
use crate::expiry::ExpiryQueue;
use crate::failures::Failures;
use crate::holds::CarriedHolds;
use crate::leaving::LeavingChunks;
use crate::load::Loading;
use crate::projection::ProjectionMark;
use crate::resolve::Resolver;
use crate::status::CreateResult;
use crate::window::Window;

/// Timestamps stay below this, so that they are positive in signed columns.
pub(crate) const TIMESTAMP_END: u64 = 1 << 63;
/// How far ahead of the batch's time an id's time may be.
const ID_TIME_AHEAD_MAX_NS: u64 = 60 * 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// How a ledger is laid out. None of it changes a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Transfers per chunk, a power of two up to 2^24: what is projected, indexed and evicted as one.
    pub chunk_size: u64,
    /// Most events in one batch, and most holds that expire in one batch.
    pub batch_events_max: u32,
    /// Accounts to make room for at once.
    pub accounts_capacity: usize,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self { chunk_size: 1 << 20, batch_events_max: 8190, accounts_capacity: 0 }
    }
}

/// What moves on with every batch and goes back with a rollback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last timestamp handed out.
    pub last_timestamp: u64,
    /// The timestamp of the newest transfer.
    pub last_transfer_timestamp: u64,
    /// The greatest time in an id that was ever created or failed.
    pub id_time_max_ms: u64,
    pub open_holds: u64,
}

/// A deterministic double-entry ledger in memory.
///
/// State changes only by [`apply`](Self::apply), one batch at a time, which [`commit`](Self::commit) makes visible or
/// [`rollback`](Self::rollback) undoes. Every read shows committed state.
pub struct Ledger {
    pub(crate) options: LedgerOptions,
    pub(crate) accounts: Accounts,
    pub(crate) window: Window,
    pub(crate) holds: CarriedHolds,
    pub(crate) expiries: ExpiryQueue,
    pub(crate) failures: Failures,
    pub(crate) position: Position,
    /// Every id of this time or later that exists is in memory.
    pub(crate) floor_ms: u64,
    pub(crate) batch: BatchLog,
    pub(crate) resolver: Resolver,
    pub(crate) projected: ProjectionMark,
    pub(crate) leaving: LeavingChunks,
    pub(crate) forgetting: Forgetting,
    pub(crate) loading: Option<Box<Loading>>,
}

impl Ledger {
    /// Returns an empty ledger.
    ///
    /// # Panics
    ///
    /// If `chunk_size` is not a power of two up to 2^24, or `batch_events_max` is 0 or over 2^18.
    #[must_use]
    pub fn new(options: LedgerOptions) -> Self {
        let events_max = options.batch_events_max;
        assert!(events_max > 0 && events_max <= 1 << 18, "batch_events_max is 1 to 2^18");
        Self {
            options,
            accounts: Accounts::with_capacity(options.accounts_capacity),
            window: Window::new(options.chunk_size, 0),
            holds: CarriedHolds::new(),
            expiries: ExpiryQueue::default(),
            failures: Failures::default(),
            position: Position::default(),
            floor_ms: 0,
            batch: BatchLog::default(),
            resolver: Resolver::default(),
            projected: ProjectionMark::default(),
            leaving: LeavingChunks::default(),
            forgetting: Forgetting::default(),
            loading: None,
        }
    }

    /// Applies units in order as one batch at `now` (nanoseconds since 1970), which is then in flight: call
    /// [`commit`](Self::commit) once it is durable, else [`rollback`](Self::rollback).
    ///
    /// `cold` is what the database knows of [`cold_ids`](Self::cold_ids) and [`cold_moments`](Self::cold_moments). What is
    /// neither in memory nor in `cold` does not exist.
    ///
    /// # Panics
    ///
    /// If a batch is in flight, a unit is not well formed, there are more than `batch_events_max` events, or time has
    /// run out (2^63 nanoseconds).
    pub fn apply(&mut self, units: &[Unit<'_>], now: u64, cold: &[ColdRecord]) -> AppliedBatch {
        let events = units.iter().map(Unit::len).sum::<usize>();
        assert!(!self.batch.in_flight, "one batch is in flight at a time");
        assert!(self.loading.is_none(), "loading ends with finish_load");
        assert!(units.iter().all(Unit::is_well_formed), "a unit is one or more whole records");
        assert!(events <= self.options.batch_events_max as usize, "a batch has at most batch_events_max events");

        let timestamp = now.max(self.position.last_timestamp + 1);
        assert!(timestamp < TIMESTAMP_END - (1 << 32), "timestamps fit 63 bits");
        self.begin_batch(timestamp);
        (self.batch.timestamp, self.batch.events) = (timestamp, events);
        self.expire_holds(timestamp);
        self.batch.next_timestamp = timestamp + self.batch.expired.len() as u64;

        let cold_records = ColdRecords::new(cold);
        let mut results = Vec::with_capacity(events);
        for (unit_index, unit) in units.iter().enumerate() {
            self.batch.is_a_strangers = unit.operation.is_a_strangers();
            if unit.operation.is_of_accounts() {
                self.apply_accounts(unit, &cold_records, &mut results);
            } else {
                self.apply_transfers(units, unit_index, &cold_records, &mut results);
            }
        }
        self.position.last_timestamp = timestamp.max(self.batch.next_timestamp - 1);
        self.finish_batch(timestamp, results, cold)
    }

    fn begin_batch(&mut self, timestamp: u64) {
        self.batch.begin(self.position, self.window.next_sequence(), self.accounts.len(), self.failures.end());
        self.batch.id_time_limit_ms = (timestamp + ID_TIME_AHEAD_MAX_NS) / NANOSECONDS_PER_MILLISECOND;
        self.accounts.begin_batch();
        self.resolver.reset();
    }

    fn finish_batch(&mut self, timestamp: u64, results: Vec<CreateResult>, cold: &[ColdRecord]) -> AppliedBatch {
        let mut known = cold.to_vec();
        known.append(&mut self.batch.evidence);
        AppliedBatch {
            timestamp,
            results_digest: self.batch.digest(&results),
            results,
            expired: self.batch.expired.len() as u32,
            transfers_created: (self.window.next_sequence() - self.batch.first_sequence) as u32,
            cold: known,
        }
    }

    /// The batch in flight is durable: its effects become visible.
    ///
    /// # Panics
    ///
    /// If no batch is in flight.
    pub fn commit(&mut self) {
        assert!(self.batch.in_flight, "a batch is in flight");
        self.settle_closed_holds();
        self.accounts.commit_batch();
        self.batch.in_flight = false;
        self.forget(self.batch.events);
    }

    /// The batch in flight never happened: the state is exactly what it was before.
    ///
    /// # Panics
    ///
    /// If no batch is in flight.
    pub fn rollback(&mut self) {
        assert!(self.batch.in_flight, "a batch is in flight");
        self.undo_batch();
        self.batch.in_flight = false;
    }

    /// Returns whether a batch was applied and neither committed nor rolled back.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.batch.in_flight
    }

    /// Returns the last timestamp handed out by a committed batch, in nanoseconds; 0 before the first.
    #[must_use]
    pub fn last_timestamp(&self) -> u64 {
        self.committed_position().last_timestamp
    }

    /// Returns how many transfers were ever created and committed: the sequence of the next one.
    #[must_use]
    pub fn sequence_next(&self) -> u64 {
        if self.batch.in_flight { self.batch.first_sequence } else { self.window.next_sequence() }
    }

    pub(crate) fn committed_position(&self) -> Position {
        if self.batch.in_flight { self.batch.start } else { self.position }
    }
}
