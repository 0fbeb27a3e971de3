//! PostgreSQL's binary COPY format, written.
//!
//! Format: <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>; `numeric` is a count of base-10000
//! digits, the weight of the first, sign, scale, digits (`numeric_send` in PostgreSQL's sources).

/// What every COPY stream begins with: signature, flags, length of the header extension.
pub(crate) const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(crate) const TRAILER: [u8; 2] = [0xff, 0xff];

/// The length of a field that is NULL.
pub(crate) const NULL: i32 = -1;

const DIGITS_MAX: usize = 10;

/// Writes rows into a COPY stream.
pub(crate) struct CopyWriter {
    buffer: Vec<u8>,
    rows: u64,
}

impl CopyWriter {
    /// Returns a writer with room for `rows` of about `row_size` bytes.
    pub fn with_capacity(rows: usize, row_size: usize) -> Self {
        let mut buffer = Vec::with_capacity(if rows == 0 { 0 } else { HEADER.len() + TRAILER.len() + rows * row_size });
        if rows > 0 {
            buffer.extend_from_slice(HEADER);
        }
        Self { buffer, rows: 0 }
    }

    /// Begins a row of `columns` fields.
    #[inline]
    pub fn begin_row(&mut self, columns: i16) {
        if self.buffer.is_empty() {
            self.buffer.extend_from_slice(HEADER);
        }
        self.rows += 1;
        self.buffer.extend_from_slice(&columns.to_be_bytes());
    }

    /// Writes a `uuid`: an id's bytes, big-endian, so that ids sort by time.
    #[inline]
    pub fn put_uuid(&mut self, id: u128) {
        let mut field = [0; 20];
        field[..4].copy_from_slice(&16u32.to_be_bytes());
        field[4..].copy_from_slice(&id.to_be_bytes());
        self.buffer.extend_from_slice(&field);
    }

    /// Writes a `uuid`, NULL for 0.
    #[inline]
    pub fn put_uuid_or_null(&mut self, id: u128) {
        if id == 0 { self.put_null() } else { self.put_uuid(id) }
    }

    /// Writes NULL.
    #[inline]
    pub fn put_null(&mut self) {
        self.buffer.extend_from_slice(&NULL.to_be_bytes());
    }

    /// Writes a `boolean`.
    #[inline]
    pub fn put_boolean(&mut self, value: bool) {
        self.buffer.extend_from_slice(&[0, 0, 0, 1, u8::from(value)]);
    }

    /// Writes a `text`, `json` or `bytea`: the bytes as they are, fewer than 2^31 of them.
    #[inline]
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        let length = i32::try_from(bytes.len()).expect("below 2^31 bytes");
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes a `bigint`.
    #[inline]
    pub fn put_bigint(&mut self, value: i64) {
        let mut field = [0; 12];
        field[..4].copy_from_slice(&8u32.to_be_bytes());
        field[4..].copy_from_slice(&value.to_be_bytes());
        self.buffer.extend_from_slice(&field);
    }

    /// Writes a time or a sequence as a `bigint`: both stay below 2^63.
    #[inline]
    pub fn put_bigint_u64(&mut self, value: u64) {
        self.put_bigint(i64::try_from(value).expect("below 2^63"));
    }

    /// Writes an `integer`.
    #[inline]
    pub fn put_integer(&mut self, value: i32) {
        let mut field = [0; 8];
        field[..4].copy_from_slice(&4u32.to_be_bytes());
        field[4..].copy_from_slice(&value.to_be_bytes());
        self.buffer.extend_from_slice(&field);
    }

    /// Writes a `smallint`.
    #[inline]
    pub fn put_smallint(&mut self, value: i16) {
        let mut field = [0; 6];
        field[..4].copy_from_slice(&2u32.to_be_bytes());
        field[4..].copy_from_slice(&value.to_be_bytes());
        self.buffer.extend_from_slice(&field);
    }

