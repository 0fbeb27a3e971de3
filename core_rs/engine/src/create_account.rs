//! The rules of creating an account.

use crate::account::{Account, DOMAIN_CODES, account_flags};
use crate::cold::{ColdRecord, ColdRecords};
use crate::ledger::Ledger;
use crate::status::CreateAccountStatus as Status;

impl Ledger {
    /// Creates one account; returns its timestamp. Guards stand in the order of precedence of
    /// <https://docs.tigerbeetle.com/reference/requests/create_accounts/#result>.
    pub(crate) fn create_account(
        &mut self,
        account: &Account,
        timestamp: u64,
        cold: &ColdRecords<'_>,
    ) -> Result<u64, Status> {
        if account.reserved != 0 {
            return Err(Status::ReservedField);
        }
        if account.flags & !account_flags::ALL != 0 {
            return Err(Status::ReservedFlag);
        }
        if account.id == 0 {
            return Err(Status::IdMustNotBeZero);
        }
        if account.id == u128::MAX {
            return Err(Status::IdMustNotBeIntMax);
        }
        if let Some(existing) = self.accounts.find(account.id) {
            return Err(self.account_exists(account, existing));
        }
        check_fields(account)?;
        if self.batch.is_a_strangers && DOMAIN_CODES.contains(&account.code) {
            return Err(Status::CodeBelongsToADomain);
        }

        let mut record = *account;
        if account.flags & account_flags::IMPORTED == 0 {
            record.timestamp = timestamp;
        } else if account.timestamp <= self.accounts.last_timestamp()
            || self.is_time_of_transfer(account.timestamp, cold)
        {
            return Err(Status::ImportedEventTimestampMustNotRegress);
        }
        assert!(record.timestamp > self.accounts.last_timestamp(), "accounts are created in the order of their time");
        self.accounts.create(&record);
        Ok(record.timestamp)
    }

    /// Returns whether a transfer happened at this very moment, and keeps as evidence that an older batch's did.
    #[cold]
    fn is_time_of_transfer(&mut self, timestamp: u64, cold: &ColdRecords<'_>) -> bool {
        if timestamp > self.position.last_transfer_timestamp {
            return false;
        }
        let in_memory = self.window.find_time(timestamp).or_else(|| self.leaving.find_time(timestamp));
        if in_memory.is_some_and(|sequence| sequence < self.batch.first_sequence) {
            self.batch.add_evidence(ColdRecord::Moment { timestamp });
        }
        in_memory.is_some() || cold.has_moment(timestamp)
    }

    fn account_exists(&self, account: &Account, existing: u32) -> Status {
        let existing = self.accounts.current(existing);
        if account.flags != existing.flags {
            return Status::ExistsWithDifferentFlags;
        }
        if account.user_data_128 != existing.user_data_128 {
            return Status::ExistsWithDifferentUserData128;
        }
        if account.user_data_64 != existing.user_data_64 {
            return Status::ExistsWithDifferentUserData64;
        }
        if account.user_data_32 != existing.user_data_32 {
            return Status::ExistsWithDifferentUserData32;
        }
        if account.ledger != existing.ledger {
            return Status::ExistsWithDifferentLedger;
        }
        if account.code != existing.code {
            return Status::ExistsWithDifferentCode;
        }
        Status::Exists
    }
}

fn check_fields(account: &Account) -> Result<(), Status> {
    let limits = account_flags::DEBITS_MUST_NOT_EXCEED_CREDITS | account_flags::CREDITS_MUST_NOT_EXCEED_DEBITS;
    if account.flags & limits == limits {
        return Err(Status::FlagsAreMutuallyExclusive);
    }
    if account.debits_pending != 0 {
        return Err(Status::DebitsPendingMustBeZero);
    }
    if account.debits_posted != 0 {
        return Err(Status::DebitsPostedMustBeZero);
    }
    if account.credits_pending != 0 {
        return Err(Status::CreditsPendingMustBeZero);
    }
    if account.credits_posted != 0 {
        return Err(Status::CreditsPostedMustBeZero);
    }
    if account.ledger == 0 {
        return Err(Status::LedgerMustNotBeZero);
    }
    if account.code == 0 {
        return Err(Status::CodeMustNotBeZero);
    }
    Ok(())
}
