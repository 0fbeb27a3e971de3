//! What was committed, as rows of PostgreSQL's binary COPY format.
//!
//! | buffer | columns |
//! |---|---|
//! | transfer rows | sequence, id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, |
//! | | user_data_64, user_data_32, timeout, ledger, code, flags, timestamp |
//! | `accounts` | id, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128, user_data_64, |
//! | | user_data_32, ledger, code, flags, timestamp |
//! | `holds_opened` | id, timestamp, expires_at (0 for never) |
//! | `holds_closed` | id, outcome (smallint), closed_at |
//! | `failures` | id, timestamp |
//! | `balances` | account_id, timestamp, debits_pending, debits_posted, credits_pending, credits_posted |
//!
//! 128-bit ids are `uuid`; `pending_id` and `user_data_128` are NULL where they are 0. Amounts and `user_data_64` are
//! `numeric`; 16-bit numbers are `integer`; everything else is `bigint`, times in nanoseconds.

use crate::account::Account;
use crate::batch::ExpiredHold;
use crate::cold::HoldOutcome;
use crate::ledger::Ledger;
use crate::postgres_copy::CopyWriter;
use crate::transfer::{Transfer, transfer_flags};
use std::ops::Range;

/// Columns of a transfer row.
pub(crate) const TRANSFER_COLUMNS: usize = 14;
/// Columns of an account row.
pub(crate) const ACCOUNT_COLUMNS: usize = 12;

const TRANSFER_ROW_SIZE: usize = 210;
const ACCOUNT_ROW_SIZE: usize = 200;
const FAILURE_ROW_SIZE: usize = 34;

/// How far the projection has followed.
#[derive(Default)]
pub(crate) struct ProjectionMark {
    /// Transfers before this one were taken.
    pub sequence: u64,
    /// Transfers before this one are durable: a later projection was taken, or they were loaded.
    pub confirmed_sequence: u64,
    /// Everything up to this time is durable.
    pub confirmed_timestamp: u64,
    /// Committed expiries that may not be durable yet.
    pub expired: Vec<ExpiredHold>,
    /// How many of them were taken.
    expired_taken: usize,
    last_timestamp: u64,
}

impl ProjectionMark {
    /// Returns the mark of a ledger that was loaded.
    pub fn loaded(sequence: u64, last_timestamp: u64) -> Self {
        Self {
            sequence,
            confirmed_sequence: sequence,
            confirmed_timestamp: last_timestamp,
            expired: Vec::new(),
            expired_taken: 0,
            last_timestamp,
        }
    }
}

/// Everything committed between two projections, but for the rows of transfers themselves, which are many and never
/// change: [`Ledger::transfer_rows`] gives them piece by piece. Each buffer is a whole COPY stream, or empty without rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// The sequence of its first transfer.
    pub first_sequence: u64,
    /// The sequence after its last transfer.
    pub sequence_next: u64,
    /// The last timestamp handed out: what [`Ledger::finish_load`] needs.
    pub last_timestamp: u64,
    /// The timestamp of the newest transfer ever, 0 if there is none: what [`Ledger::finish_load`] needs.
    pub last_transfer_timestamp: u64,
    /// The greatest time in an id that ever was created or failed: what [`Ledger::finish_load`] needs.
    pub id_time_max_ms: u64,
    /// Created and changed accounts as they are now.
    pub accounts: Vec<u8>,
    /// Created holds.
    pub holds_opened: Vec<u8>,
    /// Holds posted, voided or expired; some may be in `holds_opened` too, which comes first.
    pub holds_closed: Vec<u8>,
    /// Ids that failed for a passing reason.
    pub failures: Vec<u8>,
    /// Balances of accounts with history, one row per transfer and account.
    pub balances: Vec<u8>,
    /// Rows in `accounts`.
    pub accounts_count: u64,
    /// Rows in `holds_opened`.
    pub holds_opened_count: u64,
    /// Rows in `holds_closed`.
    pub holds_closed_count: u64,
    /// Rows in `failures`.
    pub failures_count: u64,
    /// Rows in `balances`.
    pub balances_count: u64,
}

impl Ledger {
    /// Returns everything committed since the last call, or `None` if that is nothing. What the batch in flight touches
    /// stays for the next call.
    ///
    /// Calling again says that the projection returned before is durable.
    pub fn take_projection(&mut self) -> Option<Projection> {
        self.confirm_projection();
        let position = self.committed_position();
        if position.last_timestamp == self.projected.last_timestamp {
            return None;
        }
        let mut projection = Projection {
            first_sequence: self.projected.sequence,
            sequence_next: self.sequence_next(),
            last_timestamp: position.last_timestamp,
            last_transfer_timestamp: position.last_transfer_timestamp,
            id_time_max_ms: position.id_time_max_ms,
            ..Projection::default()
        };
        self.project_holds(&mut projection);
        self.project_accounts(&mut projection);
        self.project_failures(&mut projection);
        self.projected.sequence = projection.sequence_next;
        self.projected.expired_taken = self.projected.expired.len();
        self.projected.last_timestamp = position.last_timestamp;
        Some(projection)
    }

    fn confirm_projection(&mut self) {
        self.projected.confirmed_sequence = self.projected.sequence;
        self.projected.confirmed_timestamp = self.projected.last_timestamp;
        self.projected.expired.drain(..self.projected.expired_taken);
        self.projected.expired_taken = 0;
        self.failures.confirm();
    }

