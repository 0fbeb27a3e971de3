//! The keyring, its methods one to one.

use pycore_vault::{
    Algorithm, Keyring as Keys, KeyringError, Owner, Secret, SystemRandom, detokenise, tokenise,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;

use crate::card::CardNumber;
use crate::vault_key::{BlindIndex, SubjectKey, WrappedKey, context_of, open_error, seal_error};

/// Fewer items are sealed or opened faster than the interpreter lock can be taken back.
const DETACH_ITEMS: usize = 64;

/// A value or sealed value, its tenant, field and record.
type PyItem = (PyBackedBytes, PyBackedStr, PyBackedStr, PyBackedStr);

/// The keys of a process; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct Keyring {
    keys: Keys,
    random: SystemRandom,
}

#[pymethods]
impl Keyring {
    #[new]
    fn new(key_encryption_keys: Vec<PyBackedBytes>, algorithm: u8) -> PyResult<Self> {
        let random = SystemRandom::new();
        let algorithm = Algorithm::from_code(algorithm)
            .ok_or_else(|| PyValueError::new_err(format!("{algorithm} is no algorithm")))?;
        let keys = Keys::new(secrets_of(&key_encryption_keys)?, algorithm, &random)
            .map_err(keyring_error)?;
        Ok(Self { keys, random })
    }

    fn replace_key_encryption_keys(&self, key_encryption_keys: Vec<PyBackedBytes>) -> PyResult<()> {
        self.keys
            .replace_key_encryption_keys(secrets_of(&key_encryption_keys)?)
            .map_err(keyring_error)
    }

    #[getter]
    fn key_encryption_key_id(&self) -> u128 {
        self.keys.key_encryption_key_id()
    }

    fn create_data_key(&self, id: u128) -> WrappedKey {
        WrappedKey(self.keys.create_data_key(id, &self.random))
    }

    fn add_data_key(&self, wrapped: &WrappedKey) -> PyResult<()> {
        self.keys.add_data_key(&wrapped.0).map_err(open_error)
    }

    fn activate(&self, id: u128) -> PyResult<()> {
        self.keys.activate(id).map_err(keyring_error)
    }

    fn remove(&self, id: u128) -> PyResult<()> {
        self.keys.remove(id).map_err(keyring_error)
    }

    #[getter]
    fn active_id(&self) -> Option<u128> {
        self.keys.active_id()
    }

    fn rewrap(&self, wrapped: &WrappedKey, owner: Option<(&str, &str)>) -> PyResult<WrappedKey> {
        self.keys
            .rewrap(&wrapped.0, owner.map(owner_of), &self.random)
            .map(WrappedKey)
            .map_err(open_error)
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
        let sealed = self.keys.seal(value, &context, &self.random);
        Ok(PyBytes::new(py, &sealed.map_err(seal_error)?))
    }

    fn open<'py>(
        &self,
        py: Python<'py>,
        sealed: &[u8],
        tenant: &str,
        field: &str,
        record: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let context = context_of(tenant, field, record);
        let opened = self.keys.open(sealed, &context).map_err(open_error)?;
        Ok(PyBytes::new(py, &opened))
    }

    fn seal_many<'py>(
        &self,
        py: Python<'py>,
        items: Vec<PyItem>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let seal = |(value, tenant, field, record): &PyItem| {
            let context = context_of(tenant, field, record);
            self.keys.seal(value, &context, &self.random)
        };
        let sealed = many(py, &items, seal).map_err(seal_error)?;
        Ok(sealed.iter().map(|each| PyBytes::new(py, each)).collect())
    }

    fn open_many<'py>(
        &self,
        py: Python<'py>,
        items: Vec<PyItem>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let open = |(sealed, tenant, field, record): &PyItem| {
            let context = context_of(tenant, field, record);
            self.keys.open(sealed, &context)
        };
        let opened = many(py, &items, open).map_err(open_error)?;
        Ok(opened.iter().map(|each| PyBytes::new(py, each)).collect())
    }

    fn create_subject_key(&self, id: u128, tenant: &str, subject: &str) -> WrappedKey {
        let owner = Owner { tenant, subject };
        WrappedKey(self.keys.create_subject_key(id, owner, &self.random))
    }

    fn subject_key(
        &self,
        wrapped: &WrappedKey,
        tenant: &str,
        subject: &str,
    ) -> PyResult<SubjectKey> {
        let key = self
            .keys
            .subject_key(&wrapped.0, Owner { tenant, subject })
            .map_err(open_error)?;
        Ok(SubjectKey {
            key,
            random: SystemRandom::new(),
        })
    }

    fn restrict(&self, wrapped: &WrappedKey, tenant: &str, subject: &str) -> PyResult<WrappedKey> {
        self.keys
            .restrict(&wrapped.0, Owner { tenant, subject }, &self.random)
            .map(WrappedKey)
            .map_err(open_error)
    }

    #[staticmethod]
    fn shred(wrapped: &WrappedKey) -> PyResult<WrappedKey> {
        Keys::shred(&wrapped.0).map(WrappedKey).map_err(open_error)
    }

    fn create_index_key(&self, id: u128) -> WrappedKey {
        WrappedKey(self.keys.create_index_key(id, &self.random))
    }

    fn blind_index(&self, wrapped: &WrappedKey) -> PyResult<BlindIndex> {
        self.keys
            .blind_index(&wrapped.0)
            .map(BlindIndex)
            .map_err(open_error)
    }

    fn tokenise<'py>(
        &self,
        py: Python<'py>,
        card: &CardNumber,
        tenant: &str,
        index: &BlindIndex,
    ) -> PyResult<(String, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let made =
            tokenise(&card.0, tenant, &self.keys, &index.0, &self.random).map_err(seal_error)?;
        let (found_by, sealed) = (
            PyBytes::new(py, &made.index),
            PyBytes::new(py, &made.sealed),
        );
        Ok((made.token.to_string(), found_by, sealed))
    }

    fn detokenise(&self, sealed: &[u8], tenant: &str, token: &str) -> PyResult<CardNumber> {
        pycore_vault::CardToken::parse(token)
            .ok_or(pycore_vault::OpenError)
            .and_then(|token| detokenise(sealed, tenant, token, &self.keys))
            .map(CardNumber)
            .map_err(open_error)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.keys)
    }
}

/// Returns what `work` gives for each item, or its first error; many items are worked on without the interpreter lock.
fn many<T: Send, E: Send>(
    py: Python<'_>,
    items: &[PyItem],
    work: impl Fn(&PyItem) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if items.len() < DETACH_ITEMS {
        return items.iter().map(&work).collect();
    }
    py.detach(|| items.iter().map(&work).collect())
}

fn owner_of<'a>((tenant, subject): (&'a str, &'a str)) -> Owner<'a> {
    Owner { tenant, subject }
}

fn secrets_of(keys: &[PyBackedBytes]) -> PyResult<Vec<Secret>> {
    let secret = |key: &PyBackedBytes| {
        Secret::from_slice(key)
            .ok_or_else(|| PyValueError::new_err("a key-encryption key must have 32 bytes"))
    };
    keys.iter().map(secret).collect()
}

fn keyring_error(error: KeyringError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
