//! What became of one batch.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zerocopy::IntoBytes;

/// One applied, not yet durable batch.
#[pyclass(frozen, get_all, module = "pycore._core")]
pub struct Batch {
    timestamp: u64,
    body: Py<PyBytes>,
    results: Py<PyBytes>,
    results_digest: Py<PyBytes>,
    event_count: usize,
    transfers_created: u32,
    expired: u32,
}

impl Batch {
    /// Returns the Python face of an applied batch.
    pub fn new(py: Python<'_>, applied: &pycore_engine::AppliedBatch, body: &[u8]) -> Self {
        Self {
            timestamp: applied.timestamp,
            body: PyBytes::new(py, body).unbind(),
            results: PyBytes::new(py, applied.results.as_bytes()).unbind(),
            results_digest: PyBytes::new(py, &applied.results_digest).unbind(),
            event_count: applied.results.len(),
            transfers_created: applied.transfers_created,
            expired: applied.expired,
        }
    }
}
