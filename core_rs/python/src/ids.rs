//! The generator of ids, with the system's clock and randomness unless a test gives others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pycore_engine::IdSequence;
use pycore_vault::{Randomness, SystemRandom};
use pyo3::prelude::*;

/// Words asked for at once: a question to the system costs more than an id.
const WORDS: usize = 512;

/// Unpredictable words from the system, by the page.
#[derive(Default)]
struct Words(Vec<u64>);

impl Words {
    fn draw(&mut self) -> u64 {
        if self.0.is_empty() {
            let mut bytes = [0; WORDS * 8];
            SystemRandom::new().fill(&mut bytes);
            let (words, _) = bytes.as_chunks::<8>();
            self.0
                .extend(words.iter().map(|word| u64::from_le_bytes(*word)));
        }
        self.0.pop().expect("filled just now")
    }
}

#[derive(Default)]
struct State {
    sequence: IdSequence,
    words: Words,
}

/// Makes ids; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct IdGenerator {
    state: Mutex<State>,
    clock_ms: Option<Py<PyAny>>,
}

impl IdGenerator {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next id.
    pub fn next(&self, py: Python<'_>) -> PyResult<u128> {
        let now_ms = match &self.clock_ms {
            Some(clock) => clock.call0(py)?.extract(py)?,
            None => system_clock_ms(),
        };
        let State { sequence, words } = &mut *self.state();
        Ok(sequence.next(now_ms, |bits| {
            let number = u128::from(words.draw()) << 64 | u128::from(words.draw());
            number >> (128 - bits)
        }))
    }
}

#[pymethods]
impl IdGenerator {
    #[new]
    #[pyo3(signature = (clock_ms=None))]
    fn new(clock_ms: Option<Py<PyAny>>) -> Self {
        Self {
            state: Mutex::default(),
            clock_ms,
        }
    }

    fn new_id(&self, py: Python<'_>) -> PyResult<u128> {
        self.next(py)
    }

    fn forget_randomness(&self) {
        self.state().words.0.clear();
    }
}

#[allow(clippy::cast_possible_truncation)] // 48 bits suffice until the year 10889
fn system_clock_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
