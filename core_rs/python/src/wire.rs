//! From request bytes to records and from records to response bytes, without a Python object per item.

use prost::Message;
use pycore_engine::{Account, CreateAccountStatus, CreateResult, CreateTransferStatus, Transfer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zerocopy::{FromBytes, IntoBytes};

use crate::buffer::{RECORD_SIZE, RESULT_SIZE, bytes_of, check_records};
use crate::messages::{self, Uint128};

/// The wire's number for `created`: an enum there has 32 signed bits, so the engine's 2^32 - 1 does not fit.
const CREATED_ON_WIRE: u32 = 2000;
const CREATED: u32 = u32::MAX;

const CREATE_ACCOUNTS: u8 = 1;

/// Returns the records of a message whose field 1 repeats `Account`.
#[pyfunction]
pub fn decode_accounts<'py>(
    py: Python<'py>,
    message: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let message = decode::<messages::Accounts>(message)?;
    packed(py, &message.accounts, account_record)
}

/// Returns the records of a message whose field 1 repeats `Transfer`.
#[pyfunction]
pub fn decode_transfers<'py>(
    py: Python<'py>,
    message: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let message = decode::<messages::Transfers>(message)?;
    packed(py, &message.transfers, transfer_record)
}

/// Returns the response message for packed results.
#[pyfunction]
pub fn encode_results<'py>(
    py: Python<'py>,
    results: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = bytes_of(results)?;
    check_records(&bytes, RESULT_SIZE)?;
    let results = records::<CreateResult>(&bytes)
        .map(|result| messages::CreateResult {
            timestamp: result.timestamp,
            status: if result.status == CREATED {
                CREATED_ON_WIRE
            } else {
                result.status
            },
        })
        .collect();
    Ok(encoded(py, &messages::CreateResults { results }))
}

/// Returns packed results of a create response.
#[pyfunction]
pub fn decode_results<'py>(
    py: Python<'py>,
    operation: u8,
    message: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    check_operation(operation)?;
    let message = decode::<messages::CreateResults>(message)?;
    packed(py, &message.results, |result| {
        let status = if result.status == CREATED_ON_WIRE {
            CREATED
        } else {
            result.status
        };
        let known = if operation == CREATE_ACCOUNTS {
            CreateAccountStatus::ALL
                .iter()
                .any(|known| *known as u32 == status)
        } else {
            CreateTransferStatus::ALL
                .iter()
                .any(|known| *known as u32 == status)
        };
        if known {
            Ok(CreateResult {
                timestamp: result.timestamp,
                status,
                reserved: 0,
            })
        } else {
            Err(format!(
                "status {} is none this client knows",
                result.status
            ))
        }
    })
}

/// Returns a message whose field 1 repeats `Account`.
#[pyfunction]
pub fn encode_accounts<'py>(
    py: Python<'py>,
    records: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = bytes_of(records)?;
    check_records(&bytes, RECORD_SIZE)?;
    let accounts = self::records::<Account>(&bytes)
        .map(|account| account_message(&account))
        .collect();
    Ok(encoded(py, &messages::Accounts { accounts }))
}

/// Returns a message whose field 1 repeats `Transfer`.
#[pyfunction]
pub fn encode_transfers<'py>(
    py: Python<'py>,
    records: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = bytes_of(records)?;
    check_records(&bytes, RECORD_SIZE)?;
    let transfers = self::records::<Transfer>(&bytes)
        .map(|transfer| transfer_message(&transfer))
        .collect();
    Ok(encoded(py, &messages::Transfers { transfers }))
}

fn decode<M: Message + Default>(bytes: &Bound<'_, PyAny>) -> PyResult<M> {
    M::decode(bytes_of(bytes)?.as_ref()).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn encoded<'py>(py: Python<'py>, message: &impl Message) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &message.encode_to_vec())
}

