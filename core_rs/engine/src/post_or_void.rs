//! The rules of closing a hold: posting it, voiding it, or letting it expire.

use crate::account::account_flags;
use crate::batch::{ClosedHold, ExpiredHold};
use crate::cold::{ColdRecords, HoldOutcome};
use crate::expiry::ExpiryKey;
use crate::holds::CarriedHolds;
use crate::id_index::hash_id;
use crate::leaving::LeavingChunks;
use crate::ledger::Ledger;
use crate::place::Place;
use crate::resolve::Resolved;
use crate::status::CreateTransferStatus as Status;
use crate::transfer::{Transfer, transfer_flags};
use crate::window::{Link, Window};

impl Ledger {
    /// Posts or voids a hold; returns the transfer's timestamp.
    pub(crate) fn post_or_void(
        &mut self,
        transfer: &Transfer,
        timestamp: u64,
        resolved: &Resolved,
        cold: &ColdRecords<'_>,
    ) -> Result<u64, Status> {
        check_fields(transfer)?;
        let place = self.resolved_hold(transfer.pending_id, resolved);
        let Some(known) = self.known_at(place, transfer.pending_id, cold) else {
            return Err(Status::PendingTransferNotFound);
        };
        let (hold, outcome) = (*known.record, known.outcome);
        if outcome != HoldOutcome::Open {
            self.note_known(transfer.pending_id, place, cold);
        }
        check_same(transfer, &hold)?;
        let amount = closing_amount(transfer, &hold)?;
        match outcome {
            HoldOutcome::Posted => return Err(Status::PendingTransferAlreadyPosted),
            HoldOutcome::Voided => return Err(Status::PendingTransferAlreadyVoided),
            HoldOutcome::Expired => return Err(Status::PendingTransferExpired),
            HoldOutcome::Open | HoldOutcome::None => {}
        }
        if hold.timeout != 0 && hold.expires_at() <= timestamp {
            return Err(Status::PendingTransferExpired);
        }
        let place = place.expect("an open hold is in memory");
        let [debit, credit] = self.accounts_at(place);
        self.check_domain(self.accounts.slot(debit), self.accounts.slot(credit))?;
        let mut record = closing_record(transfer, &hold, amount);
        if transfer.has(transfer_flags::IMPORTED) {
            self.check_imported_timestamp(transfer.timestamp)?;
        } else {
            record.timestamp = timestamp;
        }
        let is_void = transfer.has(transfer_flags::VOID_PENDING_TRANSFER);
        if self.accounts.slot(debit).flags & account_flags::CLOSED != 0 && !is_void {
            return Err(Status::DebitAccountAlreadyClosed);
        }
        if self.accounts.slot(credit).flags & account_flags::CLOSED != 0 && !is_void {
            return Err(Status::CreditAccountAlreadyClosed);
        }
        self.close_hold(&hold, place, &record, resolved, [debit, credit]);
        Ok(record.timestamp)
    }

    /// Writes a checked post or void into the books.
    fn close_hold(
        &mut self,
        hold: &Transfer,
        place: Place,
        record: &Transfer,
        resolved: &Resolved,
        accounts: [u32; 2],
    ) {
        let is_void = record.has(transfer_flags::VOID_PENDING_TRANSFER);
        let sequence = self.window.next_sequence();
        let posted = if is_void { 0 } else { record.amount };
        let (reopened_debit, reopened_credit) = if is_void { closed_by(hold) } else { (0, 0) };
        let before = accounts.map(|account| self.accounts.state(account));
        let [mut debit, mut credit] = before;
        debit.debits_pending -= hold.amount;
        debit.debits_posted += posted;
        debit.flags &= !reopened_debit;
        credit.credits_pending -= hold.amount;
        credit.credits_posted += posted;
        credit.flags &= !reopened_credit;
        (debit.last_sequence, credit.last_sequence) = (sequence as u32, sequence as u32);
        self.accounts.set_state(accounts[0], &debit);
        self.accounts.set_state(accounts[1], &credit);
        self.position.open_holds -= 1;

        let outcome = if is_void { HoldOutcome::Voided } else { HoldOutcome::Posted };
        let hold_sequence = self.close_at(place, outcome);
        self.batch.closed.push(ClosedHold {
            place,
            sequence: hold_sequence,
            id: hold.id,
            expires_at: hold.expires_at(),
        });
        let previous = before.map(|state| state.last_sequence);
        let link = Link { previous, accounts, outcome: HoldOutcome::None as u8 };
        self.append(record, resolved, link);
        if (debit.flags | credit.flags) & account_flags::HISTORY != 0 {
            self.keep_balances(sequence, accounts);
        }
    }

