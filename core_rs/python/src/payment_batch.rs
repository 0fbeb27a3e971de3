//! What is done for many new payments at once.

use std::collections::BTreeMap;

use pycore_engine::{CreateResult, FieldError};
use pycore_payments::{put_event, put_payment};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use zerocopy::FromBytes;

use crate::buffer::{RESULT_SIZE, bytes_of, check_records};
use crate::ids::IdGenerator;
use crate::new_payment::NewPayment;
use crate::rows::RowBuffer;

/// What the database is asked about payments: merchants, modes, keys, references.
type Recalled<'py> = (
    Bound<'py, PyList>,
    Bound<'py, PyList>,
    Bound<'py, PyList>,
    Bound<'py, PyList>,
);

/// Returns what the database is asked about payments.
#[pyfunction]
pub fn recall_arguments<'py>(
    py: Python<'py>,
    payments: Vec<PyRef<'py, NewPayment>>,
) -> PyResult<Recalled<'py>> {
    let empty = || PyList::empty(py);
    let (merchants, modes, keys, references) = (empty(), empty(), empty(), empty());
    let mut merchant: Option<(u128, Bound<'py, PyString>)> = None;
    for each in &payments {
        let payment = &each.payment;
        let id = payment.tenant.merchant_id;
        let text = match merchant.take() {
            Some((known, text)) if known == id => text,
            _ => PyString::new(py, &format!("{id:032x}")),
        };
        merchants.append(&text)?;
        merchant = Some((id, text));
        modes.append(payment.tenant.live)?;
        keys.append(&payment.key)?;
        references.append(&payment.request.merchant_reference)?;
    }
    Ok((merchants, modes, keys, references))
}

/// Takes that the transfers of payments will be made, as nearly all are.
#[pyfunction]
pub fn expect_payments(mut payments: Vec<PyRefMut<'_, NewPayment>>) {
    for each in &mut payments {
        each.payment.expect();
    }
}

/// Takes what became of the transfers of payments; returns whether one is decided otherwise than it was before.
#[pyfunction]
pub fn decide_payments(
    mut payments: Vec<PyRefMut<'_, NewPayment>>,
    results: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let results = bytes_of(results)?;
    check_records(&results, RESULT_SIZE)?;
    if results.len() != payments.len() * RESULT_SIZE {
        return Err(PyValueError::new_err("each payment needs its result"));
    }
    let mut changed = false;
    for (each, result) in payments.iter_mut().zip(results.chunks_exact(RESULT_SIZE)) {
        let result = CreateResult::read_from_bytes(result).expect("a whole record");
        changed |= each.payment.decide(result.status).map_err(|status| {
            PyValueError::new_err(format!(
                "a payment's transfer cannot end with status {status}"
            ))
        })?;
    }
    Ok(changed)
}

/// Notes that payments are durable, and returns how many of each status there are.
#[pyfunction]
pub fn payments_recorded(
    mut payments: Vec<PyRefMut<'_, NewPayment>>,
) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for each in &mut payments {
        each.is_recorded = true;
        *counts.entry(each.payment.status.name()).or_default() += 1;
    }
    counts
}

/// Writes the rows of payments and of their events.
#[pyfunction]
pub fn write_payments(
    py: Python<'_>,
    mut payments: Vec<PyRefMut<'_, NewPayment>>,
    ids: &IdGenerator,
    payment_rows: &RowBuffer,
    event_rows: &RowBuffer,
) -> PyResult<()> {
    let event_ids = payments
        .iter()
        .map(|_| ids.next(py))
        .collect::<PyResult<Vec<u128>>>()?;
    let (mut made, mut events) = (payment_rows.buffer(), event_rows.buffer());
    for (each, event_id) in payments.iter_mut().zip(event_ids) {
        let reply = each.payment.json();
        put_payment(&mut made, &each.payment)
            .and_then(|()| put_event(&mut events, event_id, &each.payment, &reply))
            .map_err(unfit)?;
        each.reply = Some(reply);
    }
    Ok(())
}

fn unfit(error: FieldError) -> PyErr {
    PyValueError::new_err(match error {
        FieldError::Type => "a value of a payment is of a type that its column has not",
        FieldError::Range => "a value of a payment does not fit its column",
        FieldError::Text => "a value of a payment holds U+0000",
    })
}
