//! Reads: committed state only, whatever is in flight.

use crate::account::{Account, AccountBalance, account_flags};
use crate::cold::HoldOutcome;
use crate::id_index::hash_id;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::transfer::Transfer;

/// Which transfers of an account, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// The account.
    pub account_id: u128,
    /// The least timestamp, inclusive; 0 for any.
    pub timestamp_min: u64,
    /// The greatest timestamp, inclusive; 0 for any.
    pub timestamp_max: u64,
    /// The most to return.
    pub limit: u32,
    /// Return transfers that debit the account.
    pub debits: bool,
    /// Return transfers that credit the account.
    pub credits: bool,
    /// Newest first.
    pub reversed: bool,
    /// 0 for any.
    pub user_data_128: u128,
    /// 0 for any.
    pub user_data_64: u64,
    /// 0 for any.
    pub user_data_32: u32,
    /// 0 for any.
    pub code: u16,
}

impl AccountFilter {
    fn accepts(&self, transfer: &Transfer) -> bool {
        let side = if transfer.debit_account_id == self.account_id { self.debits } else { self.credits };
        side && (self.timestamp_max == 0 || transfer.timestamp <= self.timestamp_max)
            && (self.user_data_128 == 0 || transfer.user_data_128 == self.user_data_128)
            && (self.user_data_64 == 0 || transfer.user_data_64 == self.user_data_64)
            && (self.user_data_32 == 0 || transfer.user_data_32 == self.user_data_32)
            && (self.code == 0 || transfer.code == self.code)
    }
}

impl Ledger {
    /// Returns an account.
    #[must_use]
    pub fn account(&self, id: u128) -> Option<Account> {
        let account = self.accounts.find(id)?;
        (account < self.accounts.committed_len()).then(|| self.accounts.committed(account))
    }

    /// Returns the number of accounts.
    #[must_use]
    pub fn accounts_len(&self) -> usize {
        self.accounts.committed_len() as usize
    }

    /// Returns the number of open holds.
    #[must_use]
    pub fn open_holds_len(&self) -> u64 {
        self.committed_position().open_holds
    }

    /// Returns the number of failed ids in memory; older ones are known to the database only.
    #[must_use]
    pub fn failures_len(&self) -> usize {
        self.failures.len()
    }

    /// Returns a transfer in memory (in the window, or an open hold) and what became of it if it is a hold.
    #[must_use]
    pub fn transfer(&self, id: u128) -> Option<(Transfer, HoldOutcome)> {
        let place = self.find_in_memory(id, hash_id(id))?;
        if matches!(place, Place::Window(sequence) if sequence >= self.sequence_next()) {
            return None;
        }
        let outcome = if self.is_closed_in_flight(place) { HoldOutcome::Open } else { self.outcome_at(place) };
        Some((*self.transfer_at(place), outcome))
    }

    /// Returns the transfers of an account that are in the window and match a filter, oldest first unless reversed.
    #[must_use]
    pub fn account_transfers(&self, filter: &AccountFilter) -> Vec<Transfer> {
        let sequences = self.matching_sequences(filter);
        sequences.into_iter().map(|sequence| *self.window.record(sequence)).collect()
    }

    /// Returns the balances of an account with history after each of its transfers that are in the window and match a
    /// filter. Transfers that were loaded have their balances in the database only.
    #[must_use]
    pub fn account_balances(&self, filter: &AccountFilter) -> Vec<AccountBalance> {
        let Some(account) = self.accounts.find(filter.account_id) else { return Vec::new() };
        if self.accounts.slot(account).flags & account_flags::HISTORY == 0 {
            return Vec::new();
        }
        let rows = self.matching_sequences(filter).into_iter().filter_map(|sequence| {
            let row = self.window.balances(sequence).iter().find(|row| row.account == account)?;
            Some(AccountBalance {
                debits_pending: row.debits_pending,
                debits_posted: row.debits_posted,
                credits_pending: row.credits_pending,
                credits_posted: row.credits_posted,
                timestamp: self.window.record(sequence).timestamp,
                reserved: [0; 56],
            })
        });
        rows.collect()
    }

    /// Walks an account's history list, newest first.
    fn matching_sequences(&self, filter: &AccountFilter) -> Vec<u64> {
        let mut found = Vec::new();
        let Some(account) = self.accounts.find(filter.account_id) else { return found };
        if account >= self.accounts.committed_len() || filter.limit == 0 {
            return found;
        }
        let limit = filter.limit as usize;
        let newest = self.accounts.committed_state(account).last_sequence;
        let mut next = self.window.newest(account, newest, self.sequence_next());
        while let Some(sequence) = next {
            let transfer = self.window.record(sequence);
            if transfer.timestamp < filter.timestamp_min {
                break;
            }
            if filter.accepts(transfer) {
                found.push(sequence);
                if filter.reversed && found.len() == limit {
                    return found;
                }
            }
            next = self.window.previous(sequence, account);
        }
        if !filter.reversed {
            found.reverse();
            found.truncate(limit);
        }
        found
    }

    /// Returns the sequence of the oldest transfer of the window; older ones are in indexed chunks of the database.
    #[must_use]
    pub fn window_first_sequence(&self) -> u64 {
        self.window.first_sequence()
    }

    /// Returns the timestamp of the oldest committed transfer of the window.
    #[must_use]
    pub fn window_first_timestamp(&self) -> Option<u64> {
        let first = self.window.first_sequence();
        (first < self.sequence_next()).then(|| self.window.record(first).timestamp)
    }

    /// Visits every hold that is open as of the last commit, with its accounts, in no particular order.
    pub(crate) fn for_each_open_hold(&self, mut visit: impl FnMut(&Transfer, [u32; 2])) {
        for hold in self.holds.committed_open(self.committed_position().last_timestamp) {
            visit(&hold.record, hold.accounts);
        }
        let end = self.sequence_next();
        for chunk in self.window.chunks() {
            let sequences = chunk.first_sequence..end;
            for ((record, link), _) in chunk.records().iter().zip(&chunk.links).zip(sequences) {
                if link.is_open() {
                    visit(record, link.accounts);
                }
            }
        }
        for (record, accounts) in self.leaving.open_holds() {
            visit(record, accounts);
        }
    }
}
