//! What the projector writes, as ready buffers.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Everything committed since the last projection but the rows of transfers, as PostgreSQL binary COPY buffers.
#[pyclass(frozen, get_all, module = "pycore._core")]
pub struct Projection {
    first_sequence: u64,
    sequence_next: u64,
    last_timestamp: u64,
    last_transfer_timestamp: u64,
    id_time_max_ms: u64,
    accounts: Py<PyBytes>,
    holds_opened: Py<PyBytes>,
    holds_closed: Py<PyBytes>,
    failures: Py<PyBytes>,
    balances: Py<PyBytes>,
}

impl Projection {
    /// Returns the Python face of a projection.
    pub fn new(py: Python<'_>, projection: &pycore_engine::Projection) -> Self {
        let bytes = |buffer: &[u8]| PyBytes::new(py, buffer).unbind();
        Self {
            first_sequence: projection.first_sequence,
            sequence_next: projection.sequence_next,
            last_timestamp: projection.last_timestamp,
            last_transfer_timestamp: projection.last_transfer_timestamp,
            id_time_max_ms: projection.id_time_max_ms,
            accounts: bytes(&projection.accounts),
            holds_opened: bytes(&projection.holds_opened),
            holds_closed: bytes(&projection.holds_closed),
            failures: bytes(&projection.failures),
            balances: bytes(&projection.balances),
        }
    }
}

/// What tells whether an id or a time can be inside a chunk.
#[pyclass(frozen, get_all, module = "pycore._core")]
pub struct ChunkSummary {
    first_timestamp: u64,
    last_timestamp: u64,
    id_time_min_ms: u64,
    id_time_max_ms: u64,
    has_implausible_ids: bool,
}

impl From<pycore_engine::ChunkSummary> for ChunkSummary {
    fn from(summary: pycore_engine::ChunkSummary) -> Self {
        Self {
            first_timestamp: summary.first_timestamp,
            last_timestamp: summary.last_timestamp,
            id_time_min_ms: summary.id_time_min_ms,
            id_time_max_ms: summary.id_time_max_ms,
            has_implausible_ids: summary.has_implausible_ids,
        }
    }
}
