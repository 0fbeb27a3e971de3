//! Rows of a domain's table on their way into PostgreSQL.
//!
//! They are kept as a binary COPY stream, which is the cheapest for PostgreSQL to read when they are many. When they
//! are few, what counts is the number of round trips: then they go as one JSON document, the argument of a statement
//! that reads it with `json_to_recordset`.

use std::io::Write;

use crate::postgres_copy::{CopyWriter, HEADER, NULL, TRAILER};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a column holds: PostgreSQL's types of these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// 128 bits.
    Uuid,
    /// True or false.
    Boolean,
    /// 16 bits, signed.
    Smallint,
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    Bigint,
    /// Text without U+0000.
    Text,
    /// Text that PostgreSQL checks to be JSON, and keeps as it is.
    Json,
    /// Bytes.
    Bytea,
}

impl ColumnType {
    /// Every type.
    pub const ALL: [Self; 8] =
        [Self::Uuid, Self::Boolean, Self::Smallint, Self::Integer, Self::Bigint, Self::Text, Self::Json, Self::Bytea];

    /// Returns PostgreSQL's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Boolean => "boolean",
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Text => "text",
            Self::Json => "json",
            Self::Bytea => "bytea",
        }
    }
}

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// No value, in a column of any type.
    Null,
    /// For `uuid`.
    Uuid(u128),
    /// For `boolean`.
    Boolean(bool),
    /// For `smallint`, `integer` and `bigint`.
    Integer(i64),
    /// For `text` and `json`.
    Text(&'a str),
    /// For `bytea`.
    Bytea(&'a [u8]),
}

/// Why a value cannot be in its column. It never tells the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// It is of another type.
    Type,
    /// It does not fit the column's width.
    Range,
    /// It holds U+0000, which PostgreSQL's text has not, or is no Unicode text.
    Text,
}

/// Rows of one table.
pub struct RowBuffer {
    columns: Vec<ColumnType>,
    copy: CopyWriter,
}

impl RowBuffer {
    /// Returns an empty buffer for rows of these columns.
    pub fn new(columns: Vec<ColumnType>) -> Self {
        Self { columns, copy: CopyWriter::with_capacity(0, 0) }
    }

    /// Returns what each column holds.
    pub fn columns(&self) -> &[ColumnType] {
        &self.columns
    }

    /// Returns how many rows there are.
    pub fn rows(&self) -> u64 {
        self.copy.written().1
    }

    /// Returns where the buffer ends, for [`truncate`](Self::truncate).
    pub fn end(&self) -> (usize, u64) {
        let (written, rows) = self.copy.written();
        (written.len(), rows)
    }

    /// Takes back every row after `end`.
    pub fn truncate(&mut self, end: (usize, u64)) {
        self.copy.truncate(end.0, end.1);
    }

    /// Begins a row; one [`put`](Self::put) per column must follow.
    ///
    /// # Panics
    ///
    /// Where there are more columns than any table has.
    pub fn begin_row(&mut self) {
        self.copy.begin_row(i16::try_from(self.columns.len()).expect("as many columns as a table has"));
    }

    /// Writes the field of a column.
    pub fn put(&mut self, column: ColumnType, field: Field<'_>) -> Result<(), FieldError> {
        let copy = &mut self.copy;
        match (column, field) {
            (_, Field::Null) => copy.put_null(),
            (ColumnType::Uuid, Field::Uuid(id)) => copy.put_uuid(id),
            (ColumnType::Boolean, Field::Boolean(value)) => copy.put_boolean(value),
            (ColumnType::Smallint, Field::Integer(value)) => {
                copy.put_smallint(value.try_into().map_err(|_| FieldError::Range)?);
            }
            (ColumnType::Integer, Field::Integer(value)) => {
                copy.put_integer(value.try_into().map_err(|_| FieldError::Range)?);
            }
            (ColumnType::Bigint, Field::Integer(value)) => copy.put_bigint(value),
            (ColumnType::Text | ColumnType::Json, Field::Text(text)) => {
                if text.as_bytes().contains(&0) {
                    return Err(FieldError::Text);
                }
                copy.put_bytes(length_checked(text.as_bytes())?);
            }
            (ColumnType::Bytea, Field::Bytea(bytes)) => copy.put_bytes(length_checked(bytes)?),
            _ => return Err(FieldError::Type),
        }
        Ok(())
    }

    /// Adds another buffer's rows, which have the same columns.
    pub fn append(&mut self, other: &Self) {
        let (written, rows) = other.copy.written();
        self.copy.append(written, rows);
    }

    /// Returns the rows as a binary COPY stream, empty if there is none.
    pub fn copy(&self) -> Vec<u8> {
        let (written, rows) = self.copy.written();
        if rows == 0 { Vec::new() } else { [written, &TRAILER].concat() }
    }

    /// Returns the rows as a JSON array of objects, whose keys are `c0`, `c1` and so on; what is NULL is left out.
    ///
    /// Each value is what PostgreSQL's input function of its type takes; the text of a `json` is a string in it, so
    /// that no content can break out of its field.
    pub fn json(&self) -> String {
        let keys: Vec<String> = (0..self.columns.len()).map(|number| format!("\"c{number}\":")).collect();
        let mut json = Vec::with_capacity(self.copy.written().0.len() * 2);
        json.push(b'[');
        let mut rest = self.copy.written().0.get(HEADER.len()..).unwrap_or_default();
        while !rest.is_empty() {
            rest = &rest[2..];
            json.extend_from_slice(if json.len() == 1 { b"{" } else { b",{" });
            let start = json.len();
            for (key, &column) in keys.iter().zip(&self.columns) {
                let (length, after) = rest.split_first_chunk::<4>().expect("a field has a length");
                let length = i32::from_be_bytes(*length);
                rest = after;
                if length != NULL {
                    let (bytes, after) = rest.split_at(usize::try_from(length).expect("a length"));
                    rest = after;
                    if json.len() > start {
                        json.push(b',');
                    }
                    json.extend_from_slice(key.as_bytes());
                    put_json(&mut json, column, bytes);
                }
            }
            json.push(b'}');
        }
        json.push(b']');
        String::from_utf8(json).expect("made of text")
    }
}

