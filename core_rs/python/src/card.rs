//! Card numbers and verification values as Python objects that show a mask and are never written out.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pycore_vault as vault;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyString};
use zeroize::Zeroizing;

/// A card number; see `pycore/_core.pyi`.
#[pyclass(frozen, eq, module = "pycore._core")]
#[derive(PartialEq)]
pub struct CardNumber(pub vault::CardNumber);

#[pymethods]
impl CardNumber {
    #[new]
    fn new(digits: &str) -> PyResult<Self> {
        vault::CardNumber::parse(digits)
            .map(Self)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn reveal(&self) -> &str {
        self.0.reveal()
    }

    #[getter]
    fn bin(&self) -> &str {
        self.0.bin()
    }

    #[getter]
    fn last_four(&self) -> &str {
        self.0.last_four()
    }

    #[getter]
    fn masked(&self) -> String {
        self.0.masked()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a card number is not written out"))
    }
}

/// A verification value that can be taken once; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct VerificationValue(Mutex<Option<vault::VerificationValue>>);

#[pymethods]
impl VerificationValue {
    #[new]
    fn new(digits: &Bound<'_, PyAny>) -> PyResult<Self> {
        let copy = if let Ok(buffer) = digits.cast::<PyByteArray>() {
            let copy = buffer.to_vec();
            for place in 0..buffer.len() {
                buffer.set_item(place, 0)?;
            }
            copy
        } else {
            digits.cast::<PyString>()?.to_str()?.as_bytes().to_vec()
        };
        vault::VerificationValue::parse(&Zeroizing::new(copy))
            .map(|value| Self(Mutex::new(Some(value))))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn take(&self) -> PyResult<String> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value
            .map(|value| value.use_once(str::to_owned))
            .ok_or_else(|| PyValueError::new_err("the verification value was used before"))
    }

    fn __repr__(&self) -> &'static str {
        "VerificationValue(…)"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a verification value is never written out or copied",
        ))
    }
}

/// Returns where (in characters) a text holds card numbers.
#[pyfunction]
pub fn find_card_numbers(text: &str) -> Vec<(usize, usize)> {
    in_characters(text, vault::find_card_numbers(text))
}

/// Returns where (in characters) there may be card numbers.
#[pyfunction]
pub fn find_possible_card_numbers(text: &str) -> Vec<(usize, usize)> {
    in_characters(text, vault::find_possible_card_numbers(text))
}

fn in_characters(text: &str, found: Vec<Range<usize>>) -> Vec<(usize, usize)> {
    let characters = |bytes: usize| text[..bytes].chars().count();
    found
        .into_iter()
        .map(|found| (characters(found.start), characters(found.end)))
        .collect()
}

/// Returns the text with every card number masked.
#[pyfunction]
pub fn mask_card_numbers(text: &str) -> String {
    vault::mask_card_numbers(text).into_owned()
}
