//! The same id again: is it the same transfer?

use crate::status::CreateTransferStatus as Status;
use crate::transfer::{Transfer, transfer_flags};

/// Compares an event with the transfer that has its id; `hold` is what that transfer posted or voided, if it did.
pub(crate) fn existing_status(event: &Transfer, existing: &Transfer, hold: Option<&Transfer>) -> Status {
    if event.flags != existing.flags {
        return Status::ExistsWithDifferentFlags;
    }
    if event.pending_id != existing.pending_id {
        return Status::ExistsWithDifferentPendingId;
    }
    if event.timeout != existing.timeout {
        return Status::ExistsWithDifferentTimeout;
    }
    if existing.closes_hold() {
        closing_status(event, existing, hold.expect("the hold of an existing post or void is known"))
    } else {
        plain_status(event, existing)
    }
}

fn plain_status(event: &Transfer, existing: &Transfer) -> Status {
    if event.debit_account_id != existing.debit_account_id {
        return Status::ExistsWithDifferentDebitAccountId;
    }
    if event.credit_account_id != existing.credit_account_id {
        return Status::ExistsWithDifferentCreditAccountId;
    }
    // A balancing event names the most it would move; what it moved is at most that.
    let is_balancing = existing.has(transfer_flags::BALANCING_DEBIT | transfer_flags::BALANCING_CREDIT);
    if if is_balancing { event.amount < existing.amount } else { event.amount != existing.amount } {
        return Status::ExistsWithDifferentAmount;
    }
    if event.user_data_128 != existing.user_data_128 {
        return Status::ExistsWithDifferentUserData128;
    }
    if event.user_data_64 != existing.user_data_64 {
        return Status::ExistsWithDifferentUserData64;
    }
    if event.user_data_32 != existing.user_data_32 {
        return Status::ExistsWithDifferentUserData32;
    }
    if event.ledger != existing.ledger {
        return Status::ExistsWithDifferentLedger;
    }
    if event.code != existing.code {
        return Status::ExistsWithDifferentCode;
    }
    Status::Exists
}

/// Zero in a post or void means "the hold's".
fn closing_status(event: &Transfer, existing: &Transfer, hold: &Transfer) -> Status {
    if event.debit_account_id != 0 && event.debit_account_id != existing.debit_account_id {
        return Status::ExistsWithDifferentDebitAccountId;
    }
    if event.credit_account_id != 0 && event.credit_account_id != existing.credit_account_id {
        return Status::ExistsWithDifferentCreditAccountId;
    }
    if !is_same_closing_amount(event, existing, hold) {
        return Status::ExistsWithDifferentAmount;
    }
    let or_hold = |value: u128, of_hold: u128| if value == 0 { of_hold } else { value };
    if or_hold(event.user_data_128, hold.user_data_128) != existing.user_data_128 {
        return Status::ExistsWithDifferentUserData128;
    }
    if or_hold(event.user_data_64.into(), hold.user_data_64.into()) != u128::from(existing.user_data_64) {
        return Status::ExistsWithDifferentUserData64;
    }
    if or_hold(event.user_data_32.into(), hold.user_data_32.into()) != u128::from(existing.user_data_32) {
        return Status::ExistsWithDifferentUserData32;
    }
    if event.ledger != 0 && event.ledger != existing.ledger {
        return Status::ExistsWithDifferentLedger;
    }
    if event.code != 0 && event.code != existing.code {
        return Status::ExistsWithDifferentCode;
    }
    Status::Exists
}

/// Zero in a void and the maximum in a post mean "the whole hold"; any other amount is the one that was moved.
fn is_same_closing_amount(event: &Transfer, existing: &Transfer, hold: &Transfer) -> bool {
    let all = if existing.has(transfer_flags::VOID_PENDING_TRANSFER) { 0 } else { u128::MAX };
    existing.amount == if event.amount == all { hold.amount } else { event.amount }
}
