//! `pycore._core`: engine and vault as Python sees them. This crate only converts; what it converts is in
//! `pycore-engine` and `pycore-vault`, which never hear of Python.

mod balance_accounts;
mod balance_counter;
mod batch;
mod buffer;
mod card;
mod engine;
mod functions;
mod ids;
mod input;
mod messages;
mod new_payment;
mod payment_batch;
mod payment_claims;
mod payment_messages;
mod payment_request;
mod projection;
mod rate_limit;
mod routing;
mod rows;
mod vault;
mod vault_key;
mod wire;

use pyo3::prelude::*;

/// The compiled core of pycore; `pycore/_core.pyi` documents every name.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::balance_accounts::BalanceAccounts;
    #[pymodule_export]
    use crate::balance_counter::BalanceCounter;
    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::card::{
        CardNumber, VerificationValue, find_card_numbers, find_possible_card_numbers,
        mask_card_numbers,
    };
    #[pymodule_export]
    use crate::engine::{BodyVersionError, Engine};
    #[pymodule_export]
    use crate::functions::{
        account_status_names, chain_hash, decode_body, key_check, transfer_status_names,
    };
    #[pymodule_export]
    use crate::ids::IdGenerator;
    #[pymodule_export]
    use crate::new_payment::{NewPayment, read_payment, read_payments};
    #[pymodule_export]
    use crate::payment_batch::{
        decide_payments, expect_payments, payments_recorded, recall_arguments, write_payments,
    };
    #[pymodule_export]
    use crate::payment_claims::PaymentClaims;
    #[pymodule_export]
    use crate::payment_request::check_confirmation;
    #[pymodule_export]
    use crate::projection::{ChunkSummary, Projection};
    #[pymodule_export]
    use crate::rate_limit::{Quota, RateLimiter};
    #[pymodule_export]
    use crate::routing::{Router, RoutingPolicy, RuleTextError, routing_reason_names};
    #[pymodule_export]
    use crate::rows::RowBuffer;
    #[pymodule_export]
    use crate::vault::Keyring;
    #[pymodule_export]
    use crate::vault_key::{BlindIndex, OpenError, SealError, SubjectKey, WrappedKey};
    #[pymodule_export]
    use crate::wire::{
        decode_accounts, decode_results, decode_transfers, encode_accounts, encode_results,
        encode_transfers,
    };

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("RECORD_SIZE", crate::buffer::RECORD_SIZE)?;
        module.add("RESULT_SIZE", crate::buffer::RESULT_SIZE)
    }
}