fn length_checked(bytes: &[u8]) -> Result<&[u8], FieldError> {
    if i32::try_from(bytes.len()).is_ok() { Ok(bytes) } else { Err(FieldError::Range) }
}

/// Writes the field of a COPY stream as a JSON value.
fn put_json(json: &mut Vec<u8>, column: ColumnType, bytes: &[u8]) {
    let number = || {
        let negative = bytes[0] & 0x80 != 0;
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[8 - bytes.len()..].copy_from_slice(bytes);
        i64::from_be_bytes(wide)
    };
    match column {
        ColumnType::Uuid => {
            json.push(b'"');
            put_hex(json, bytes);
            json.push(b'"');
        }
        ColumnType::Boolean => json.extend_from_slice(if bytes[0] == 0 { b"false" } else { b"true" }),
        ColumnType::Smallint | ColumnType::Integer | ColumnType::Bigint => {
            write!(json, "{}", number()).expect("memory takes everything");
        }
        ColumnType::Text | ColumnType::Json => put_json_string(json, bytes),
        ColumnType::Bytea => {
            json.extend_from_slice(b"\"\\\\x");
            put_hex(json, bytes);
            json.push(b'"');
        }
    }
}

fn put_hex(json: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        json.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// Writes UTF-8 text as a JSON string (RFC 8259, section 7).
pub fn put_json_string(json: &mut Vec<u8>, text: &[u8]) {
    json.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        json.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => json.extend_from_slice(&[b'\\', byte]),
            byte => {
                json.extend_from_slice(b"\\u00");
                put_hex(json, &[byte]);
            }
        }
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
    json.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[ColumnType], fields: &[Field<'_>]) -> Result<RowBuffer, FieldError> {
        let mut buffer = RowBuffer::new(columns.to_vec());
        buffer.begin_row();
        for (&column, &field) in columns.iter().zip(fields) {
            buffer.put(column, field)?;
        }
        Ok(buffer)
    }

    #[test]
    fn without_rows_there_is_nothing() {
        let buffer = RowBuffer::new(vec![ColumnType::Uuid]);
        assert_eq!((buffer.copy(), buffer.json().as_str(), buffer.rows()), (Vec::new(), "[]", 0));
    }

    /// As `psql -c "copy (select true, 7::smallint, -2, null::bigint, 'é', '\x00ff'::bytea) to stdout (format binary)"`.
    #[test]
    fn fields_are_postgresqls() {
        let columns = [
            ColumnType::Boolean,
            ColumnType::Smallint,
            ColumnType::Integer,
            ColumnType::Bigint,
            ColumnType::Text,
            ColumnType::Bytea,
        ];
        let fields = [
            Field::Boolean(true),
            Field::Integer(7),
            Field::Integer(-2),
            Field::Null,
            Field::Text("é"),
            Field::Bytea(&[0, 255]),
        ];
        let copy = row(&columns, &fields).unwrap().copy();
        let expected: &[&[u8]] = &[
            HEADER,
            &[0, 6],
            &[0, 0, 0, 1, 1],
            &[0, 0, 0, 2, 0, 7],
            &[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe],
            &[0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0, 2, 0xc3, 0xa9],
            &[0, 0, 0, 2, 0, 0xff],
            &TRAILER,
        ];
        assert_eq!(copy, expected.concat());
    }

    #[test]
    fn the_same_as_json() {
        let columns = ColumnType::ALL;
        let fields = [
            Field::Uuid(255),
            Field::Boolean(false),
            Field::Integer(-3),
            Field::Null,
            Field::Integer(i64::MIN),
            Field::Text("\"\\\n\u{1f}é😀\u{7f}"),
            Field::Text("{\"a\": \"}]\"}"),
            Field::Bytea(&[0, 255]),
        ];
        let mut buffer = row(&columns, &fields).unwrap();
        buffer.begin_row();
        columns.iter().for_each(|&column| buffer.put(column, Field::Null).unwrap());
        assert_eq!(
            buffer.json(),
            r#"[{"c0":"000000000000000000000000000000ff","c1":false,"c2":-3,"c4":-9223372036854775808,"#.to_owned()
                + r#""c5":"\"\\\u000a\u001fé😀"#
                + "\u{7f}"
                + r#"","c6":"{\"a\": \"}]\"}","c7":"\\x00ff"},{}]"#
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_and_can_be_taken_back() {
        for (column, field, expected) in [
            (ColumnType::Smallint, Field::Integer(1 << 15), FieldError::Range),
            (ColumnType::Integer, Field::Integer(-(1 << 31) - 1), FieldError::Range),
            (ColumnType::Text, Field::Text("a\0"), FieldError::Text),
            (ColumnType::Json, Field::Text("\0"), FieldError::Text),
            (ColumnType::Json, Field::Bytea(b"{}"), FieldError::Type),
            (ColumnType::Uuid, Field::Integer(1), FieldError::Type),
            (ColumnType::Boolean, Field::Integer(1), FieldError::Type),
        ] {
            let mut buffer = row(&[column], &[Field::Null]).unwrap();
            let (before, end) = (buffer.copy(), buffer.end());
            buffer.begin_row();
            assert_eq!(buffer.put(column, field), Err(expected));
            buffer.truncate(end);
            assert_eq!((buffer.copy(), buffer.rows()), (before, 1));
        }
    }
}