    /// Returns the rows of committed transfers that are still in the window, as a whole COPY stream.
    ///
    /// # Panics
    ///
    /// If one of them left the window, or is not committed.
    pub fn transfer_rows(&self, sequences: Range<u64>) -> Vec<u8> {
        assert!(sequences.end <= self.sequence_next(), "only what is committed is projected");
        let count = sequences.end.saturating_sub(sequences.start) as usize;
        let mut rows = CopyWriter::with_capacity(count, TRANSFER_ROW_SIZE);
        for sequence in sequences {
            put_transfer(&mut rows, sequence, self.window.record(sequence));
        }
        rows.finish().0
    }

    fn project_holds(&self, projection: &mut Projection) {
        let mut opened = CopyWriter::with_capacity(0, 0);
        let mut closed = CopyWriter::with_capacity(0, 0);
        let mut balances = CopyWriter::with_capacity(0, 0);
        for expired in &self.projected.expired {
            put_closed(&mut closed, expired.key.id, HoldOutcome::Expired, expired.closed_at);
        }
        for sequence in projection.first_sequence..projection.sequence_next {
            let record = self.window.record(sequence);
            if record.is_hold() {
                opened.begin_row(3);
                opened.put_uuid(record.id);
                opened.put_bigint_u64(record.timestamp);
                opened.put_bigint_u64(record.expires_at());
            } else if record.closes_hold() {
                let is_void = record.has(transfer_flags::VOID_PENDING_TRANSFER);
                let outcome = if is_void { HoldOutcome::Voided } else { HoldOutcome::Posted };
                put_closed(&mut closed, record.pending_id, outcome, record.timestamp);
            }
            self.project_balances(sequence, record.timestamp, &mut balances);
        }
        (projection.holds_opened, projection.holds_opened_count) = opened.finish();
        (projection.holds_closed, projection.holds_closed_count) = closed.finish();
        (projection.balances, projection.balances_count) = balances.finish();
    }

    fn project_balances(&self, sequence: u64, timestamp: u64, balances: &mut CopyWriter) {
        for row in self.window.balances(sequence) {
            balances.begin_row(6);
            balances.put_uuid(self.accounts.slot(row.account).id);
            balances.put_bigint_u64(timestamp);
            balances.put_numeric(row.debits_pending);
            balances.put_numeric(row.debits_posted);
            balances.put_numeric(row.credits_pending);
            balances.put_numeric(row.credits_posted);
        }
    }

    fn project_accounts(&mut self, projection: &mut Projection) {
        let dirty = self.accounts.take_dirty();
        let mut accounts = CopyWriter::with_capacity(dirty.len(), ACCOUNT_ROW_SIZE);
        for account in dirty {
            put_account(&mut accounts, &self.accounts.committed(account));
        }
        (projection.accounts, projection.accounts_count) = accounts.finish();
    }

    fn project_failures(&mut self, projection: &mut Projection) {
        let end = if self.batch.in_flight { self.batch.failures_end } else { self.failures.end() };
        let taken = self.failures.take(end);
        let mut failures = CopyWriter::with_capacity(taken.len(), FAILURE_ROW_SIZE);
        for failure in taken {
            failures.begin_row(2);
            failures.put_uuid(failure.id);
            failures.put_bigint_u64(failure.timestamp);
        }
        (projection.failures, projection.failures_count) = failures.finish();
    }
}

fn put_closed(closed: &mut CopyWriter, id: u128, outcome: HoldOutcome, closed_at: u64) {
    closed.begin_row(3);
    closed.put_uuid(id);
    closed.put_smallint(outcome as i16);
    closed.put_bigint_u64(closed_at);
}

/// Writes a transfer's row.
#[inline]
pub(crate) fn put_transfer(rows: &mut CopyWriter, sequence: u64, transfer: &Transfer) {
    rows.begin_row(TRANSFER_COLUMNS as i16);
    rows.put_bigint_u64(sequence);
    rows.put_uuid(transfer.id);
    rows.put_uuid(transfer.debit_account_id);
    rows.put_uuid(transfer.credit_account_id);
    rows.put_numeric(transfer.amount);
    rows.put_uuid_or_null(transfer.pending_id);
    rows.put_uuid_or_null(transfer.user_data_128);
    rows.put_numeric(transfer.user_data_64.into());
    rows.put_bigint(transfer.user_data_32.into());
    rows.put_bigint(transfer.timeout.into());
    rows.put_bigint(transfer.ledger.into());
    rows.put_integer(transfer.code.into());
    rows.put_integer(transfer.flags.into());
    rows.put_bigint_u64(transfer.timestamp);
}

/// Writes an account's row.
pub(crate) fn put_account(rows: &mut CopyWriter, account: &Account) {
    rows.begin_row(ACCOUNT_COLUMNS as i16);
    rows.put_uuid(account.id);
    rows.put_numeric(account.debits_pending);
    rows.put_numeric(account.debits_posted);
    rows.put_numeric(account.credits_pending);
    rows.put_numeric(account.credits_posted);
    rows.put_uuid_or_null(account.user_data_128);
    rows.put_numeric(account.user_data_64.into());
    rows.put_bigint(account.user_data_32.into());
    rows.put_bigint(account.ledger.into());
    rows.put_integer(account.code.into());
    rows.put_integer(account.flags.into());
    rows.put_bigint_u64(account.timestamp);
}
