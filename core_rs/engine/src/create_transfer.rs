//! The rules of creating a transfer: a plain move, or a hold.

use crate::account::account_flags;
use crate::account_slot::{AccountSlot, AccountState};
use crate::accounts::NONE_ACCOUNT;
use crate::cold::{ColdRecords, HoldOutcome};
use crate::expiry::ExpiryKey;
use crate::ledger::{Ledger, TIMESTAMP_END};
use crate::post_or_void::closed_by;
use crate::resolve::Resolved;
use crate::status::CreateTransferStatus as Status;
use crate::transfer::{NANOSECONDS_PER_SECOND, Transfer, id_time_ms, transfer_flags};
use crate::window::{BalanceRow, Link};

impl Ledger {
    /// Creates one transfer, making the event its record; returns its timestamp. Guards stand in the order of
    /// precedence of <https://docs.tigerbeetle.com/reference/requests/create_transfers/#result>.
    #[inline(always)]
    pub(crate) fn create_transfer(
        &mut self,
        transfer: &mut Transfer,
        timestamp: u64,
        resolved: &Resolved,
        cold: &ColdRecords<'_>,
    ) -> Result<u64, Status> {
        if transfer.flags & !transfer_flags::ALL != 0 {
            return Err(Status::ReservedFlag);
        }
        if transfer.id == 0 {
            return Err(Status::IdMustNotBeZero);
        }
        if transfer.id == u128::MAX {
            return Err(Status::IdMustNotBeIntMax);
        }
        if id_time_ms(transfer.id) > self.batch.id_time_limit_ms {
            return Err(Status::IdMustNotBeInTheFuture);
        }
        if let Some(status) = self.check_known(transfer, resolved.id_hash, cold) {
            return Err(status);
        }
        if transfer.closes_hold() {
            self.post_or_void(transfer, timestamp, resolved, cold)
        } else {
            self.move_or_hold(transfer, timestamp, resolved)
        }
    }

    #[inline(always)]
    fn move_or_hold(&mut self, transfer: &mut Transfer, timestamp: u64, resolved: &Resolved) -> Result<u64, Status> {
        check_fields(transfer)?;
        let debit = self.resolved_account(resolved.debit, transfer.debit_account_id);
        if debit == NONE_ACCOUNT {
            return Err(Status::DebitAccountNotFound);
        }
        let credit = self.resolved_account(resolved.credit, transfer.credit_account_id);
        if credit == NONE_ACCOUNT {
            return Err(Status::CreditAccountNotFound);
        }
        let debit_slot = self.accounts.slot(debit);
        let credit_slot = self.accounts.slot(credit);
        self.check_domain(debit_slot, credit_slot)?;
        if debit_slot.ledger != credit_slot.ledger {
            return Err(Status::AccountsMustHaveTheSameLedger);
        }
        if transfer.ledger != debit_slot.ledger {
            return Err(Status::TransferMustHaveTheSameLedgerAsAccounts);
        }
        if transfer.has(transfer_flags::IMPORTED) {
            self.check_imported(transfer, debit, credit)?;
        } else {
            transfer.timestamp = timestamp;
        }
        let debit_state = self.accounts.state_of(debit_slot, debit);
        let credit_state = self.accounts.state_of(credit_slot, credit);
        if debit_state.has(account_flags::CLOSED) {
            return Err(Status::DebitAccountAlreadyClosed);
        }
        if credit_state.has(account_flags::CLOSED) {
            return Err(Status::CreditAccountAlreadyClosed);
        }
        transfer.amount = balanced_amount(transfer, &debit_state, &credit_state);
        check_amount(transfer, &debit_state, &credit_state)?;

        self.book(transfer, resolved, [debit, credit], [&debit_state, &credit_state]);
        Ok(transfer.timestamp)
    }

    /// Checks that a stranger keeps away from the accounts of domains.
    #[inline(always)]
    pub(crate) fn check_domain(&self, debit: &AccountSlot, credit: &AccountSlot) -> Result<(), Status> {
        if self.batch.is_a_strangers && (debit.has_mark(AccountSlot::DOMAINS) || credit.has_mark(AccountSlot::DOMAINS))
        {
            return Err(if debit.has_mark(AccountSlot::DOMAINS) {
                Status::DebitAccountBelongsToADomain
            } else {
                Status::CreditAccountBelongsToADomain
            });
        }
        Ok(())
    }