    /// Gives back what a hold reserved, as its time ran out, and reopens what it closed.
    fn release(&mut self, hold: &Transfer, [debit, credit]: [u32; 2]) {
        let (reopened_debit, reopened_credit) = closed_by(hold);
        self.accounts.change(debit, |account| {
            account.debits_pending -= hold.amount;
            account.flags &= !reopened_debit;
        });
        self.accounts.change(credit, |account| {
            account.credits_pending -= hold.amount;
            account.flags &= !reopened_credit;
        });
        self.position.open_holds -= 1;
    }

    /// Takes back that a hold was closed; `posted` is what was moved then, if it was not given back.
    pub(crate) fn reserve_again(&mut self, hold: &Transfer, [debit, credit]: [u32; 2], posted: Option<u128>) {
        let (closed_debit, closed_credit) = if posted.is_some() { (0, 0) } else { closed_by(hold) };
        let posted = posted.unwrap_or(0);
        self.accounts.change(debit, |account| {
            account.debits_pending += hold.amount;
            account.debits_posted -= posted;
            account.flags |= closed_debit;
        });
        self.accounts.change(credit, |account| {
            account.credits_pending += hold.amount;
            account.credits_posted -= posted;
            account.flags |= closed_credit;
        });
        self.position.open_holds += 1;
    }

    /// Expires the holds that are due at the batch's time, oldest expiry first.
    pub(crate) fn expire_holds(&mut self, timestamp: u64) {
        let (window, leaving, holds) = (&self.window, &self.leaving, &self.holds);
        let limit = self.options.batch_events_max as usize;
        let due = self.expiries.take_due(timestamp, limit, |key| is_open(window, leaving, holds, key));
        for (index, key) in due.into_iter().enumerate() {
            let place = self.hold_place(key.sequence, key.id);
            let hold = *self.transfer_at(place);
            let accounts = self.accounts_at(place);
            self.release(&hold, accounts);
            self.close_at(place, HoldOutcome::Expired);
            self.batch.expired.push(ExpiredHold { key, place, closed_at: timestamp + index as u64 });
        }
    }

    /// Makes the closings of the batch in flight final.
    pub(crate) fn settle_closed_holds(&mut self) {
        let closed = std::mem::take(&mut self.batch.closed);
        let expired = std::mem::take(&mut self.batch.expired);
        for hold in &expired {
            self.settle_at(hold.place, hold.key.sequence, hold.key.id);
        }
        for hold in &closed {
            self.settle_at(hold.place, hold.sequence, hold.id);
            if hold.expires_at != 0 {
                self.expiries.close(hold.expires_at, hold.sequence);
            }
        }
        self.projected.expired.extend_from_slice(&expired);
        (self.batch.closed, self.batch.expired) = (closed, expired);
    }

    /// Returns when the next hold expires, in nanoseconds: an idle caller then applies an empty batch.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        self.expiries.next(|key| is_open(&self.window, &self.leaving, &self.holds, key))
    }
}

/// Returns whether the hold an expiry stands for is open.
pub(crate) fn is_open(window: &Window, leaving: &LeavingChunks, holds: &CarriedHolds, key: &ExpiryKey) -> bool {
    let outcome = if key.sequence >= window.first_sequence() {
        if !window.contains(key.sequence) || window.record(key.sequence).id != key.id {
            return false;
        }
        window.link(key.sequence).outcome
    } else if leaving.is_open(key.sequence) {
        leaving.chunk(key.sequence).link(key.sequence).outcome
    } else {
        match holds.find(key.id, hash_id(key.id)) {
            Some(position) => holds.get(position).outcome,
            None => return false,
        }
    };
    outcome == HoldOutcome::Open as u8
}

