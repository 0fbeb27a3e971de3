//! What the database knows of ids the engine no longer holds.

use crate::transfer::Transfer;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

/// What became of a hold.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldOutcome {
    /// The transfer is not a hold.
    None = 0,
    /// Neither posted, voided nor expired.
    Open = 1,
    /// Turned into money moved.
    Posted = 2,
    /// Given back on request.
    Voided = 3,
    /// Given back by its timeout.
    Expired = 4,
}

impl HoldOutcome {
    /// Returns the outcome of a number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::None),
            1 => Some(Self::Open),
            2 => Some(Self::Posted),
            3 => Some(Self::Voided),
            4 => Some(Self::Expired),
            _ => None,
        }
    }
}

/// What is known of one id from outside the engine's memory. Recorded in the journal, so that replay needs no database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Rare and short-lived: being plain data matters more than its size.
#[allow(clippy::large_enum_variant)]
pub enum ColdRecord {
    /// The id failed for a passing reason.
    Failed {
        /// The failed id.
        id: u128,
    },
    /// The id is a transfer.
    Transfer {
        /// The transfer.
        record: Transfer,
        /// What became of it, where it is a hold. Open holds are always in the engine's memory.
        outcome: HoldOutcome,
        /// The hold it posted or voided.
        pending: Option<Transfer>,
    },
    /// A transfer has this timestamp.
    Moment {
        /// Nanoseconds since 1970.
        timestamp: u64,
    },
}

/// The cold records of one batch, by what they are about.
pub(crate) struct ColdRecords<'a> {
    records: &'a [ColdRecord],
    transfers: HashMap<u128, u32, FixedState>,
    failed: HashSet<u128, FixedState>,
    moments: HashSet<u64, FixedState>,
}

impl<'a> ColdRecords<'a> {
    pub fn new(records: &'a [ColdRecord]) -> Self {
        let mut cold =
            Self { records, transfers: HashMap::default(), failed: HashSet::default(), moments: HashSet::default() };
        for (position, record) in records.iter().enumerate() {
            match record {
                ColdRecord::Failed { id } => {
                    cold.failed.insert(*id);
                }
                ColdRecord::Transfer { record, .. } => {
                    cold.transfers.insert(record.id, position as u32);
                }
                ColdRecord::Moment { timestamp } => {
                    cold.moments.insert(*timestamp);
                }
            }
        }
        cold
    }

    /// Returns the position of a transfer among the records.
    #[inline]
    pub fn find(&self, id: u128) -> Option<u32> {
        if self.records.is_empty() { None } else { self.transfers.get(&id).copied() }
    }

    #[inline]
    pub fn has_failed(&self, id: u128) -> bool {
        !self.records.is_empty() && self.failed.contains(&id)
    }

    pub fn has_moment(&self, timestamp: u64) -> bool {
        self.moments.contains(&timestamp)
    }

    /// Returns the transfer at a position that [`Self::find`] returned.
    pub fn transfer(&self, position: u32) -> (&'a Transfer, HoldOutcome, Option<&'a Transfer>) {
        match &self.records[position as usize] {
            ColdRecord::Transfer { record, outcome, pending } => (record, *outcome, pending.as_ref()),
            ColdRecord::Failed { .. } | ColdRecord::Moment { .. } => unreachable!("the position is a transfer's"),
        }
    }
}
