//! The account: a place where balances accumulate.

use std::ops::RangeInclusive;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An account, 128 bytes little-endian, with the fields of TigerBeetle's account record
/// (<https://docs.tigerbeetle.com/reference/account/>).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Account {
    /// Chosen by the caller; never 0 nor 2^128 - 1.
    pub id: u128,
    /// Sum of the debits of open holds.
    pub debits_pending: u128,
    /// Sum of the posted debits.
    pub debits_posted: u128,
    /// Sum of the credits of open holds.
    pub credits_pending: u128,
    /// Sum of the posted credits.
    pub credits_posted: u128,
    /// The caller's own; never interpreted.
    pub user_data_128: u128,
    /// The caller's own; never interpreted.
    pub user_data_64: u64,
    /// The caller's own; never interpreted.
    pub user_data_32: u32,
    /// Always zero.
    pub reserved: u32,
    /// One ledger per currency or asset; only accounts of one ledger can exchange money.
    pub ledger: u32,
    /// The place in the chart of accounts; never 0.
    pub code: u16,
    /// See [`account_flags`].
    pub flags: u16,
    /// Nanoseconds since 1970 at which the account was created; unique among accounts.
    pub timestamp: u64,
}

const _: () = assert!(size_of::<Account>() == 128);

/// Codes of accounts that belong to a domain of the platform, such as customers' balances: no stranger opens or touches
/// one. The range never changes, as old journals are replayed with it.
pub const DOMAIN_CODES: RangeInclusive<u16> = 100..=999;

/// The flags of an [`Account`].
pub mod account_flags {
    /// This event and the next one succeed or fail together.
    pub const LINKED: u16 = 1;
    /// Transfers that would make `debits_pending + debits_posted > credits_posted` fail.
    pub const DEBITS_MUST_NOT_EXCEED_CREDITS: u16 = 2;
    /// Transfers that would make `credits_pending + credits_posted > debits_posted` fail.
    pub const CREDITS_MUST_NOT_EXCEED_DEBITS: u16 = 4;
    /// Every transfer leaves a row of balances.
    pub const HISTORY: u16 = 8;
    /// The timestamp is the caller's: taken over from another system.
    pub const IMPORTED: u16 = 16;
    /// Only voids of open holds are accepted.
    pub const CLOSED: u16 = 32;
    /// Every flag that means something.
    pub const ALL: u16 = 63;
}

/// The balances of one account after one transfer, 128 bytes little-endian.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct AccountBalance {
    /// Sum of the debits of open holds.
    pub debits_pending: u128,
    /// Sum of the posted debits.
    pub debits_posted: u128,
    /// Sum of the credits of open holds.
    pub credits_pending: u128,
    /// Sum of the posted credits.
    pub credits_posted: u128,
    /// The transfer's timestamp.
    pub timestamp: u64,
    /// Always zero.
    pub reserved: [u8; 56],
}

const _: () = assert!(size_of::<AccountBalance>() == 128);