    /// Returns the account found ahead of time, or looks again where this batch may have created it since.
    #[inline(always)]
    fn resolved_account(&self, resolved: u32, id: u128) -> u32 {
        if resolved == NONE_ACCOUNT && self.accounts.len() != self.batch.first_account {
            return self.accounts.find(id).unwrap_or(NONE_ACCOUNT);
        }
        resolved
    }

    #[cold]
    fn check_imported(&self, transfer: &Transfer, debit: u32, credit: u32) -> Result<(), Status> {
        self.check_imported_timestamp(transfer.timestamp)?;
        if transfer.timestamp <= self.accounts.current(debit).timestamp {
            return Err(Status::ImportedEventTimestampMustPostdateDebitAccount);
        }
        if transfer.timestamp <= self.accounts.current(credit).timestamp {
            return Err(Status::ImportedEventTimestampMustPostdateCreditAccount);
        }
        if transfer.timeout != 0 {
            return Err(Status::ImportedEventTimeoutMustBeZero);
        }
        Ok(())
    }

    /// An imported transfer must be newer than every other transfer and share no time with an account.
    #[cold]
    pub(crate) fn check_imported_timestamp(&self, timestamp: u64) -> Result<(), Status> {
        if timestamp <= self.position.last_transfer_timestamp || self.accounts.has_timestamp(timestamp) {
            return Err(Status::ImportedEventTimestampMustNotRegress);
        }
        Ok(())
    }

    /// Writes a checked move or hold into the books.
    #[inline(always)]
    fn book(&mut self, record: &Transfer, resolved: &Resolved, accounts: [u32; 2], before: [&AccountState; 2]) {
        let sequence = self.window.next_sequence();
        let (mut debit, mut credit) = (*before[0], *before[1]);
        if record.is_hold() {
            debit.debits_pending += record.amount;
            credit.credits_pending += record.amount;
            let (closed_debit, closed_credit) = closed_by(record);
            debit.flags |= closed_debit;
            credit.flags |= closed_credit;
        } else {
            debit.debits_posted += record.amount;
            credit.credits_posted += record.amount;
        }
        (debit.last_sequence, credit.last_sequence) = (sequence as u32, sequence as u32);
        self.accounts.set_state(accounts[0], &debit);
        self.accounts.set_state(accounts[1], &credit);

        let outcome = if record.is_hold() { HoldOutcome::Open } else { HoldOutcome::None };
        let previous = [before[0].last_sequence, before[1].last_sequence];
        self.append(record, resolved, Link { previous, accounts, outcome: outcome as u8 });
        if record.is_hold() {
            self.position.open_holds += 1;
            if record.timeout != 0 {
                self.expiries.push(ExpiryKey { expires_at: record.expires_at(), sequence, id: record.id });
            }
        }
        if (debit.flags | credit.flags) & account_flags::HISTORY != 0 {
            self.keep_balances(sequence, accounts);
        }
    }

    /// Appends a transfer to the window.
    #[inline(always)]
    pub(crate) fn append(&mut self, record: &Transfer, resolved: &Resolved, link: Link) {
        assert!(record.timestamp > self.position.last_transfer_timestamp, "transfers are in the order of their time");
        self.window.push_staged(resolved.staged as usize, record, resolved.id_hash, link);
        self.position.last_transfer_timestamp = record.timestamp;
        self.position.id_time_max_ms = self.position.id_time_max_ms.max(id_time_ms(record.id));
    }

    /// Keeps the balances after the newest transfer, for accounts with history.
    #[cold]
    pub(crate) fn keep_balances(&mut self, sequence: u64, accounts: [u32; 2]) {
        for account in accounts {
            let state = self.accounts.state(account);
            if state.has(account_flags::HISTORY) {
                self.window.push_balance(BalanceRow {
                    sequence,
                    account,
                    debits_pending: state.debits_pending,
                    debits_posted: state.debits_posted,
                    credits_pending: state.credits_pending,
                    credits_posted: state.credits_posted,
                });
            }
        }
    }
}

