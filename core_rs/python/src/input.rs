//! What Python hands the engine: requests, cold records, filters.

use std::borrow::Cow;

use pycore_engine::{AccountFilter, ColdRecord, HoldOutcome, Operation, Transfer, Unit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use zerocopy::FromBytes;

use crate::buffer::{RECORD_SIZE, array_of, bytes_of};

const COLD_FAILED: u8 = 1;
const COLD_TRANSFER: u8 = 2;
const COLD_MOMENT: u8 = 3;

/// Requests in order: operation and records.
pub type PyUnits<'py> = Vec<(u8, Bound<'py, PyAny>)>;
/// Kind, outcome, record, record of the hold.
pub type PyColdRecord<'py> = (u8, u8, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// Returns the bytes behind the records, held for as long as they are read.
pub fn hold<'a>(units: &'a PyUnits<'_>) -> PyResult<Vec<(u8, Cow<'a, [u8]>)>> {
    units
        .iter()
        .map(|(operation, records)| Ok((*operation, bytes_of(records)?)))
        .collect()
}

/// Returns the units, each with one or more whole records.
pub fn units_of<'a>(held: &'a [(u8, Cow<'a, [u8]>)]) -> PyResult<Vec<Unit<'a>>> {
    held.iter()
        .map(|(operation, records)| unit_of(*operation, records))
        .collect()
}

fn unit_of(operation: u8, records: &[u8]) -> PyResult<Unit<'_>> {
    let operation = Operation::from_code(operation)
        .ok_or_else(|| PyValueError::new_err(format!("{operation} is no operation")))?;
    if records.is_empty() || !records.len().is_multiple_of(RECORD_SIZE) {
        return Err(PyValueError::new_err(format!(
            "a request has {} bytes, but must have one or more {RECORD_SIZE}-byte records",
            records.len()
        )));
    }
    Ok(Unit { operation, records })
}

/// Returns what the database knew of an id or of a moment.
pub fn cold_record((kind, outcome, record, pending): &PyColdRecord<'_>) -> PyResult<ColdRecord> {
    match *kind {
        COLD_FAILED => Ok(ColdRecord::Failed {
            id: u128::from_le_bytes(array_of(record, "an id")?),
        }),
        COLD_TRANSFER => Ok(ColdRecord::Transfer {
            record: transfer_of(record)?,
            outcome: HoldOutcome::from_code(*outcome).ok_or_else(|| {
                PyValueError::new_err(format!("{outcome} is no outcome of a hold"))
            })?,
            pending: pending.as_ref().map(transfer_of).transpose()?,
        }),
        COLD_MOMENT => Ok(ColdRecord::Moment {
            timestamp: u64::from_le_bytes(array_of(record, "a timestamp")?),
        }),
        _ => Err(PyValueError::new_err(format!(
            "{kind} is no kind of cold record"
        ))),
    }
}

fn transfer_of(record: &Bound<'_, PyAny>) -> PyResult<Transfer> {
    Ok(
        Transfer::read_from_bytes(&array_of::<RECORD_SIZE>(record, "a transfer")?)
            .expect("a whole record"),
    )
}

/// Returns the filter in a 128-byte record (layout: TigerBeetle's public `AccountFilter`).
pub fn filter_of(record: &Bound<'_, PyAny>) -> PyResult<AccountFilter> {
    let bytes = array_of::<RECORD_SIZE>(record, "an account filter")?;
    let number = |at: usize, size: usize| {
        let mut wide = [0; 16];
        wide[..size].copy_from_slice(&bytes[at..at + size]);
        u128::from_le_bytes(wide)
    };
    let flags = bytes[124];
    #[allow(clippy::cast_possible_truncation)] // each number has just the bytes of its field
    Ok(AccountFilter {
        account_id: number(0, 16),
        user_data_128: number(16, 16),
        user_data_64: number(32, 8) as u64,
        user_data_32: number(40, 4) as u32,
        code: number(44, 2) as u16,
        timestamp_min: number(104, 8) as u64,
        timestamp_max: number(112, 8) as u64,
        limit: number(120, 4) as u32,
        debits: flags & 1 != 0,
        credits: flags & 2 != 0,
        reversed: flags & 4 != 0,
    })
}
