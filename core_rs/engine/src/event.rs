//! What a caller asks for: an operation and its events.

use crate::transfer::Transfer;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Bytes of one account or transfer.
pub const RECORD_SIZE: usize = 128;

/// What the events of a unit are.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The events are accounts.
    CreateAccounts = 1,
    /// The events are transfers.
    CreateTransfers = 2,
    /// The events are accounts, asked for by a stranger: none may have a code of [`DOMAIN_CODES`](crate::DOMAIN_CODES).
    CreateStrangersAccounts = 3,
    /// The events are transfers, asked for by a stranger: none may touch an account with such a code.
    CreateStrangersTransfers = 4,
}

impl Operation {
    /// Returns the operation of a number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::CreateAccounts),
            2 => Some(Self::CreateTransfers),
            3 => Some(Self::CreateStrangersAccounts),
            4 => Some(Self::CreateStrangersTransfers),
            _ => None,
        }
    }

    /// Returns whether the events are accounts.
    #[must_use]
    pub const fn is_of_accounts(self) -> bool {
        matches!(self, Self::CreateAccounts | Self::CreateStrangersAccounts)
    }

    /// Returns whether the events are transfers.
    #[must_use]
    pub const fn is_of_transfers(self) -> bool {
        matches!(self, Self::CreateTransfers | Self::CreateStrangersTransfers)
    }

    /// Returns whether a stranger asks: somebody to whom no account of a domain belongs.
    #[must_use]
    pub const fn is_a_strangers(self) -> bool {
        matches!(self, Self::CreateStrangersAccounts | Self::CreateStrangersTransfers)
    }
}

/// One caller's request. Linked chains and the imported mode are judged within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// What the records are.
    pub operation: Operation,
    /// One or more 128-byte records; need not be aligned.
    pub records: &'a [u8],
}

impl Unit<'_> {
    /// Returns the number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len() / RECORD_SIZE
    }

    /// Returns whether there is no event; [`Ledger::apply`](crate::Ledger::apply) refuses such a unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns whether this is a whole number of records and at least one.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        !self.records.is_empty() && self.records.len().is_multiple_of(RECORD_SIZE)
    }

    /// Returns the record at `index`.
    pub(crate) fn record<T: FromBytes + KnownLayout + Immutable>(&self, index: usize) -> T {
        let start = index * RECORD_SIZE;
        T::read_from_bytes(&self.records[start..start + RECORD_SIZE]).expect("a record is 128 bytes")
    }

    /// Returns the transfer at `index`.
    pub(crate) fn transfer(&self, index: usize) -> Transfer {
        self.record(index)
    }
}
