//! What the tests share: a database that remembers projections, a ledger that is checked in every way at every batch,
//! and tables of events a bookkeeper can read.

mod checked_ledger;
mod database;
mod table;

pub(crate) use checked_ledger::CheckedLedger;
pub(crate) use table::{StatusesSeen, check_table};