/// Returns the records in `bytes`, whose length has been checked.
fn records<R: FromBytes>(bytes: &[u8]) -> impl Iterator<Item = R> {
    bytes
        .chunks_exact(size_of::<R>())
        .map(|record| R::read_from_bytes(record).expect("a whole record"))
}

/// Returns the records of all items, back to back; an item that cannot be one is a ValueError with its index.
fn packed<'py, M, R: IntoBytes + zerocopy::Immutable>(
    py: Python<'py>,
    items: &[M],
    record: impl Fn(&M) -> Result<R, String>,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, items.len() * size_of::<R>(), |target| {
        for (index, (item, slot)) in items
            .iter()
            .zip(target.chunks_exact_mut(size_of::<R>()))
            .enumerate()
        {
            let record = record(item)
                .map_err(|cause| PyValueError::new_err(format!("item {index}: {cause}")))?;
            slot.copy_from_slice(record.as_bytes());
        }
        Ok(())
    })
}

fn check_operation(operation: u8) -> PyResult<()> {
    if matches!(operation, 1 | 2) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{operation} is no operation"
    )))
}

fn sixteen_bits(value: u32, field: &str) -> Result<u16, String> {
    u16::try_from(value).map_err(|_| format!("{field} is {value}, but must be less than 65536"))
}

fn account_record(message: &messages::Account) -> Result<Account, String> {
    Ok(Account {
        id: Uint128::number(message.id),
        debits_pending: Uint128::number(message.debits_pending),
        debits_posted: Uint128::number(message.debits_posted),
        credits_pending: Uint128::number(message.credits_pending),
        credits_posted: Uint128::number(message.credits_posted),
        user_data_128: Uint128::number(message.user_data_128),
        user_data_64: message.user_data_64,
        user_data_32: message.user_data_32,
        reserved: 0,
        ledger: message.ledger,
        code: sixteen_bits(message.code, "code")?,
        flags: sixteen_bits(message.flags, "flags")?,
        timestamp: message.timestamp,
    })
}

fn transfer_record(message: &messages::Transfer) -> Result<Transfer, String> {
    Ok(Transfer {
        id: Uint128::number(message.id),
        debit_account_id: Uint128::number(message.debit_account_id),
        credit_account_id: Uint128::number(message.credit_account_id),
        amount: Uint128::number(message.amount),
        pending_id: Uint128::number(message.pending_id),
        user_data_128: Uint128::number(message.user_data_128),
        user_data_64: message.user_data_64,
        user_data_32: message.user_data_32,
        timeout: message.timeout,
        ledger: message.ledger,
        code: sixteen_bits(message.code, "code")?,
        flags: sixteen_bits(message.flags, "flags")?,
        timestamp: message.timestamp,
    })
}

fn account_message(account: &Account) -> messages::Account {
    messages::Account {
        id: Uint128::of(account.id),
        debits_pending: Uint128::of(account.debits_pending),
        debits_posted: Uint128::of(account.debits_posted),
        credits_pending: Uint128::of(account.credits_pending),
        credits_posted: Uint128::of(account.credits_posted),
        user_data_128: Uint128::of(account.user_data_128),
        user_data_64: account.user_data_64,
        user_data_32: account.user_data_32,
        ledger: account.ledger,
        code: account.code.into(),
        flags: account.flags.into(),
        timestamp: account.timestamp,
    }
}

fn transfer_message(transfer: &Transfer) -> messages::Transfer {
    messages::Transfer {
        id: Uint128::of(transfer.id),
        debit_account_id: Uint128::of(transfer.debit_account_id),
        credit_account_id: Uint128::of(transfer.credit_account_id),
        amount: Uint128::of(transfer.amount),
        pending_id: Uint128::of(transfer.pending_id),
        user_data_128: Uint128::of(transfer.user_data_128),
        user_data_64: transfer.user_data_64,
        user_data_32: transfer.user_data_32,
        timeout: transfer.timeout,
        ledger: transfer.ledger,
        code: transfer.code.into(),
        flags: transfer.flags.into(),
        timestamp: transfer.timestamp,
    }
}