    /// Writes a `numeric`.
    #[inline]
    pub fn put_numeric(&mut self, value: u128) {
        // 4 bytes of length, 8 of head, two per digit; digits are filled in from the right.
        let mut field = [0; 12 + 2 * DIGITS_MAX];
        let end = field.len();
        let mut start = end;
        let mut rest = value;
        while rest > u128::from(u64::MAX) {
            start -= 2;
            field[start..start + 2].copy_from_slice(&((rest % 10_000) as u16).to_be_bytes());
            rest /= 10_000;
        }
        let mut rest = rest as u64;
        while rest != 0 {
            start -= 2;
            field[start..start + 2].copy_from_slice(&((rest % 10_000) as u16).to_be_bytes());
            rest /= 10_000;
        }
        let weight = ((end - start) / 2).saturating_sub(1) as u16;
        // Zeros at the end are implied by the weight.
        let mut digits_end = end;
        while digits_end > start && field[digits_end - 2..digits_end] == [0, 0] {
            digits_end -= 2;
        }
        let digits = (digits_end - start) / 2;
        let head = start - 12;
        field[head..head + 4].copy_from_slice(&(8 + 2 * digits as u32).to_be_bytes());
        field[head + 4..head + 6].copy_from_slice(&(digits as u16).to_be_bytes());
        field[head + 6..head + 8].copy_from_slice(&weight.to_be_bytes());
        self.buffer.extend_from_slice(&field[head..digits_end]);
    }

    /// Returns what is written so far, header and rows, and the number of rows.
    pub fn written(&self) -> (&[u8], u64) {
        (&self.buffer, self.rows)
    }

    /// Adds the rows of what another writer has `written`.
    pub fn append(&mut self, written: &[u8], rows: u64) {
        let rest = if self.buffer.is_empty() { written } else { written.get(HEADER.len()..).unwrap_or_default() };
        self.buffer.extend_from_slice(rest);
        self.rows += rows;
    }

    /// Takes back what came after `written` gave this length and number.
    pub fn truncate(&mut self, length: usize, rows: u64) {
        self.buffer.truncate(length);
        self.rows = rows;
    }

    /// Returns the stream, empty if there is no row, and the number of rows.
    pub fn finish(mut self) -> (Vec<u8>, u64) {
        if self.rows > 0 {
            self.buffer.extend_from_slice(&TRAILER);
        }
        (self.buffer, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(value: u128) -> Vec<u8> {
        let mut writer = CopyWriter::with_capacity(1, 0);
        writer.begin_row(1);
        writer.put_numeric(value);
        writer.finish().0[HEADER.len() + 2..].to_vec()
    }

    /// As `psql -c "copy (select 10000::numeric) to stdout (format binary)"` writes them.
    #[test]
    fn numerics_are_postgresqls() {
        assert_eq!(numeric(0), [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        assert_eq!(numeric(1), [0, 0, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        assert_eq!(numeric(10_000), [0, 0, 0, 10, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
        assert_eq!(numeric(12_345), [0, 0, 0, 12, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0x09, 0x29, 0xff, 0xff]);
    }

    #[test]
    fn without_rows_there_is_no_stream() {
        assert_eq!(CopyWriter::with_capacity(0, 100).finish(), (Vec::new(), 0));
    }
}

#[cfg(test)]
mod property_tests {
    use super::*;
    use crate::copy_reader::{CopyReader, read_bigint, read_numeric, read_uuid};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in proptest::collection::vec((any::<u128>(), 0..128u32, any::<u128>(), 0..1u64 << 63), 1..20),
            piece in 1..100usize,
        ) {
            let mut writer = CopyWriter::with_capacity(rows.len(), 60);
            for &(value, shift, id, number) in &rows {
                writer.begin_row(3);
                writer.put_numeric(value >> shift);
                writer.put_uuid_or_null(id);
                writer.put_bigint_u64(number);
            }
            let (copy, count) = writer.finish();
            prop_assert_eq!(count, rows.len() as u64);
            let mut reader = CopyReader::default();
            let mut read = Vec::new();
            // Twice: streams may follow each other.
            for part in [&copy[..], &copy[..]].concat().chunks(piece) {
                reader.push::<3>(part, |row| {
                    read.push((read_numeric(row[0])?, read_uuid(row[1])?, read_bigint(row[2])?));
                    Ok(())
                }).unwrap();
            }
            prop_assert!(reader.is_complete());
            let expected = rows.iter().map(|&(value, shift, id, number)| (value >> shift, id, number));
            let expected: Vec<_> = expected.collect();
            prop_assert_eq!(read, [&expected[..], &expected[..]].concat());
        }
    }
}
