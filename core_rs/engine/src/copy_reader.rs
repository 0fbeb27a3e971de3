//! PostgreSQL's binary COPY format, read as it arrives.

use crate::load::LoadError;
use crate::postgres_copy::HEADER;

/// Reads a COPY stream cut anywhere, or several streams one after the other.
#[derive(Default)]
pub(crate) struct CopyReader {
    /// The end of what was pushed, where it is less than a row.
    rest: Vec<u8>,
    in_stream: bool,
}

/// The fields of a row; `None` is NULL.
pub(crate) type Row<'a, const COLUMNS: usize> = [Option<&'a [u8]>; COLUMNS];

impl CopyReader {
    /// Reads on; calls `row` for each whole row.
    pub fn push<const COLUMNS: usize>(
        &mut self,
        data: &[u8],
        mut row: impl FnMut(&Row<'_, COLUMNS>) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        if self.rest.is_empty() {
            let read = self.read(data, &mut row)?;
            self.rest.extend_from_slice(&data[read..]);
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.rest);
        joined.extend_from_slice(data);
        let read = self.read(&joined, &mut row)?;
        joined.drain(..read);
        self.rest = joined;
        Ok(())
    }

    /// Returns whether every stream was read to its end.
    pub fn is_complete(&self) -> bool {
        self.rest.is_empty() && !self.in_stream
    }

    /// Reads whole headers, rows and trailers; returns how many bytes they took.
    fn read<const COLUMNS: usize>(
        &mut self,
        data: &[u8],
        row: &mut impl FnMut(&Row<'_, COLUMNS>) -> Result<(), LoadError>,
    ) -> Result<usize, LoadError> {
        let mut position = 0;
        loop {
            let rest = &data[position..];
            let read = if self.in_stream { self.read_row(rest, row)? } else { self.read_header(rest)? };
            if read == 0 {
                return Ok(position);
            }
            position += read;
        }
    }

    fn read_header(&mut self, data: &[u8]) -> Result<usize, LoadError> {
        let Some(header) = data.get(..HEADER.len()) else { return Ok(0) };
        if header != HEADER {
            return Err(LoadError::Malformed("a COPY stream does not begin with the binary signature"));
        }
        self.in_stream = true;
        Ok(HEADER.len())
    }

    fn read_row<const COLUMNS: usize>(
        &mut self,
        data: &[u8],
        row: &mut impl FnMut(&Row<'_, COLUMNS>) -> Result<(), LoadError>,
    ) -> Result<usize, LoadError> {
        let Some(count) = data.first_chunk() else { return Ok(0) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.in_stream = false;
            return Ok(2);
        }
        if usize::try_from(count) != Ok(COLUMNS) {
            return Err(LoadError::Malformed("a COPY row has another number of columns"));
        }
        let mut position = 2;
        let mut fields: Row<'_, COLUMNS> = [None; COLUMNS];
        for field in &mut fields {
            let Some(length) = data[position..].first_chunk() else { return Ok(0) };
            position += 4;
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                continue;
            }
            let length = usize::try_from(length).map_err(|_| LoadError::Malformed("a COPY field has no length"))?;
            let Some(value) = data[position..].get(..length) else { return Ok(0) };
            *field = Some(value);
            position += length;
        }
        row(&fields)?;
        Ok(position)
    }
}

/// Returns a `uuid`; NULL is 0.
pub(crate) fn read_uuid(field: Option<&[u8]>) -> Result<u128, LoadError> {
    let Some(bytes) = field else { return Ok(0) };
    let bytes = bytes.try_into().map_err(|_| LoadError::Malformed("a uuid is not 16 bytes"))?;
    Ok(u128::from_be_bytes(bytes))
}

/// Returns a `bigint` that is not negative.
pub(crate) fn read_bigint(field: Option<&[u8]>) -> Result<u64, LoadError> {
    let bytes = field.and_then(|bytes| bytes.try_into().ok());
    let value = i64::from_be_bytes(bytes.ok_or(LoadError::Malformed("a bigint is NULL or not 8 bytes"))?);
    u64::try_from(value).map_err(|_| LoadError::Malformed("a number is negative"))
}

/// Returns a `bigint` of 32 bits.
pub(crate) fn read_bigint_u32(field: Option<&[u8]>) -> Result<u32, LoadError> {
    u32::try_from(read_bigint(field)?).map_err(|_| LoadError::Malformed("a number does not fit 32 bits"))
}

/// Returns an `integer` of 16 bits.
pub(crate) fn read_integer_u16(field: Option<&[u8]>) -> Result<u16, LoadError> {
    let bytes = field.and_then(|bytes| bytes.try_into().ok());
    let value = i32::from_be_bytes(bytes.ok_or(LoadError::Malformed("an integer is NULL or not 4 bytes"))?);
    u16::try_from(value).map_err(|_| LoadError::Malformed("a number does not fit 16 bits"))
}

/// Returns a `numeric` that is whole, not negative and fits 128 bits.
pub(crate) fn read_numeric(field: Option<&[u8]>) -> Result<u128, LoadError> {
    const BAD: LoadError = LoadError::Malformed("a numeric is not a whole number of 128 bits");
    let bytes = field.ok_or(BAD)?;
    let (head, digits) = bytes.split_at_checked(8).ok_or(BAD)?;
    let word = |index: usize| i16::from_be_bytes([head[index], head[index + 1]]);
    let (count, weight, sign) = (usize::try_from(word(0)).map_err(|_| BAD)?, word(2), word(4));
    if sign != 0 || digits.len() != 2 * count {
        return Err(BAD);
    }
    if count == 0 {
        return Ok(0);
    }
    // The integer part has weight + 1 digits; those not written are zeros, those beyond are a fraction.
    let whole = usize::try_from(i32::from(weight) + 1).map_err(|_| BAD)?;
    let mut value = 0u128;
    for index in 0..whole.max(count) {
        let digit = digits.get(2 * index..2 * index + 2).map_or(0, |digit| u16::from_be_bytes([digit[0], digit[1]]));
        if digit >= 10_000 || (index >= whole && digit != 0) {
            return Err(BAD);
        }
        if index < whole {
            value = value.checked_mul(10_000).and_then(|value| value.checked_add(u128::from(digit))).ok_or(BAD)?;
        }
    }
    Ok(value)
}

/// Returns a `numeric` of 64 bits.
pub(crate) fn read_numeric_u64(field: Option<&[u8]>) -> Result<u64, LoadError> {
    u64::try_from(read_numeric(field)?).map_err(|_| LoadError::Malformed("a number does not fit 64 bits"))
}
