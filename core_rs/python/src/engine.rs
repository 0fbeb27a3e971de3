//! The engine behind a mutex, its methods one to one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_engine::{
    Account, Ledger, LedgerOptions, LedgerTotals, ReplayError, Total,
    journal::{self, BodyError},
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zerocopy::IntoBytes;

use crate::batch::Batch;
use crate::buffer::{RECORD_SIZE, array_of, bytes_of};
use crate::input::{PyColdRecord, PyUnits, cold_record, filter_of, hold, units_of};
use crate::projection::{ChunkSummary, Projection};

pyo3::create_exception!(
    _core,
    BodyVersionError,
    PyValueError,
    "A journal body of a format this build does not know."
);

/// Fewer events are applied faster than the interpreter lock can be taken back.
const DETACH_EVENTS: usize = 256;

/// What one batch may hold.
const EVENTS_MAX: usize = 8190;

type PyTotals<'py> = (
    u32,
    u64,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);

/// The deterministic ledger; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct Engine {
    ledger: Mutex<Ledger>,
}

impl Engine {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A panic aborts the process in the builds we ship; in others the state is unknown and must not be used.
        self.ledger
            .lock()
            .unwrap_or_else(|_: PoisonError<_>| panic!("the engine panicked before"))
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, chunk_size = 1 << 20, accounts_capacity = 0))]
    fn new(chunk_size: u64, accounts_capacity: usize) -> PyResult<Self> {
        if !chunk_size.is_power_of_two() {
            return Err(PyValueError::new_err(format!(
                "chunk_size is {chunk_size}, but must be a power of two"
            )));
        }
        let options = LedgerOptions {
            chunk_size,
            accounts_capacity,
            batch_events_max: EVENTS_MAX as u32,
        };
        Ok(Self {
            ledger: Mutex::new(Ledger::new(options)),
        })
    }

    fn cold_ids(&self, units: PyUnits<'_>) -> PyResult<Vec<u128>> {
        let held = hold(&units)?;
        Ok(self.ledger().cold_ids(&units_of(&held)?))
    }

    fn cold_moments(&self, units: PyUnits<'_>) -> PyResult<Vec<u64>> {
        let held = hold(&units)?;
        Ok(self.ledger().cold_moments(&units_of(&held)?))
    }

    #[pyo3(signature = (units, now, cold = None))]
    fn apply(
        &self,
        py: Python<'_>,
        units: PyUnits<'_>,
        now: u64,
        cold: Option<Vec<PyColdRecord<'_>>>,
    ) -> PyResult<Batch> {
        let held = hold(&units)?;
        let units = units_of(&held)?;
        let cold = cold
            .unwrap_or_default()
            .iter()
            .map(cold_record)
            .collect::<PyResult<Vec<_>>>()?;
        let events: usize = units
            .iter()
            .map(|unit| unit.records.len() / RECORD_SIZE)
            .sum();
        if events > EVENTS_MAX {
            return Err(PyValueError::new_err(format!(
                "{events} events in one batch; the most is {EVENTS_MAX}"
            )));
        }
        if self.ledger().in_flight() {
            return Err(PyRuntimeError::new_err(
                "a batch is in flight: commit or roll back first",
            ));
        }
        let work = || {
            let applied = self.ledger().apply(&units, now, &cold);
            let body = journal::encode_body(&units, &applied);
            (applied, body)
        };
        let (applied, body) = if events >= DETACH_EVENTS {
            py.detach(work)
        } else {
            work()
        };
        Ok(Batch::new(py, &applied, &body))
    }

    fn commit(&self) {
        self.ledger().commit();
    }

    fn rollback(&self) {
        self.ledger().rollback();
    }

    #[getter]
    fn in_flight(&self) -> bool {
        self.ledger().in_flight()
    }

    #[getter]
    fn next_expiry(&self) -> Option<u64> {
        self.ledger().next_expiry()
    }

    #[getter]
    fn last_timestamp(&self) -> u64 {
        self.ledger().last_timestamp()
    }

    #[getter]
    fn sequence_next(&self) -> u64 {
        self.ledger().sequence_next()
    }

    #[getter]
    fn accounts_count(&self) -> usize {
        self.ledger().accounts_len()
    }

    #[getter]
    fn open_holds_count(&self) -> u64 {
        self.ledger().open_holds_len()
    }

    #[getter]
    fn window_first_sequence(&self) -> u64 {
        self.ledger().window_first_sequence()
    }

    #[getter]
    fn window_first_timestamp(&self) -> Option<u64> {
        self.ledger().window_first_timestamp()
    }

    fn lookup_accounts<'py>(&self, py: Python<'py>, ids: Vec<u128>) -> Bound<'py, PyBytes> {
        let ledger = self.ledger();
        let found: Vec<Account> = ids
            .into_iter()
            .filter_map(|id| ledger.account(id))
            .collect();
        PyBytes::new(py, found.as_bytes())
    }

    fn lookup_transfer<'py>(&self, py: Python<'py>, id: u128) -> Option<(Bound<'py, PyBytes>, u8)> {
        let (transfer, outcome) = self.ledger().transfer(id)?;
        Some((PyBytes::new(py, transfer.as_bytes()), outcome as u8))
    }

    fn account_transfers<'py>(
        &self,
        py: Python<'py>,
        filter: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let found = self.ledger().account_transfers(&filter_of(filter)?);
        Ok(PyBytes::new(py, found.as_bytes()))
    }

    fn account_balances<'py>(
        &self,
        py: Python<'py>,
        filter: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let found = self.ledger().account_balances(&filter_of(filter)?);
        Ok(PyBytes::new(py, found.as_bytes()))
    }

    fn trial_balance<'py>(&self, py: Python<'py>) -> PyResult<Vec<PyTotals<'py>>> {
        let number = |total: &Total| wide(py, total.high, total.low);
        let totals = self.ledger().trial_balance();
        let row = |row: &LedgerTotals| -> PyResult<PyTotals<'py>> {
            let (debits_pending, debits_posted) =
                (number(&row.debits_pending)?, number(&row.debits_posted)?);
            let (credits_pending, credits_posted) =
                (number(&row.credits_pending)?, number(&row.credits_posted)?);
            Ok((
                row.ledger,
                row.accounts,
                debits_pending,
                debits_posted,
                credits_pending,
                credits_posted,
            ))
        };
        totals.iter().map(row).collect()
    }

    fn check_invariants(&self) -> PyResult<()> {
        self.ledger()
            .check_invariants()
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn state_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.ledger().state_hash()))
    }

    fn take_projection(&self, py: Python<'_>) -> Option<Projection> {
        let projection = py.detach(|| self.ledger().take_projection())?;
        Some(Projection::new(py, &projection))
    }

    fn transfer_rows<'py>(
        &self,
        py: Python<'py>,
        first: u64,
        end: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ledger = self.ledger();
        if first < ledger.window_first_sequence() || end > ledger.sequence_next() {
            return Err(PyValueError::new_err(format!(
                "sequences {first} to {end} are not all in memory"
            )));
        }
        Ok(PyBytes::new(py, &ledger.transfer_rows(first..end)))
    }

    fn seal_chunk(&self, py: Python<'_>, chunk: u64) -> ChunkSummary {
        py.detach(|| self.ledger().seal_chunk(chunk)).into()
    }

    fn evict_chunk(&self, py: Python<'_>, chunk: u64) {
        py.detach(|| self.ledger().evict_chunk(chunk));
    }

    fn load_accounts(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.ledger()
            .load_accounts(&bytes_of(data)?)
            .map_err(load_error)
    }

    fn load_open_holds(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.ledger()
            .load_open_holds(&bytes_of(data)?)
            .map_err(load_error)
    }

    fn load_transfers(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.ledger()
            .load_transfers(&bytes_of(data)?)
            .map_err(load_error)
    }

    #[pyo3(signature = (*, sequence_next, last_timestamp, last_transfer_timestamp, id_time_max_ms))]
    fn finish_load(
        &self,
        sequence_next: u64,
        last_timestamp: u64,
        last_transfer_timestamp: u64,
        id_time_max_ms: u64,
    ) -> PyResult<()> {
        self.ledger()
            .finish_load(
                sequence_next,
                last_timestamp,
                last_transfer_timestamp,
                id_time_max_ms,
            )
            .map_err(load_error)
    }

    fn replay(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        results_digest: &Bound<'_, PyAny>,
    ) -> PyResult<Batch> {
        let body = bytes_of(body)?;
        let digest = array_of(results_digest, "the results digest")?;
        let applied = py
            .detach(|| self.ledger().replay(&body, &digest))
            .map_err(replay_error)?;
        Ok(Batch::new(py, &applied, &body))
    }
}

/// Returns the Python error for a body that cannot be read.
pub fn body_error(error: BodyError) -> PyErr {
    match error {
        BodyError::UnknownVersion(_) => BodyVersionError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

fn replay_error(error: ReplayError) -> PyErr {
    match error {
        ReplayError::Body(error) => body_error(error),
        other => PyValueError::new_err(other.to_string()),
    }
}

fn load_error(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Returns a sum of more than 128 bits as a Python int.
fn wide<'py>(py: Python<'py>, high: u64, low: u128) -> PyResult<Bound<'py, PyAny>> {
    let low = low.into_pyobject(py)?.into_any();
    if high == 0 {
        return Ok(low);
    }
    high.into_pyobject(py)?
        .into_any()
        .call_method1("__lshift__", (128,))?
        .add(low)
}
