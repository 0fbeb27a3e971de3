//! Reading what Python hands over: `bytes` in place, anything else with the buffer protocol by one copy.

use std::borrow::Cow;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes of an account or transfer record.
pub const RECORD_SIZE: usize = 128;
/// Bytes of a result record.
pub const RESULT_SIZE: usize = 16;

/// Returns the bytes behind `object`.
///
/// Immutable `bytes` are borrowed, so that they may be read while the interpreter lock is released. A mutable
/// buffer (an array, a `bytearray`) could change under us then, so it is copied first: about 0.1 ms for the
/// largest batch.
pub fn bytes_of<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let buffer = PyUntypedBuffer::get(object)?;
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("the buffer must be contiguous"));
    }
    if buffer.len_bytes() == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    // SAFETY: the exporter guarantees `len_bytes` readable bytes behind `buf_ptr` of a contiguous buffer for as long
    // as `buffer` lives, and the interpreter lock, held here, keeps other threads from writing them.
    #[allow(unsafe_code)]
    let bytes =
        unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) };
    Ok(Cow::Owned(bytes.to_vec()))
}

/// Returns 32 bytes, such as a hash or a key.
pub fn array_of<const SIZE: usize>(object: &Bound<'_, PyAny>, what: &str) -> PyResult<[u8; SIZE]> {
    let bytes = bytes_of(object)?;
    <[u8; SIZE]>::try_from(bytes.as_ref()).map_err(|_| {
        PyValueError::new_err(format!(
            "{what} has {} bytes, but must have {SIZE}",
            bytes.len()
        ))
    })
}

/// Checks that there is a whole number of records.
pub fn check_records(bytes: &[u8], size: usize) -> PyResult<()> {
    if bytes.len().is_multiple_of(size) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{} bytes are not a whole number of {size}-byte records",
        bytes.len()
    )))
}
