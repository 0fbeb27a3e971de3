//! The rules of the ledger as tables; see [`crate::testing`] for how to read them. Every batch of every table is also
//! rolled back, replayed, projected, evicted and recovered on the way.

mod accounts;
mod chains;
mod closing;
mod exists;
mod holds;
mod imported;
mod limits;
mod transfers;

use crate::status::{CreateAccountStatus, CreateTransferStatus};
use crate::testing::{StatusesSeen, check_table};

macro_rules! tables {
    ($($name:ident: $table:path,)*) => {
        $(#[test] fn $name() { check_table($table, &mut StatusesSeen::default()); })*

        const ALL: &[&str] = &[$($table,)*];
    };
}

tables! {
    create_account: accounts::CREATE,
    account_exists: accounts::EXISTS,
    plain_transfer: transfers::PLAIN,
    invalid_transfer: transfers::INVALID,
    failed_ids_fail_for_ever: transfers::FAILED_FOR_EVER,
    ids_from_the_future: transfers::FUTURE,
    same_id_twice_in_a_request: transfers::TWICE,
    balancing: transfers::BALANCING,
    limits: limits::LIMITS,
    overflows: limits::OVERFLOWS,
    overflows_of_holds: limits::OVERFLOWS_OF_HOLDS,
    overflows_timeout: limits::OVERFLOWS_TIMEOUT,
    post_and_void: holds::POST_AND_VOID,
    invalid_post_and_void: holds::INVALID,
    expiry: holds::EXPIRY,
    expiry_order: holds::EXPIRY_ORDER,
    plain_exists: exists::PLAIN,
    balancing_exists: exists::BALANCING,
    post_exists: exists::POST,
    void_exists: exists::VOID,
    chains: chains::CHAINS,
    chains_of_accounts: chains::ACCOUNTS,
    chains_of_holds: chains::HOLDS,
    chains_remember_only_what_failed: chains::FAILURES,
    closing: closing::CLOSING,
    imported_accounts: imported::ACCOUNTS,
    imported_transfers: imported::TRANSFERS,
}

#[test]
fn every_result_code_is_reached() {
    let mut seen = StatusesSeen::default();
    ALL.iter().for_each(|table| check_table(table, &mut seen));
    let missing =
        CreateAccountStatus::ALL.iter().map(|status| status.name()).filter(|name| !seen.accounts.contains(name));
    // The tables ask as domains do; these are told to strangers only.
    assert_eq!(missing.collect::<Vec<_>>(), ["code_belongs_to_a_domain"]);
    let missing =
        CreateTransferStatus::ALL.iter().map(|status| status.name()).filter(|name| !seen.transfers.contains(name));
    let to_strangers = ["debit_account_belongs_to_a_domain", "credit_account_belongs_to_a_domain"];
    assert_eq!(missing.collect::<Vec<_>>(), to_strangers);
}