/// Returns the flags that a hold set on its debit and its credit account.
pub(crate) fn closed_by(hold: &Transfer) -> (u16, u16) {
    let closed = |flag: u16| if hold.has(flag) { account_flags::CLOSED } else { 0 };
    (closed(transfer_flags::CLOSING_DEBIT), closed(transfer_flags::CLOSING_CREDIT))
}

fn check_fields(transfer: &Transfer) -> Result<(), Status> {
    let both = transfer_flags::POST_PENDING_TRANSFER | transfer_flags::VOID_PENDING_TRANSFER;
    let excluded = transfer_flags::PENDING
        | transfer_flags::BALANCING_DEBIT
        | transfer_flags::BALANCING_CREDIT
        | transfer_flags::CLOSING_DEBIT
        | transfer_flags::CLOSING_CREDIT;
    if transfer.flags & both == both || transfer.has(excluded) {
        return Err(Status::FlagsAreMutuallyExclusive);
    }
    if transfer.pending_id == 0 {
        return Err(Status::PendingIdMustNotBeZero);
    }
    if transfer.pending_id == u128::MAX {
        return Err(Status::PendingIdMustNotBeIntMax);
    }
    if transfer.pending_id == transfer.id {
        return Err(Status::PendingIdMustBeDifferent);
    }
    if transfer.timeout != 0 {
        return Err(Status::TimeoutReservedForPendingTransfer);
    }
    Ok(())
}

/// Checks that what the event says of the hold is true; zero says nothing.
fn check_same(transfer: &Transfer, hold: &Transfer) -> Result<(), Status> {
    if !hold.is_hold() {
        return Err(Status::PendingTransferNotPending);
    }
    if transfer.debit_account_id != 0 && transfer.debit_account_id != hold.debit_account_id {
        return Err(Status::PendingTransferHasDifferentDebitAccountId);
    }
    if transfer.credit_account_id != 0 && transfer.credit_account_id != hold.credit_account_id {
        return Err(Status::PendingTransferHasDifferentCreditAccountId);
    }
    if transfer.ledger != 0 && transfer.ledger != hold.ledger {
        return Err(Status::PendingTransferHasDifferentLedger);
    }
    if transfer.code != 0 && transfer.code != hold.code {
        return Err(Status::PendingTransferHasDifferentCode);
    }
    Ok(())
}

/// Returns the amount a post moves or a void gives back.
fn closing_amount(transfer: &Transfer, hold: &Transfer) -> Result<u128, Status> {
    let is_void = transfer.has(transfer_flags::VOID_PENDING_TRANSFER);
    let all = if is_void { 0 } else { u128::MAX };
    let amount = if transfer.amount == all { hold.amount } else { transfer.amount };
    if amount > hold.amount {
        return Err(Status::ExceedsPendingTransferAmount);
    }
    if is_void && amount < hold.amount {
        return Err(Status::PendingTransferHasDifferentAmount);
    }
    Ok(amount)
}

/// Returns the record of a post or void: what it does not say comes from the hold.
fn closing_record(transfer: &Transfer, hold: &Transfer, amount: u128) -> Transfer {
    Transfer {
        debit_account_id: hold.debit_account_id,
        credit_account_id: hold.credit_account_id,
        amount,
        user_data_128: if transfer.user_data_128 == 0 { hold.user_data_128 } else { transfer.user_data_128 },
        user_data_64: if transfer.user_data_64 == 0 { hold.user_data_64 } else { transfer.user_data_64 },
        user_data_32: if transfer.user_data_32 == 0 { hold.user_data_32 } else { transfer.user_data_32 },
        ledger: hold.ledger,
        code: hold.code,
        ..*transfer
    }
}
