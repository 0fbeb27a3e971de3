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
}

impl Operation {
    /// Returns the operation of a number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::CreateAccounts),
            2 => Some(Self::CreateTransfers),
            _ => None,
        }
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
