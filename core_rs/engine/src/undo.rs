//! Taking back: a failed chain, or a whole batch. Exactly, newest first.

use crate::batch::Savepoint;
use crate::expiry::ExpiryKey;
use crate::ledger::Ledger;
use crate::post_or_void::closed_by;
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
            self.reopen_at(place);
            self.reserve_again(&hold, self.accounts_at(place), None);
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
        let [previous_debit, previous_credit] = link.previous;
        self.accounts.change(debit, |account| account.last_sequence = previous_debit);
        self.accounts.change(credit, |account| account.last_sequence = previous_credit);
        if record.closes_hold() {
            self.undo_closing(&record, link.accounts);
        } else if record.is_hold() {
            self.undo_hold(&record, link.accounts);
        } else {
            self.accounts.change(debit, |account| account.debits_posted -= record.amount);
            self.accounts.change(credit, |account| account.credits_posted -= record.amount);
        }
    }

    fn undo_hold(&mut self, record: &Transfer, [debit, credit]: [u32; 2]) {
        let (closed_debit, closed_credit) = closed_by(record);
        self.accounts.change(debit, |account| {
            account.debits_pending -= record.amount;
            assert!(account.flags & closed_debit == closed_debit, "the hold closed its account");
            account.flags &= !closed_debit;
        });
        self.accounts.change(credit, |account| {
            account.credits_pending -= record.amount;
            assert!(account.flags & closed_credit == closed_credit, "the hold closed its account");
            account.flags &= !closed_credit;
        });
        self.position.open_holds -= 1;
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
        self.reopen_at(place);
        let is_void = record.has(transfer_flags::VOID_PENDING_TRANSFER);
        self.reserve_again(&hold, accounts, if is_void { None } else { Some(record.amount) });
    }
}
