//! Taking back: a failed chain, or a whole batch. Exactly, newest first.

use crate::account::account_flags;
use crate::batch::Savepoint;
use crate::cold::HoldOutcome;
use crate::expiry::ExpiryKey;
use crate::ledger::Ledger;
use crate::transfer::{Transfer, transfer_flags};

impl Ledger {
    /// Takes back every transfer and account since a savepoint.
    #[cold]
    pub(crate) fn undo_to(&mut self, savepoint: &Savepoint) {
        while self.window.next_sequence() > savepoint.sequence {
            self.undo_transfer();
        }
        self.accounts.truncate(savepoint.accounts);
        self.position.last_transfer_timestamp = savepoint.last_transfer_timestamp;
    }

    /// Takes back the batch in flight.
    pub(crate) fn undo_batch(&mut self) {
        self.undo_to(&Savepoint {
            sequence: self.batch.first_sequence,
            accounts: self.batch.first_account,
            last_transfer_timestamp: self.batch.start.last_transfer_timestamp,
        });
        while let Some(expired) = self.batch.expired.pop() {
            let place = self.hold_place(expired.key.sequence, expired.key.id);
            let hold = *self.transfer_at(place);
            self.set_outcome(place, HoldOutcome::Open as u8);
            self.reserve_again(&hold, self.accounts_at(place), true);
            self.expiries.push(expired.key);
        }
        assert!(self.batch.closed.is_empty(), "every closing was taken back with its transfer");
        assert!(self.position.open_holds == self.batch.start.open_holds, "every hold is as it was");
        self.failures.truncate(self.batch.failures_end);
        self.position = self.batch.start;
        self.accounts.end_rollback();
    }

    fn undo_transfer(&mut self) {
        let (record, link) = self.window.pop();
        let [debit, credit] = link.accounts;
        self.accounts.get_mut(debit).last_sequence = link.previous[0];
        self.accounts.get_mut(credit).last_sequence = link.previous[1];
        if record.closes_hold() {
            self.undo_closing(&record, link.accounts);
        } else if record.is_hold() {
            self.undo_hold(&record, link.accounts);
        } else {
            self.undo_posting(&record, link.accounts);
        }
    }

    fn undo_posting(&mut self, record: &Transfer, [debit, credit]: [u32; 2]) {
        self.accounts.get_mut(debit).debits_posted -= record.amount;
        self.accounts.get_mut(credit).credits_posted -= record.amount;
    }

    fn undo_hold(&mut self, record: &Transfer, [debit, credit]: [u32; 2]) {
        self.position.open_holds -= 1;
        let slot = self.accounts.get_mut(debit);
        slot.debits_pending -= record.amount;
        if record.has(transfer_flags::CLOSING_DEBIT) {
            assert!(slot.has(account_flags::CLOSED), "the hold closed its account");
            slot.reopen();
        }
        let slot = self.accounts.get_mut(credit);
        slot.credits_pending -= record.amount;
        if record.has(transfer_flags::CLOSING_CREDIT) {
            assert!(slot.has(account_flags::CLOSED), "the hold closed its account");
            slot.reopen();
        }
        if record.timeout != 0 {
            let sequence = self.window.next_sequence();
            self.expiries.pop(ExpiryKey { expires_at: record.expires_at(), sequence, id: record.id });
        }
    }

    fn undo_closing(&mut self, record: &Transfer, accounts: [u32; 2]) {
        let closed = self.batch.closed.pop().expect("a post or void closed a hold");
        assert!(closed.id == record.pending_id, "closings are taken back newest first");
        let place = self.hold_place(closed.sequence, closed.id);
        let hold = *self.transfer_at(place);
        self.set_outcome(place, HoldOutcome::Open as u8);
        let was_void = record.has(transfer_flags::VOID_PENDING_TRANSFER);
        self.reserve_again(&hold, accounts, was_void);
        if !was_void {
            self.undo_posting(record, accounts);
        }
    }
}
