//! Starting from the projection: tables in, as PostgreSQL's binary COPY output.

use crate::account::Account;
use crate::accounts::Accounts;
use crate::cold::HoldOutcome;
use crate::copy_reader::{
    CopyReader, Row, read_bigint, read_bigint_u32, read_integer_u16, read_numeric, read_numeric_u64, read_uuid,
};
use crate::expiry::ExpiryKey;
use crate::holds::CarriedHold;
use crate::id_index::hash_id;
use crate::invariants::check_limits;
use crate::ledger::{Ledger, Position};
use crate::projection::{ACCOUNT_COLUMNS, ProjectionMark, TRANSFER_COLUMNS};
use crate::transfer::{Transfer, transfer_flags};
use crate::window::{Link, Window};
use std::fmt;

/// Why tables cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The bytes are not a binary COPY stream of the expected table.
    Malformed(&'static str),
    /// The rows contradict each other.
    Inconsistent(&'static str),
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(formatter, "a table cannot be read: {what}"),
            Self::Inconsistent(what) => write!(formatter, "the tables contradict each other: {what}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// What was read so far.
#[derive(Default)]
pub(crate) struct Loading {
    accounts: CopyReader,
    holds: CopyReader,
    transfers: CopyReader,
    hold_rows: Vec<(u64, Transfer)>,
    transfer_rows: Vec<(u64, Transfer)>,
    accounts_out_of_order: bool,
}

impl Ledger {
    /// Reads rows of `accounts`: PostgreSQL's binary COPY output, cut anywhere. Fastest in the order of `timestamp`.
    ///
    /// # Errors
    ///
    /// If the bytes are not such rows, or two accounts share an id.
    ///
    /// # Panics
    ///
    /// If the ledger is not empty.
    pub fn load_accounts(&mut self, copy: &[u8]) -> Result<(), LoadError> {
        let mut loading = self.take_loading();
        let accounts = &mut self.accounts;
        let mut out_of_order = false;
        let read = loading.accounts.push(copy, |row| {
            let account = read_account(row)?;
            check_limits(&account).map_err(|_| LoadError::Inconsistent("an account passed a limit"))?;
            if accounts.find(account.id).is_some() {
                return Err(LoadError::Inconsistent("two accounts share an id"));
            }
            out_of_order |= account.timestamp <= accounts.last_timestamp();
            accounts.append(&account);
            Ok(())
        });
        loading.accounts_out_of_order |= out_of_order;
        self.loading = Some(loading);
        read
    }

    /// Reads rows of `transfers` that are open holds.
    ///
    /// # Errors
    ///
    /// If the bytes are not such rows.
    ///
    /// # Panics
    ///
    /// If the ledger is not empty.
    pub fn load_open_holds(&mut self, copy: &[u8]) -> Result<(), LoadError> {
        let mut loading = self.take_loading();
        let rows = &mut loading.hold_rows;
        let read = loading.holds.push(copy, |row| {
            rows.push(read_transfer(row)?);
            Ok(())
        });
        self.loading = Some(loading);
        read
    }

    /// Reads rows of `transfers` for the window: all from some sequence to the newest.
    ///
    /// # Errors
    ///
    /// If the bytes are not such rows.
    ///
    /// # Panics
    ///
    /// If the ledger is not empty.
    pub fn load_transfers(&mut self, copy: &[u8]) -> Result<(), LoadError> {
        let mut loading = self.take_loading();
        let rows = &mut loading.transfer_rows;
        let read = loading.transfers.push(copy, |row| {
            rows.push(read_transfer(row)?);
            Ok(())
        });
        self.loading = Some(loading);
        read
    }

    fn take_loading(&mut self) -> Box<Loading> {
        self.loading.take().unwrap_or_else(|| {
            let is_empty = self.position == Position::default() && self.accounts.len() == 0 && !self.batch.in_flight;
            assert!(is_empty, "only an empty ledger is loaded");
            Box::default()
        })
    }

    /// Ends loading: from here on the ledger is the one the projection was taken from. The four numbers are the
    /// projection's ([`Projection`](crate::Projection)).
    ///
    /// # Errors
    ///
    /// If the rows contradict each other; the ledger is then of no use.
    ///
    /// # Panics
    ///
    /// If the ledger is not empty.
    pub fn finish_load(
        &mut self,
        sequence_next: u64,
        last_timestamp: u64,
        last_transfer_timestamp: u64,
        id_time_max_ms: u64,
    ) -> Result<(), LoadError> {
        let mut loading = self.take_loading();
        if ![&loading.accounts, &loading.holds, &loading.transfers].into_iter().all(CopyReader::is_complete) {
            return Err(LoadError::Malformed("a COPY stream is cut short"));
        }
        if loading.accounts_out_of_order {
            self.sort_accounts();
        }
        self.accounts.commit_batch();
        if self.accounts.last_timestamp() > last_timestamp || last_transfer_timestamp > last_timestamp {
            return Err(LoadError::Inconsistent("a row is newer than the projection"));
        }
        self.position = Position { last_timestamp, last_transfer_timestamp: 0, id_time_max_ms, open_holds: 0 };
        self.load_window(&mut loading.transfer_rows, sequence_next)?;
        if self.position.last_transfer_timestamp > last_transfer_timestamp {
            return Err(LoadError::Inconsistent("a transfer is newer than the projection"));
        }
        self.position.last_transfer_timestamp = last_transfer_timestamp;
        self.load_holds(&mut loading.hold_rows)?;
        self.projected = ProjectionMark::loaded(sequence_next, last_timestamp);
        // Whatever was created before is in the window, or has to be asked for.
        self.floor_ms = if last_timestamp == 0 { 0 } else { id_time_max_ms + 1 };
        Ok(())
    }

    fn sort_accounts(&mut self) {
        let mut records: Vec<Account> =
            (0..self.accounts.len()).map(|account| self.accounts.current(account)).collect();
        records.sort_unstable_by_key(|account| account.timestamp);
        self.accounts = Accounts::with_capacity(records.len());
        for record in &records {
            self.accounts.append(record);
        }
    }

    fn load_window(&mut self, rows: &mut Vec<(u64, Transfer)>, sequence_next: u64) -> Result<(), LoadError> {
        rows.sort_by_key(|(sequence, _)| *sequence);
        let first = rows.first().map_or(sequence_next, |(sequence, _)| *sequence);
        self.window = Window::new(self.options.chunk_size, first);
        for (sequence, record) in rows.drain(..) {
            if sequence != self.window.next_sequence() {
                return Err(LoadError::Inconsistent("transfers are missing or doubled"));
            }
            if record.timestamp <= self.position.last_transfer_timestamp {
                return Err(LoadError::Inconsistent("transfers are out of order"));
            }
            self.load_transfer(&record)?;
        }
        if self.window.next_sequence() != sequence_next {
            return Err(LoadError::Inconsistent("the newest transfers are missing"));
        }
        Ok(())
    }

    fn load_transfer(&mut self, record: &Transfer) -> Result<(), LoadError> {
        let hash = hash_id(record.id);
        if self.window.find(record.id, hash).is_some() {
            return Err(LoadError::Inconsistent("two transfers share an id"));
        }
        let [debit, credit] = self.loaded_accounts(record)?;
        // A hold that is not loaded as open and not closed by a transfer has expired.
        let outcome = if record.is_hold() { HoldOutcome::Expired } else { HoldOutcome::None };
        let sequence = self.window.next_sequence();
        let previous = [debit, credit].map(|account| self.accounts.load_last_sequence(account, sequence));
        self.position.last_transfer_timestamp = record.timestamp;
        self.window.push(record, hash, Link { previous, accounts: [debit, credit], outcome: outcome as u8 });
        if record.closes_hold()
            && let Some(hold) = self.window.find(record.pending_id, hash_id(record.pending_id))
        {
            let is_void = record.has(transfer_flags::VOID_PENDING_TRANSFER);
            let outcome = if is_void { HoldOutcome::Voided } else { HoldOutcome::Posted };
            self.window.link_mut(hold).outcome = outcome as u8;
        }
        Ok(())
    }

    fn loaded_accounts(&self, record: &Transfer) -> Result<[u32; 2], LoadError> {
        let debit = self.accounts.find(record.debit_account_id);
        let credit = self.accounts.find(record.credit_account_id);
        match (debit, credit) {
            (Some(debit), Some(credit)) if debit != credit => Ok([debit, credit]),
            _ => Err(LoadError::Inconsistent("a transfer's account is missing")),
        }
    }

    fn load_holds(&mut self, rows: &mut [(u64, Transfer)]) -> Result<(), LoadError> {
        rows.sort_by_key(|(sequence, _)| *sequence);
        let mut last_sequence = None;
        for &(sequence, record) in &*rows {
            if !record.is_hold() || last_sequence == Some(sequence) || sequence >= self.window.next_sequence() {
                return Err(LoadError::Inconsistent("an open hold is not one"));
            }
            last_sequence = Some(sequence);
            self.load_hold(sequence, &record)?;
            self.position.open_holds += 1;
            if record.timeout != 0 {
                self.expiries.push(ExpiryKey { expires_at: record.expires_at(), sequence, id: record.id });
            }
        }
        Ok(())
    }

    fn load_hold(&mut self, sequence: u64, record: &Transfer) -> Result<(), LoadError> {
        let outcome = HoldOutcome::Open as u8;
        if !self.window.contains(sequence) {
            let accounts = self.loaded_accounts(record)?;
            self.holds.insert(CarriedHold { record: *record, sequence, closed_at: 0, accounts, outcome });
            return Ok(());
        }
        let link: &mut Link = self.window.link_mut(sequence);
        let is_closed = link.outcome != HoldOutcome::Expired as u8;
        link.outcome = outcome;
        if is_closed || self.window.record(sequence) != record {
            return Err(LoadError::Inconsistent("an open hold was closed, or differs from its transfer"));
        }
        Ok(())
    }
}

pub(crate) fn read_account(row: &Row<'_, ACCOUNT_COLUMNS>) -> Result<Account, LoadError> {
    Ok(Account {
        id: read_uuid(row[0])?,
        debits_pending: read_numeric(row[1])?,
        debits_posted: read_numeric(row[2])?,
        credits_pending: read_numeric(row[3])?,
        credits_posted: read_numeric(row[4])?,
        user_data_128: read_uuid(row[5])?,
        user_data_64: read_numeric_u64(row[6])?,
        user_data_32: read_bigint_u32(row[7])?,
        reserved: 0,
        ledger: read_bigint_u32(row[8])?,
        code: read_integer_u16(row[9])?,
        flags: read_integer_u16(row[10])?,
        timestamp: read_bigint(row[11])?,
    })
}

pub(crate) fn read_transfer(row: &Row<'_, TRANSFER_COLUMNS>) -> Result<(u64, Transfer), LoadError> {
    let transfer = Transfer {
        id: read_uuid(row[1])?,
        debit_account_id: read_uuid(row[2])?,
        credit_account_id: read_uuid(row[3])?,
        amount: read_numeric(row[4])?,
        pending_id: read_uuid(row[5])?,
        user_data_128: read_uuid(row[6])?,
        user_data_64: read_numeric_u64(row[7])?,
        user_data_32: read_bigint_u32(row[8])?,
        timeout: read_bigint_u32(row[9])?,
        ledger: read_bigint_u32(row[10])?,
        code: read_integer_u16(row[11])?,
        flags: read_integer_u16(row[12])?,
        timestamp: read_bigint(row[13])?,
    };
    let expires_at = u128::from(transfer.timestamp) + u128::from(transfer.timeout) * 1_000_000_000;
    if expires_at >= 1 << 63 {
        return Err(LoadError::Malformed("a transfer's times do not fit 63 bits"));
    }
    Ok((read_bigint(row[0])?, transfer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerOptions;
    use crate::postgres_copy::CopyWriter;
    use crate::projection::{put_account, put_transfer};
    use proptest::prelude::*;

    fn account(id: u128, timestamp: u64) -> Account {
        Account { id, ledger: 1, code: 1, timestamp, ..Account::default() }
    }

    fn transfer(id: u128, timestamp: u64) -> Transfer {
        let (debit_account_id, credit_account_id) = (1, 2);
        Transfer { id, debit_account_id, credit_account_id, ledger: 1, code: 1, timestamp, ..Transfer::default() }
    }

    /// Loads two accounts and these rows; the projection ends at sequence 3 and time 100, its last transfer at 50.
    fn load(
        accounts: &[Account],
        transfers: &[(u64, Transfer)],
        holds: &[(u64, Transfer)],
    ) -> Result<Ledger, LoadError> {
        let mut ledger = Ledger::new(LedgerOptions::default());
        let mut copy = CopyWriter::with_capacity(0, 0);
        accounts.iter().for_each(|account| put_account(&mut copy, account));
        ledger.load_accounts(&copy.finish().0)?;
        let rows = |rows: &[(u64, Transfer)]| {
            let mut copy = CopyWriter::with_capacity(0, 0);
            rows.iter().for_each(|(sequence, transfer)| put_transfer(&mut copy, *sequence, transfer));
            copy.finish().0
        };
        ledger.load_transfers(&rows(transfers))?;
        ledger.load_open_holds(&rows(holds))?;
        ledger.finish_load(3, 100, 50, 0)?;
        Ok(ledger)
    }

    #[test]
    fn rows_that_contradict_each_other_are_refused() {
        let accounts = [account(1, 10), account(2, 11)];
        let transfers = [(1, transfer(21, 40)), (2, transfer(22, 50))];
        let mut hold = transfer(20, 30);
        hold.flags = transfer_flags::PENDING;
        assert!(load(&accounts, &transfers, &[(0, hold)]).is_ok());
        assert!(load(&accounts, &[], &[]).is_ok());

        let refused = |accounts: &[Account], transfers: &[(u64, Transfer)], holds: &[(u64, Transfer)]| {
            assert!(matches!(load(accounts, transfers, holds), Err(LoadError::Inconsistent(_))));
        };
        refused(&[account(1, 10), account(1, 11)], &transfers, &[]);
        refused(&[account(1, 10), account(2, 101)], &transfers, &[]);
        refused(&accounts[..1], &transfers, &[]);
        refused(&accounts, &transfers[..1], &[]);
        refused(&accounts, &[transfers[0], transfers[0]], &[]);
        refused(&accounts, &[(1, transfer(21, 50)), (2, transfer(22, 50))], &[]);
        refused(&accounts, &[(1, transfer(22, 40)), transfers[1]], &[]);
        refused(&accounts, &[(2, transfer(22, 51))], &[]);
        refused(&accounts, &transfers, &[(1, transfer(21, 40))]);
        refused(&accounts, &transfers, &[(0, hold), (0, hold)]);
        refused(&accounts, &transfers, &[(3, hold)]);
        refused(&accounts, &transfers, &[(1, Transfer { flags: transfer_flags::PENDING, ..transfer(21, 40) })]);
        refused(&[Account { debits_posted: u128::MAX, debits_pending: 1, ..account(1, 10) }], &[], &[]);
    }

    #[test]
    fn a_stream_that_is_cut_is_refused() {
        let mut ledger = Ledger::new(LedgerOptions::default());
        let mut copy = CopyWriter::with_capacity(0, 0);
        put_account(&mut copy, &account(1, 10));
        let copy = copy.finish().0;
        ledger.load_accounts(&copy[..copy.len() - 1]).unwrap();
        assert_eq!(ledger.finish_load(0, 10, 0, 0), Err(LoadError::Malformed("a COPY stream is cut short")));
    }

    proptest! {
        /// Whatever the bytes, and wherever they are cut.
        #[test]
        fn damaged_rows_never_panic(
            changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
            cut in any::<u16>(),
        ) {
            let mut copy = CopyWriter::with_capacity(0, 0);
            put_transfer(&mut copy, 0, &transfer(20, 30));
            put_transfer(&mut copy, 1, &transfer(21, 40));
            let mut copy = copy.finish().0;
            for (position, value) in changes {
                let position = usize::from(position) % copy.len();
                copy[position] = value;
            }
            let (first, second) = copy.split_at(usize::from(cut) % copy.len());
            let mut ledger = Ledger::new(LedgerOptions::default());
            let _ = ledger.load_transfers(first).and_then(|()| ledger.load_transfers(second));
            let _ = ledger.finish_load(2, 100, 40, 0);
        }
    }
}
