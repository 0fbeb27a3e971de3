//! A deterministic double-entry ledger in memory: no I/O, no clock, no randomness.
//!
//! Accounts, transfers and result codes are TigerBeetle's (<https://docs.tigerbeetle.com/reference/>), whose public
//! reference is the specification; the implementation is our own. One batch at a time is applied, recorded by the
//! caller (see [`journal`]), then committed or rolled back:
//!
//! ```
//! use pycore_engine::{Account, Ledger, LedgerOptions, Operation, Transfer, Unit, journal};
//! use zerocopy::IntoBytes;
//!
//! let mut ledger = Ledger::new(LedgerOptions::default());
//! let accounts = [Account { id: 1, ledger: 156, code: 1, ..Account::default() },
//!                 Account { id: 2, ledger: 156, code: 1, ..Account::default() }];
//! let transfers = [Transfer { id: 1, debit_account_id: 1, credit_account_id: 2, amount: 500, ledger: 156, code: 1,
//!                             ..Transfer::default() }];
//! let units = [Unit { operation: Operation::CreateAccounts, records: accounts.as_bytes() },
//!              Unit { operation: Operation::CreateTransfers, records: transfers.as_bytes() }];
//!
//! let batch = ledger.apply(&units, 1_700_000_000_000_000_000, &[]);
//! let body = journal::encode_body(&units, &batch); // make this durable, then:
//! ledger.commit();
//! assert_eq!(ledger.account(2).unwrap().credits_posted, 500);
//!
//! let mut again = Ledger::new(LedgerOptions::default());
//! again.replay(&body, &batch.results_digest).unwrap();
//! assert_eq!(again.state_hash(), ledger.state_hash());
//! ```
//!
//! Beside the ledger there are modules that know neither it nor each other: [`rate_limit`], [`routing`], and
//! [`RowBuffer`] for a domain's own rows on their way into PostgreSQL.

#[cfg(not(target_endian = "little"))]
compile_error!("records are little-endian in memory as on the wire");

mod account;
mod account_slot;
mod accounts;
mod batch;
mod chunk;
mod chunk_index;
mod chunk_summary;
mod cold;
mod cold_ids;
mod copy_reader;
mod create_account;
mod create_transfer;
mod event;
mod evict;
mod exists;
mod expiry;
mod failures;
mod holds;
mod id_index;
mod id_sequence;
mod invariants;
pub mod journal;
mod known;
mod leaving;
mod ledger;
mod load;
mod place;
mod post_or_void;
mod postgres_copy;
mod projection;
pub mod rate_limit;
mod reads;
mod replay;
mod resolve;
pub mod routing;
mod row_buffer;
mod state_hash;
mod status;
mod transfer;
mod trial_balance;
mod undo;
mod unit;
mod window;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod testing;

pub use account::{Account, AccountBalance, DOMAIN_CODES, account_flags};
pub use batch::AppliedBatch;
pub use chunk_summary::ChunkSummary;
pub use cold::{ColdRecord, HoldOutcome};
pub use event::{Operation, RECORD_SIZE, Unit};
pub use id_sequence::IdSequence;
pub use invariants::InvariantError;
pub use ledger::{Ledger, LedgerOptions};
pub use load::LoadError;
pub use projection::Projection;
pub use reads::AccountFilter;
pub use replay::ReplayError;
pub use row_buffer::{ColumnType, Field, FieldError, RowBuffer, put_json_string};
pub use status::{CreateAccountStatus, CreateResult, CreateTransferStatus};
pub use transfer::{Transfer, id_time_ms, transfer_flags};
pub use trial_balance::{LedgerTotals, Total};
