//! Rows of a domain's table, read from Python tuples.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_engine::{ColumnType, Field, FieldError, RowBuffer as Buffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString, PyTuple};

/// Rows on their way into PostgreSQL; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct RowBuffer {
    names: Vec<String>,
    buffer: Mutex<Buffer>,
}

impl RowBuffer {
    /// Returns the rows, to be added to.
    pub fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_row(&self, buffer: &mut Buffer, row: &Bound<'_, PyAny>) -> PyResult<()> {
        let row = row.cast::<PyTuple>()?;
        if row.len() != self.names.len() {
            return Err(PyValueError::new_err(format!(
                "a row has {} values, but the table {} columns",
                row.len(),
                self.names.len()
            )));
        }
        buffer.begin_row();
        for (number, name) in self.names.iter().enumerate() {
            let column = buffer.columns()[number];
            let value = row.get_borrowed_item(number)?;
            put(buffer, column, &value).map_err(|error| refused(name, column, error))?;
        }
        Ok(())
    }
}

#[pymethods]
impl RowBuffer {
    #[new]
    fn new(columns: Vec<(String, String)>) -> PyResult<Self> {
        let mut names = Vec::with_capacity(columns.len());
        let mut types = Vec::with_capacity(columns.len());
        for (name, type_name) in columns {
            let known = ColumnType::ALL
                .into_iter()
                .find(|each| each.name() == type_name);
            let known = known.ok_or_else(|| {
                PyValueError::new_err(format!("{name} is {type_name}, which rows cannot have"))
            })?;
            names.push(name);
            types.push(known);
        }
        if i16::try_from(names.len()).is_err() {
            return Err(PyValueError::new_err("a table has not so many columns"));
        }
        Ok(Self {
            names,
            buffer: Mutex::new(Buffer::new(types)),
        })
    }

    fn extend(&self, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut buffer = self.buffer();
        let end = buffer.end();
        for row in rows.try_iter()? {
            if let Err(error) = row.and_then(|row| self.put_row(&mut buffer, &row)) {
                buffer.truncate(end);
                return Err(error);
            }
        }
        Ok(())
    }

    fn append(&self, other: &Self) -> PyResult<()> {
        if self.names != other.names {
            return Err(PyValueError::new_err("the rows are another table's"));
        }
        self.buffer().append(&other.buffer());
        Ok(())
    }

    fn copy<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.buffer().copy())
    }

    fn json(&self) -> String {
        self.buffer().json()
    }

    #[allow(clippy::cast_possible_truncation)] // they are in memory
    fn __len__(&self) -> usize {
        self.buffer().rows() as usize
    }
}

fn put(
    buffer: &mut Buffer,
    column: ColumnType,
    value: &Bound<'_, PyAny>,
) -> Result<(), FieldError> {
    if value.is_none() {
        return buffer.put(column, Field::Null);
    }
    match column {
        ColumnType::Uuid => {
            let id = integer(value)?.extract().map_err(|_| FieldError::Range)?;
            buffer.put(column, Field::Uuid(id))
        }
        ColumnType::Smallint | ColumnType::Integer | ColumnType::Bigint => {
            let number = integer(value)?.extract().map_err(|_| FieldError::Range)?;
            buffer.put(column, Field::Integer(number))
        }
        ColumnType::Boolean => {
            let value = value.cast::<PyBool>().map_err(|_| FieldError::Type)?;
            buffer.put(column, Field::Boolean(value.is_true()))
        }
        ColumnType::Json if value.is_instance_of::<PyBytes>() => {
            let bytes = value.cast::<PyBytes>().map_err(|_| FieldError::Type)?;
            let text = str::from_utf8(bytes.as_bytes()).map_err(|_| FieldError::Text)?;
            buffer.put(column, Field::Text(text))
        }
        ColumnType::Text | ColumnType::Json => {
            let text = value.cast::<PyString>().map_err(|_| FieldError::Type)?;
            let text = text.to_str().map_err(|_| FieldError::Text)?;
            buffer.put(column, Field::Text(text))
        }
        ColumnType::Bytea => {
            let bytes = value.cast::<PyBytes>().map_err(|_| FieldError::Type)?;
            buffer.put(column, Field::Bytea(bytes.as_bytes()))
        }
    }
}

/// A boolean is an `int` in Python, and in PostgreSQL it is not.
fn integer<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Result<&'a Bound<'py, PyInt>, FieldError> {
    if value.is_instance_of::<PyBool>() {
        return Err(FieldError::Type);
    }
    value.cast::<PyInt>().map_err(|_| FieldError::Type)
}

fn refused(name: &str, column: ColumnType, error: FieldError) -> PyErr {
    let column = column.name();
    match error {
        FieldError::Type => PyTypeError::new_err(format!(
            "a value of {name} is of a type that is no {column}"
        )),
        FieldError::Range => {
            PyValueError::new_err(format!("a value of {name} does not fit {column}"))
        }
        FieldError::Text => PyValueError::new_err(format!(
            "a value of {name} holds U+0000 or is no Unicode text"
        )),
    }
}
