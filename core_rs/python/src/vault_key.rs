//! The keys a keyring hands out, the blind index, and what they refuse.

use pycore_vault::{
    BlindIndex as Index, Context, Purpose, SystemRandom, WrappedKey as Wrapped, card_index,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::card::CardNumber;

pyo3::create_exception!(
    _core,
    OpenError,
    PyValueError,
    "A sealed value or wrapped key that cannot be opened; why is not told."
);
pyo3::create_exception!(
    _core,
    SealError,
    PyValueError,
    "A value that was not sealed."
);

/// A key as it is stored; see `pycore/_core.pyi`.
#[pyclass(frozen, eq, module = "pycore._core")]
#[derive(PartialEq)]
pub struct WrappedKey(pub Wrapped);

#[pymethods]
impl WrappedKey {
    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        Wrapped::from_bytes(data).map(Self).map_err(open_error)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_bytes())
    }

    #[getter]
    fn id(&self) -> u128 {
        self.0.id()
    }

    #[getter]
    fn kind(&self) -> u8 {
        self.0.kind() as u8
    }

    #[getter]
    fn algorithm(&self) -> u8 {
        self.0.algorithm() as u8
    }

    #[getter]
    fn state(&self) -> u8 {
        self.0.state() as u8
    }

    #[getter]
    fn wrapped_under(&self) -> Option<u128> {
        self.0.wrapped_under()
    }

    fn __repr__(&self) -> String {
        format!(
            "WrappedKey({:?}, {:?}, {:032x})",
            self.0.kind(),
            self.0.state(),
            self.0.id()
        )
    }
}

/// A person's key; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct SubjectKey {
    pub key: pycore_vault::SubjectKey,
    pub random: SystemRandom,
}

#[pymethods]
impl SubjectKey {
    #[getter]
    fn state(&self) -> u8 {
        self.key.state() as u8
    }

    fn seal<'py>(
        &self,
        py: Python<'py>,
        value: &[u8],
        tenant: &str,
        field: &str,
        record: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let context = context_of(tenant, field, record);
        let sealed = self.key.seal(value, &context, &self.random);
        Ok(PyBytes::new(py, &sealed.map_err(seal_error)?))
    }

    #[pyo3(signature = (sealed, tenant, field, record, *, legal_duty = false))]
    fn open<'py>(
        &self,
        py: Python<'py>,
        sealed: &[u8],
        tenant: &str,
        field: &str,
        record: &str,
        legal_duty: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let context = context_of(tenant, field, record);
        let purpose = if legal_duty {
            Purpose::LegalDuty
        } else {
            Purpose::Service
        };
        let opened = self.key.open(sealed, &context, purpose);
        Ok(PyBytes::new(py, &opened.map_err(open_error)?))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.key)
    }
}

/// What finds sealed values; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct BlindIndex(pub Index);

#[pymethods]
impl BlindIndex {
    fn index<'py>(
        &self,
        py: Python<'py>,
        tenant: &str,
        field: &str,
        normal: &[u8],
    ) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.index(tenant, field, normal))
    }

    fn card<'py>(&self, py: Python<'py>, tenant: &str, card: &CardNumber) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &card_index(&card.0, tenant, &self.0))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Returns where a value belongs.
pub fn context_of<'a>(tenant: &'a str, field: &'a str, record: &'a str) -> Context<'a> {
    Context {
        tenant,
        field,
        record,
    }
}

/// Returns the Python error for what cannot be opened.
pub fn open_error(error: pycore_vault::OpenError) -> PyErr {
    OpenError::new_err(error.to_string())
}

/// Returns the Python error for what was not sealed.
pub fn seal_error(error: pycore_vault::SealError) -> PyErr {
    SealError::new_err(error.to_string())
}
