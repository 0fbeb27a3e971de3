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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Operation, Unit};
    use crate::ledger::LedgerOptions;
    use crate::transfer::transfer_flags;
    use zerocopy::IntoBytes;

    fn transfer(id: u128, debit: u128, credit: u128, amount: u128) -> Transfer {
        let (debit_account_id, credit_account_id) = (debit, credit);
        Transfer { id, debit_account_id, credit_account_id, amount, ledger: 1, code: 1, ..Transfer::default() }
    }

    fn apply(ledger: &mut Ledger, transfers: &[Transfer]) {
        let unit = Unit { operation: Operation::CreateTransfers, records: transfers.as_bytes() };
        let batch = ledger.apply(&[unit], 0, &[]);
        assert_eq!(batch.transfers_created as usize, transfers.len());
    }

    /// Account 1 keeps its history; transfers 10 to 17 at times 4 to 11, in chunks of four.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(LedgerOptions { chunk_size: 4, ..LedgerOptions::default() });
        let account = |id, flags| Account { id, ledger: 1, code: 1, flags, ..Account::default() };
        let accounts = [account(1, account_flags::HISTORY), account(2, 0), account(3, 0)];
        ledger.apply(&[Unit { operation: Operation::CreateAccounts, records: accounts.as_bytes() }], 0, &[]);
        ledger.commit();
        let mut last = transfer(17, 1, 3, 128);
        (last.code, last.user_data_32, last.user_data_64, last.user_data_128) = (7, 1, 2, 3);
        apply(
            &mut ledger,
            &[
                transfer(10, 1, 2, 1),
                transfer(11, 2, 3, 2),
                transfer(12, 2, 1, 4),
                transfer(13, 1, 3, 8),
                transfer(14, 3, 2, 16),
                transfer(15, 3, 1, 32),
                transfer(16, 2, 3, 64),
                last,
            ],
        );
        ledger.commit();
        ledger
    }

    fn filter() -> AccountFilter {
        AccountFilter { account_id: 1, limit: 10, debits: true, credits: true, ..AccountFilter::default() }
    }

    fn ids(ledger: &Ledger, filter: AccountFilter) -> Vec<u128> {
        ledger.account_transfers(&filter).iter().map(|transfer| transfer.id).collect()
    }

    #[test]
    fn a_filter_selects_by_side_time_data_and_number() {
        let ledger = ledger();
        let all = filter();
        assert_eq!(ids(&ledger, all), [10, 12, 13, 15, 17]);
        assert_eq!(ids(&ledger, AccountFilter { reversed: true, ..all }), [17, 15, 13, 12, 10]);
        assert_eq!(ids(&ledger, AccountFilter { limit: 2, ..all }), [10, 12]);
        assert_eq!(ids(&ledger, AccountFilter { limit: 2, reversed: true, ..all }), [17, 15]);
        assert_eq!(ids(&ledger, AccountFilter { limit: 0, ..all }), []);
        assert_eq!(ids(&ledger, AccountFilter { credits: false, ..all }), [10, 13, 17]);
        assert_eq!(ids(&ledger, AccountFilter { debits: false, ..all }), [12, 15]);
        assert_eq!(ids(&ledger, AccountFilter { debits: false, credits: false, ..all }), []);
        assert_eq!(ids(&ledger, AccountFilter { timestamp_min: 6, timestamp_max: 9, ..all }), [12, 13, 15]);
        assert_eq!(ids(&ledger, AccountFilter { code: 7, ..all }), [17]);
        assert_eq!(ids(&ledger, AccountFilter { user_data_32: 1, ..all }), [17]);
        assert_eq!(ids(&ledger, AccountFilter { user_data_64: 1, ..all }), []);
        assert_eq!(ids(&ledger, AccountFilter { user_data_128: 3, ..all }), [17]);
        assert_eq!(ids(&ledger, AccountFilter { account_id: 9, ..all }), []);
    }

    #[test]
    fn accounts_with_history_have_a_row_of_balances_per_transfer() {
        let ledger = ledger();
        let balances = ledger.account_balances(&filter());
        let debits: Vec<_> =
            balances.iter().map(|row| (row.timestamp, row.debits_posted, row.credits_posted)).collect();
        assert_eq!(debits, [(4, 1, 0), (6, 1, 4), (7, 9, 4), (9, 9, 36), (11, 137, 36)]);
        assert_eq!(ledger.account_balances(&AccountFilter { account_id: 2, ..filter() }), []);
    }

    #[test]
    fn what_is_in_flight_cannot_be_read() {
        let mut ledger = ledger();
        let before = (ledger.account(1), ledger.account(2), ledger.state_hash(), ledger.trial_balance());
        let mut hold = transfer(20, 1, 2, 1000);
        (hold.flags, hold.timeout) = (transfer_flags::PENDING, 5);
        apply(&mut ledger, &[transfer(18, 1, 2, 500), hold]);
        let account = Account { id: 4, ledger: 1, code: 1, ..Account::default() };
        assert!(ledger.in_flight());
        assert_eq!(before, (ledger.account(1), ledger.account(2), ledger.state_hash(), ledger.trial_balance()));
        assert_eq!(ids(&ledger, filter()), [10, 12, 13, 15, 17]);
        assert_eq!((ledger.transfer(18), ledger.transfer(20)), (None, None));
        assert_eq!((ledger.sequence_next(), ledger.last_timestamp(), ledger.open_holds_len()), (8, 11, 0));
        ledger.commit();
        assert_eq!(ids(&ledger, filter()), [10, 12, 13, 15, 17, 18, 20]);
        assert_eq!(ledger.transfer(20).unwrap().1, HoldOutcome::Open);

        let unit = Unit { operation: Operation::CreateAccounts, records: account.as_bytes() };
        let void =
            Transfer { id: 21, pending_id: 20, flags: transfer_flags::VOID_PENDING_TRANSFER, ..Transfer::default() };
        let close = Unit { operation: Operation::CreateTransfers, records: void.as_bytes() };
        assert_eq!(ledger.apply(&[unit, close], 0, &[]).transfers_created, 1);
        assert_eq!((ledger.account(4), ledger.accounts_len()), (None, 3));
        assert_eq!(ledger.transfer(20).unwrap().1, HoldOutcome::Open);
        assert_eq!(ledger.account(1).unwrap().debits_pending, 1000);
        ledger.commit();
        assert_eq!((ledger.account(4).unwrap().id, ledger.accounts_len()), (4, 4));
        assert_eq!(ledger.transfer(20).unwrap().1, HoldOutcome::Voided);
    }

    #[test]
    fn history_ends_where_the_window_begins() {
        let mut ledger = ledger();
        ledger.take_projection().unwrap();
        assert_eq!((ledger.window_first_sequence(), ledger.window_first_timestamp()), (0, Some(4)));
        ledger.evict_chunk(0);
        assert_eq!((ledger.window_first_sequence(), ledger.window_first_timestamp()), (4, Some(8)));
        assert_eq!(ids(&ledger, filter()), [15, 17]);
        ledger.evict_chunk(1);
        assert_eq!((ledger.window_first_sequence(), ledger.window_first_timestamp()), (8, None));
        assert_eq!(ids(&ledger, filter()), []);
        apply(&mut ledger, &[transfer(30, 1, 2, 1)]);
        ledger.commit();
        assert_eq!(ids(&ledger, filter()), [30]);
    }

    #[test]
    fn totals_pass_128_bits() {
        let mut ledger = Ledger::new(LedgerOptions::default());
        let account = |id| Account { id, ledger: 1, code: 1, ..Account::default() };
        let accounts = [account(1), account(2), account(3)];
        ledger.apply(&[Unit { operation: Operation::CreateAccounts, records: accounts.as_bytes() }], 0, &[]);
        ledger.commit();
        apply(&mut ledger, &[transfer(10, 1, 2, u128::MAX), transfer(11, 2, 3, u128::MAX), transfer(12, 3, 1, 5)]);
        ledger.commit();
        let totals = ledger.trial_balance()[0];
        assert_eq!((totals.debits_posted.high, totals.debits_posted.low), (2, 3));
        assert!(totals.is_balanced());
        assert_eq!((totals.ledger, totals.accounts), (1, 3));
    }
}
