//! The messages of `pycore.ledger.v1` that are too many to become Python objects.
//!
//! Field numbers are those of `api/proto/pycore/ledger/v1/ledger.proto`; a test encodes with the generated stubs and
//! decodes here, and back.

use prost::Message;

/// A 128-bit number in two halves.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Uint128 {
    #[prost(fixed64, tag = "1")]
    pub low: u64,
    #[prost(fixed64, tag = "2")]
    pub high: u64,
}

impl Uint128 {
    /// Returns the message for a number; zero is no message at all.
    pub fn of(number: u128) -> Option<Self> {
        #[allow(clippy::cast_possible_truncation)] // the two halves, on purpose
        (number != 0).then_some(Self {
            low: number as u64,
            high: (number >> 64) as u64,
        })
    }

    /// Returns the number of an optional message.
    pub fn number(message: Option<Self>) -> u128 {
        message.map_or(0, |halves| {
            u128::from(halves.high) << 64 | u128::from(halves.low)
        })
    }
}

/// An account on the wire.
#[derive(Clone, PartialEq, Message)]
pub struct Account {
    #[prost(message, optional, tag = "1")]
    pub id: Option<Uint128>,
    #[prost(message, optional, tag = "2")]
    pub debits_pending: Option<Uint128>,
    #[prost(message, optional, tag = "3")]
    pub debits_posted: Option<Uint128>,
    #[prost(message, optional, tag = "4")]
    pub credits_pending: Option<Uint128>,
    #[prost(message, optional, tag = "5")]
    pub credits_posted: Option<Uint128>,
    #[prost(message, optional, tag = "6")]
    pub user_data_128: Option<Uint128>,
    #[prost(fixed64, tag = "7")]
    pub user_data_64: u64,
    #[prost(fixed32, tag = "8")]
    pub user_data_32: u32,
    #[prost(uint32, tag = "9")]
    pub ledger: u32,
    #[prost(uint32, tag = "10")]
    pub code: u32,
    #[prost(uint32, tag = "11")]
    pub flags: u32,
    #[prost(fixed64, tag = "12")]
    pub timestamp: u64,
}

/// A transfer on the wire.
#[derive(Clone, PartialEq, Message)]
pub struct Transfer {
    #[prost(message, optional, tag = "1")]
    pub id: Option<Uint128>,
    #[prost(message, optional, tag = "2")]
    pub debit_account_id: Option<Uint128>,
    #[prost(message, optional, tag = "3")]
    pub credit_account_id: Option<Uint128>,
    #[prost(message, optional, tag = "4")]
    pub amount: Option<Uint128>,
    #[prost(message, optional, tag = "5")]
    pub pending_id: Option<Uint128>,
    #[prost(message, optional, tag = "6")]
    pub user_data_128: Option<Uint128>,
    #[prost(fixed64, tag = "7")]
    pub user_data_64: u64,
    #[prost(fixed32, tag = "8")]
    pub user_data_32: u32,
    #[prost(uint32, tag = "9")]
    pub timeout: u32,
    #[prost(uint32, tag = "10")]
    pub ledger: u32,
    #[prost(uint32, tag = "11")]
    pub code: u32,
    #[prost(uint32, tag = "12")]
    pub flags: u32,
    #[prost(fixed64, tag = "13")]
    pub timestamp: u64,
}

/// A result on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct CreateResult {
    #[prost(fixed64, tag = "1")]
    pub timestamp: u64,
    #[prost(uint32, tag = "2")]
    pub status: u32,
}

/// Any message whose field 1 repeats `Account`.
#[derive(Clone, PartialEq, Message)]
pub struct Accounts {
    #[prost(message, repeated, tag = "1")]
    pub accounts: Vec<Account>,
}

/// Any message whose field 1 repeats `Transfer`.
#[derive(Clone, PartialEq, Message)]
pub struct Transfers {
    #[prost(message, repeated, tag = "1")]
    pub transfers: Vec<Transfer>,
}

/// Any message whose field 1 repeats a result.
#[derive(Clone, PartialEq, Message)]
pub struct CreateResults {
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<CreateResult>,
}