#[inline(always)]
fn check_fields(transfer: &Transfer) -> Result<(), Status> {
    if transfer.debit_account_id == 0 {
        return Err(Status::DebitAccountIdMustNotBeZero);
    }
    if transfer.debit_account_id == u128::MAX {
        return Err(Status::DebitAccountIdMustNotBeIntMax);
    }
    if transfer.credit_account_id == 0 {
        return Err(Status::CreditAccountIdMustNotBeZero);
    }
    if transfer.credit_account_id == u128::MAX {
        return Err(Status::CreditAccountIdMustNotBeIntMax);
    }
    if transfer.debit_account_id == transfer.credit_account_id {
        return Err(Status::AccountsMustBeDifferent);
    }
    if transfer.pending_id != 0 {
        return Err(Status::PendingIdMustBeZero);
    }
    if !transfer.is_hold() {
        if transfer.timeout != 0 {
            return Err(Status::TimeoutReservedForPendingTransfer);
        }
        if transfer.has(transfer_flags::CLOSING_DEBIT | transfer_flags::CLOSING_CREDIT) {
            return Err(Status::ClosingTransferMustBePending);
        }
    }
    if transfer.ledger == 0 {
        return Err(Status::LedgerMustNotBeZero);
    }
    if transfer.code == 0 {
        return Err(Status::CodeMustNotBeZero);
    }
    Ok(())
}

/// Returns the amount that will be moved: a balancing transfer moves at most what there is.
#[inline(always)]
fn balanced_amount(transfer: &Transfer, debit_account: &AccountState, credit_account: &AccountState) -> u128 {
    let mut amount = transfer.amount;
    if transfer.has(transfer_flags::BALANCING_DEBIT) {
        let taken = debit_account.debits_posted + debit_account.debits_pending;
        amount = amount.min(debit_account.credits_posted.saturating_sub(taken));
    }
    if transfer.has(transfer_flags::BALANCING_CREDIT) {
        let taken = credit_account.credits_posted + credit_account.credits_pending;
        amount = amount.min(credit_account.debits_posted.saturating_sub(taken));
    }
    amount
}

/// Checks that no sum overflows and no account passes its limit.
#[inline(always)]
fn check_amount(record: &Transfer, debit_account: &AccountState, credit_account: &AccountState) -> Result<(), Status> {
    let amount = record.amount;
    if record.is_hold() {
        if debit_account.debits_pending.checked_add(amount).is_none() {
            return Err(Status::OverflowsDebitsPending);
        }
        if credit_account.credits_pending.checked_add(amount).is_none() {
            return Err(Status::OverflowsCreditsPending);
        }
    }
    if debit_account.debits_posted.checked_add(amount).is_none() {
        return Err(Status::OverflowsDebitsPosted);
    }
    if credit_account.credits_posted.checked_add(amount).is_none() {
        return Err(Status::OverflowsCreditsPosted);
    }
    let debits = debit_account.debits_pending + debit_account.debits_posted;
    let Some(debits) = debits.checked_add(amount) else {
        return Err(Status::OverflowsDebits);
    };
    let credits = credit_account.credits_pending + credit_account.credits_posted;
    let Some(credits) = credits.checked_add(amount) else {
        return Err(Status::OverflowsCredits);
    };
    if record.timeout != 0 {
        // Neither factor is near 2^63, so the product and the sum fit 128 bits.
        let timeout = u128::from(record.timeout) * u128::from(NANOSECONDS_PER_SECOND);
        if u128::from(record.timestamp) + timeout >= u128::from(TIMESTAMP_END) {
            return Err(Status::OverflowsTimeout);
        }
    }
    if debit_account.has(account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS) && debits > debit_account.credits_posted {
        return Err(Status::ExceedsCredits);
    }
    if credit_account.has(account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS) && credits > credit_account.debits_posted {
        return Err(Status::ExceedsDebits);
    }
    Ok(())
}
