//! The transfer: an immutable move of one amount from one account to another.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Nanoseconds in one second: a timeout is given in seconds.
pub(crate) const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// A transfer, 128 bytes little-endian, with the fields of TigerBeetle's transfer record
/// (<https://docs.tigerbeetle.com/reference/transfer/>).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Transfer {
    /// Chosen by the caller, unique for ever; its top 48 bits are its creation time in milliseconds (UUIDv7).
    pub id: u128,
    /// The account that is debited.
    pub debit_account_id: u128,
    /// The account that is credited.
    pub credit_account_id: u128,
    /// In minor units; zero is legal.
    pub amount: u128,
    /// The hold to post or void; else 0.
    pub pending_id: u128,
    /// The caller's own; never interpreted.
    pub user_data_128: u128,
    /// The caller's own; never interpreted.
    pub user_data_64: u64,
    /// The caller's own; never interpreted.
    pub user_data_32: u32,
    /// Seconds until a hold expires; 0 for never.
    pub timeout: u32,
    /// The ledger of both accounts.
    pub ledger: u32,
    /// The business reason; never 0.
    pub code: u16,
    /// See [`transfer_flags`].
    pub flags: u16,
    /// Nanoseconds since 1970 at which the transfer was created; unique and growing.
    pub timestamp: u64,
}

const _: () = assert!(size_of::<Transfer>() == 128);

/// The flags of a [`Transfer`].
pub mod transfer_flags {
    /// This event and the next one succeed or fail together.
    pub const LINKED: u16 = 1;
    /// A hold: reserves the amount until it is posted, voided or expires.
    pub const PENDING: u16 = 2;
    /// Turns the hold `pending_id` into money moved.
    pub const POST_PENDING_TRANSFER: u16 = 4;
    /// Gives the hold `pending_id` back.
    pub const VOID_PENDING_TRANSFER: u16 = 8;
    /// Moves at most what the debit account has.
    pub const BALANCING_DEBIT: u16 = 16;
    /// Moves at most what the credit account owes.
    pub const BALANCING_CREDIT: u16 = 32;
    /// A hold that closes the debit account until it is voided.
    pub const CLOSING_DEBIT: u16 = 64;
    /// A hold that closes the credit account until it is voided.
    pub const CLOSING_CREDIT: u16 = 128;
    /// The timestamp is the caller's: taken over from another system.
    pub const IMPORTED: u16 = 256;
    /// Every flag that means something.
    pub const ALL: u16 = 511;
}

impl Transfer {
    /// Returns whether any flag of `mask` is set.
    pub(crate) fn has(&self, mask: u16) -> bool {
        self.flags & mask != 0
    }

    /// Returns whether this is a hold.
    pub(crate) fn is_hold(&self) -> bool {
        self.has(transfer_flags::PENDING)
    }

    /// Returns whether this posts or voids a hold.
    pub(crate) fn closes_hold(&self) -> bool {
        self.has(transfer_flags::POST_PENDING_TRANSFER | transfer_flags::VOID_PENDING_TRANSFER)
    }

    /// Returns when this hold expires, in nanoseconds; 0 for never.
    pub(crate) fn expires_at(&self) -> u64 {
        if self.timeout == 0 { 0 } else { self.timestamp + u64::from(self.timeout) * NANOSECONDS_PER_SECOND }
    }
}

/// Returns the creation time an id carries, in milliseconds since 1970: its top 48 bits.
#[must_use]
pub fn id_time_ms(id: u128) -> u64 {
    // 48 bits always fit.
    (id >> 80) as u64
}
