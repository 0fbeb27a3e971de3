//! The functions that need no engine: the chain's hash, a body's content, the catalogue of result codes.

use std::collections::BTreeMap;

use pycore_engine::{CreateAccountStatus, CreateTransferStatus, journal};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{array_of, bytes_of};
use crate::engine::body_error;

/// An operation and its records.
type PyUnit<'py> = (u8, Bound<'py, PyBytes>);

/// Returns the keyed hash that links a journal row to the one before it.
#[pyfunction]
pub fn chain_hash<'py>(
    py: Python<'py>,
    key: &Bound<'py, PyAny>,
    prev_hash: &Bound<'py, PyAny>,
    lsn: u64,
    epoch: u64,
    body: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (key, prev_hash) = (
        array_of(key, "the key")?,
        array_of(prev_hash, "the previous hash")?,
    );
    Ok(PyBytes::new(
        py,
        &journal::chain_hash(&key, &prev_hash, lsn, epoch, &bytes_of(body)?),
    ))
}

/// Returns a value that tells keys apart without telling the key.
#[pyfunction]
pub fn key_check<'py>(py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(
        py,
        &journal::key_check(&array_of(key, "the key")?),
    ))
}

/// Returns a journal body's timestamp and units.
#[pyfunction]
pub fn decode_body<'py>(
    py: Python<'py>,
    body: &Bound<'py, PyAny>,
) -> PyResult<(u64, Vec<PyUnit<'py>>)> {
    let body = journal::decode_body(&bytes_of(body)?).map_err(body_error)?;
    let units = body
        .units()
        .iter()
        .map(|unit| (unit.operation as u8, PyBytes::new(py, unit.records)))
        .collect();
    Ok((body.timestamp, units))
}

/// Returns every result code of `create_accounts` by name.
#[pyfunction]
pub fn account_status_names() -> BTreeMap<&'static str, u32> {
    CreateAccountStatus::ALL
        .iter()
        .map(|status| (status.name(), *status as u32))
        .collect()
}

/// Returns every result code of `create_transfers` by name.
#[pyfunction]
pub fn transfer_status_names() -> BTreeMap<&'static str, u32> {
    CreateTransferStatus::ALL
        .iter()
        .map(|status| (status.name(), *status as u32))
        .collect()
}
