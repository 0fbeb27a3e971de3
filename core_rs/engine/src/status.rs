//! The result codes: business outcomes as data, one per event.
//!
//! Names, numbers and precedence are those of TigerBeetle 0.17
//! (<https://docs.tigerbeetle.com/reference/requests/create_accounts/>,
//! <https://docs.tigerbeetle.com/reference/requests/create_transfers/>); codes from 1000 are ours.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The result of one event, 16 bytes little-endian.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CreateResult {
    /// Created or existing: the record's timestamp; else the time at which the event was refused.
    pub timestamp: u64,
    /// A [`CreateAccountStatus`] or [`CreateTransferStatus`] as a number.
    pub status: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<CreateResult>() == 16);

macro_rules! statuses {
    ($(#[$docs:meta])* $enum:ident { $($variant:ident = $code:literal $name:literal,)* }) => {
        $(#[$docs])*
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $(#[doc = concat!("`", $name, "`")] $variant = $code,)*
        }

        impl $enum {
            /// Every status, by code; `created` last.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the standard name in snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the status of a code.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// Returns the number of this status in a result record.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }
        }
    };
}

statuses! {
    /// What became of one `create_accounts` event.
    CreateAccountStatus {
        LinkedEventFailed = 1 "linked_event_failed",
        LinkedEventChainOpen = 2 "linked_event_chain_open",
        TimestampMustBeZero = 3 "timestamp_must_be_zero",
        ReservedField = 4 "reserved_field",
        ReservedFlag = 5 "reserved_flag",
        IdMustNotBeZero = 6 "id_must_not_be_zero",
        IdMustNotBeIntMax = 7 "id_must_not_be_int_max",
        FlagsAreMutuallyExclusive = 8 "flags_are_mutually_exclusive",
        DebitsPendingMustBeZero = 9 "debits_pending_must_be_zero",
        DebitsPostedMustBeZero = 10 "debits_posted_must_be_zero",
        CreditsPendingMustBeZero = 11 "credits_pending_must_be_zero",
        CreditsPostedMustBeZero = 12 "credits_posted_must_be_zero",
        LedgerMustNotBeZero = 13 "ledger_must_not_be_zero",
        CodeMustNotBeZero = 14 "code_must_not_be_zero",
        ExistsWithDifferentFlags = 15 "exists_with_different_flags",
        ExistsWithDifferentUserData128 = 16 "exists_with_different_user_data_128",
        ExistsWithDifferentUserData64 = 17 "exists_with_different_user_data_64",
        ExistsWithDifferentUserData32 = 18 "exists_with_different_user_data_32",
        ExistsWithDifferentLedger = 19 "exists_with_different_ledger",
        ExistsWithDifferentCode = 20 "exists_with_different_code",
        Exists = 21 "exists",
        ImportedEventExpected = 22 "imported_event_expected",
        ImportedEventNotExpected = 23 "imported_event_not_expected",
        ImportedEventTimestampOutOfRange = 24 "imported_event_timestamp_out_of_range",
        ImportedEventTimestampMustNotAdvance = 25 "imported_event_timestamp_must_not_advance",
        ImportedEventTimestampMustNotRegress = 26 "imported_event_timestamp_must_not_regress",
        CodeBelongsToADomain = 1001 "code_belongs_to_a_domain",
        Created = 0xFFFF_FFFF "created",
    }
}

statuses! {
    /// What became of one `create_transfers` event.
    CreateTransferStatus {
        LinkedEventFailed = 1 "linked_event_failed",
        LinkedEventChainOpen = 2 "linked_event_chain_open",
        TimestampMustBeZero = 3 "timestamp_must_be_zero",
        ReservedFlag = 4 "reserved_flag",
        IdMustNotBeZero = 5 "id_must_not_be_zero",
        IdMustNotBeIntMax = 6 "id_must_not_be_int_max",
        FlagsAreMutuallyExclusive = 7 "flags_are_mutually_exclusive",
        DebitAccountIdMustNotBeZero = 8 "debit_account_id_must_not_be_zero",
        DebitAccountIdMustNotBeIntMax = 9 "debit_account_id_must_not_be_int_max",
        CreditAccountIdMustNotBeZero = 10 "credit_account_id_must_not_be_zero",
        CreditAccountIdMustNotBeIntMax = 11 "credit_account_id_must_not_be_int_max",
        AccountsMustBeDifferent = 12 "accounts_must_be_different",
        PendingIdMustBeZero = 13 "pending_id_must_be_zero",
        PendingIdMustNotBeZero = 14 "pending_id_must_not_be_zero",
        PendingIdMustNotBeIntMax = 15 "pending_id_must_not_be_int_max",
        PendingIdMustBeDifferent = 16 "pending_id_must_be_different",
        TimeoutReservedForPendingTransfer = 17 "timeout_reserved_for_pending_transfer",
        LedgerMustNotBeZero = 19 "ledger_must_not_be_zero",
        CodeMustNotBeZero = 20 "code_must_not_be_zero",
        DebitAccountNotFound = 21 "debit_account_not_found",
        CreditAccountNotFound = 22 "credit_account_not_found",
        AccountsMustHaveTheSameLedger = 23 "accounts_must_have_the_same_ledger",
        TransferMustHaveTheSameLedgerAsAccounts = 24 "transfer_must_have_the_same_ledger_as_accounts",
        PendingTransferNotFound = 25 "pending_transfer_not_found",
        PendingTransferNotPending = 26 "pending_transfer_not_pending",
        PendingTransferHasDifferentDebitAccountId = 27 "pending_transfer_has_different_debit_account_id",
        PendingTransferHasDifferentCreditAccountId = 28 "pending_transfer_has_different_credit_account_id",
        PendingTransferHasDifferentLedger = 29 "pending_transfer_has_different_ledger",
        PendingTransferHasDifferentCode = 30 "pending_transfer_has_different_code",
        ExceedsPendingTransferAmount = 31 "exceeds_pending_transfer_amount",
        PendingTransferHasDifferentAmount = 32 "pending_transfer_has_different_amount",
        PendingTransferAlreadyPosted = 33 "pending_transfer_already_posted",
        PendingTransferAlreadyVoided = 34 "pending_transfer_already_voided",
        PendingTransferExpired = 35 "pending_transfer_expired",
        ExistsWithDifferentFlags = 36 "exists_with_different_flags",
        ExistsWithDifferentDebitAccountId = 37 "exists_with_different_debit_account_id",
        ExistsWithDifferentCreditAccountId = 38 "exists_with_different_credit_account_id",
        ExistsWithDifferentAmount = 39 "exists_with_different_amount",
        ExistsWithDifferentPendingId = 40 "exists_with_different_pending_id",
        ExistsWithDifferentUserData128 = 41 "exists_with_different_user_data_128",
        ExistsWithDifferentUserData64 = 42 "exists_with_different_user_data_64",
        ExistsWithDifferentUserData32 = 43 "exists_with_different_user_data_32",
        ExistsWithDifferentTimeout = 44 "exists_with_different_timeout",
        ExistsWithDifferentCode = 45 "exists_with_different_code",
        Exists = 46 "exists",
        OverflowsDebitsPending = 47 "overflows_debits_pending",
        OverflowsCreditsPending = 48 "overflows_credits_pending",
        OverflowsDebitsPosted = 49 "overflows_debits_posted",
        OverflowsCreditsPosted = 50 "overflows_credits_posted",
        OverflowsDebits = 51 "overflows_debits",
        OverflowsCredits = 52 "overflows_credits",
        OverflowsTimeout = 53 "overflows_timeout",
        ExceedsCredits = 54 "exceeds_credits",
        ExceedsDebits = 55 "exceeds_debits",
        ImportedEventExpected = 56 "imported_event_expected",
        ImportedEventNotExpected = 57 "imported_event_not_expected",
        ImportedEventTimestampOutOfRange = 58 "imported_event_timestamp_out_of_range",
        ImportedEventTimestampMustNotAdvance = 59 "imported_event_timestamp_must_not_advance",
        ImportedEventTimestampMustNotRegress = 60 "imported_event_timestamp_must_not_regress",
        ImportedEventTimestampMustPostdateDebitAccount = 61
            "imported_event_timestamp_must_postdate_debit_account",
        ImportedEventTimestampMustPostdateCreditAccount = 62
            "imported_event_timestamp_must_postdate_credit_account",
        ImportedEventTimeoutMustBeZero = 63 "imported_event_timeout_must_be_zero",
        ClosingTransferMustBePending = 64 "closing_transfer_must_be_pending",
        DebitAccountAlreadyClosed = 65 "debit_account_already_closed",
        CreditAccountAlreadyClosed = 66 "credit_account_already_closed",
        ExistsWithDifferentLedger = 67 "exists_with_different_ledger",
        IdAlreadyFailed = 68 "id_already_failed",
        IdMustNotBeInTheFuture = 1000 "id_must_not_be_in_the_future",
        DebitAccountBelongsToADomain = 1001 "debit_account_belongs_to_a_domain",
        CreditAccountBelongsToADomain = 1002 "credit_account_belongs_to_a_domain",
        Created = 0xFFFF_FFFF "created",
    }
}

impl CreateAccountStatus {
    /// Returns whether the same event may succeed later: never, for accounts.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        false
    }
}

impl CreateTransferStatus {
    /// Returns whether the failure depends on the state of the ledger: such an id is remembered and fails for ever,
    /// so that a late retry can never move money the caller believes refused.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::DebitAccountNotFound
                | Self::CreditAccountNotFound
                | Self::PendingTransferNotFound
                | Self::ExceedsCredits
                | Self::ExceedsDebits
                | Self::DebitAccountAlreadyClosed
                | Self::CreditAccountAlreadyClosed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogue_is_complete_and_codes_round_trip() {
        assert_eq!(CreateAccountStatus::ALL.len(), 28);
        // 1 to 68 without the unused 18, our own 1000 to 1002, and created.
        assert_eq!(CreateTransferStatus::ALL.len(), 67 + 4);
        for &status in CreateAccountStatus::ALL {
            assert_eq!(CreateAccountStatus::from_code(status.code()), Some(status));
        }
        for &status in CreateTransferStatus::ALL {
            assert_eq!(CreateTransferStatus::from_code(status.code()), Some(status));
        }
        assert_eq!(CreateTransferStatus::from_code(18), None);
    }

    #[test]
    fn exactly_seven_failures_are_remembered() {
        let transient: Vec<_> =
            CreateTransferStatus::ALL.iter().filter(|s| s.is_transient()).map(|s| s.name()).collect();
        assert_eq!(
            transient,
            [
                "debit_account_not_found",
                "credit_account_not_found",
                "pending_transfer_not_found",
                "exceeds_credits",
                "exceeds_debits",
                "debit_account_already_closed",
                "credit_account_already_closed"
            ]
        );
    }
}
