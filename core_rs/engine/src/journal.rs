//! The journal's bytes: what one batch is recorded as, and the chain that ties batches together.
//!
//! A body, all numbers little-endian:
//!
//! ```text
//!  0        4         6          8           16           20           24               28         32
//! ┌────────┬─────────┬──────────┬───────────┬────────────┬────────────┬────────────────┬──────────┐
//! │ "PJRN" │ version │ encoding │ timestamp │ unit_count │ cold_count │ payload_length │ reserved │
//! │        │ u16 = 1 │ u16      │ u64       │ u32        │ u32        │ u32, decoded   │ u32 = 0  │
//! └────────┴─────────┴──────────┴───────────┴────────────┴────────────┴────────────────┴──────────┘
//! payload (encoding 0: as it is; 1: one LZ4 block)
//!   unit_count × { operation u8 (see Operation), 3 zero bytes, event count u32 }
//!   every event's 128-byte record, in order
//!   cold_count × { kind u8 (1 failed, 2 transfer, 3 moment), outcome u8, has_pending u8, 13 zero bytes,
//!                  record 128 bytes (failed: only its id; moment: only a timestamp), pending record 128 bytes or zeros }
//! ```
//!
//! Old versions stay readable for ever; an unknown one is refused.

use crate::batch::AppliedBatch;
use crate::cold::{ColdRecord, HoldOutcome};
use crate::event::{Operation, RECORD_SIZE, Unit};
use crate::transfer::Transfer;
use std::fmt;
use zerocopy::{FromBytes, IntoBytes};

const MAGIC: &[u8; 4] = b"PJRN";
const VERSION: u16 = 1;
const ENCODING_RAW: u16 = 0;
const ENCODING_LZ4: u16 = 1;
const HEADER_SIZE: usize = 32;
const UNIT_SIZE: usize = 8;
const COLD_SIZE: usize = 16 + 2 * RECORD_SIZE;
const COLD_FAILED: u8 = 1;
const COLD_TRANSFER: u8 = 2;
const COLD_MOMENT: u8 = 3;
/// Smaller payloads are not worth compressing: the row's own overhead is larger.
const COMPRESS_MIN: usize = 1024;
/// LZ4 cannot expand by more than this.
const LZ4_RATIO_MAX: usize = 255;

/// A decoded journal body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The batch's own time.
    pub timestamp: u64,
    /// What the database knew when the batch was applied, and the evidence the engine added.
    pub cold: Vec<ColdRecord>,
    payload: Vec<u8>,
    /// Operation, and where the records are in the payload.
    units: Vec<(Operation, usize, usize)>,
}

impl Body {
    /// Returns the units in order.
    #[must_use]
    pub fn units(&self) -> Vec<Unit<'_>> {
        let unit = |&(operation, start, end): &(Operation, usize, usize)| Unit {
            operation,
            records: &self.payload[start..end],
        };
        self.units.iter().map(unit).collect()
    }
}

/// Why bytes are not a journal body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// There are fewer bytes than the header says.
    Truncated,
    /// A newer program wrote it.
    UnknownVersion(u16),
    /// Something in it contradicts the format.
    Malformed(&'static str),
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(formatter, "the journal body is cut short"),
            Self::UnknownVersion(version) => {
                write!(formatter, "the journal body has version {version}; this program reads up to {VERSION}")
            }
            Self::Malformed(what) => write!(formatter, "the journal body is malformed: {what}"),
        }
    }
}

impl std::error::Error for BodyError {}

/// Returns the body that records an applied batch: its units, its time, and what its results rest on.
#[must_use]
pub fn encode_body(units: &[Unit<'_>], batch: &AppliedBatch) -> Vec<u8> {
    let records = units.iter().map(|unit| unit.records.len()).sum::<usize>();
    let payload_length = units.len() * UNIT_SIZE + records + batch.cold.len() * COLD_SIZE;
    let mut body = Vec::with_capacity(HEADER_SIZE + payload_length);
    body.resize(HEADER_SIZE, 0);
    for unit in units {
        body.extend_from_slice(&[unit.operation as u8, 0, 0, 0]);
        body.extend_from_slice(&(unit.len() as u32).to_le_bytes());
    }
    for unit in units {
        body.extend_from_slice(unit.records);
    }
    for record in &batch.cold {
        encode_cold(record, &mut body);
    }
    let mut encoding = ENCODING_RAW;
    if payload_length > COMPRESS_MIN {
        let compressed = compress(&body[HEADER_SIZE..]);
        if compressed.len() < body.len() {
            body = compressed;
            encoding = ENCODING_LZ4;
        }
    }
    write_header(&mut body, encoding, batch, units.len(), payload_length);
    body
}

fn write_header(body: &mut [u8], encoding: u16, batch: &AppliedBatch, unit_count: usize, payload_length: usize) {
    body[0..4].copy_from_slice(MAGIC);
    body[4..6].copy_from_slice(&VERSION.to_le_bytes());
    body[6..8].copy_from_slice(&encoding.to_le_bytes());
    body[8..16].copy_from_slice(&batch.timestamp.to_le_bytes());
    let counts = [unit_count, batch.cold.len(), payload_length];
    for (index, count) in counts.into_iter().enumerate() {
        let count = u32::try_from(count).expect("a batch is far smaller than 4 GiB");
        body[16 + index * 4..20 + index * 4].copy_from_slice(&count.to_le_bytes());
    }
}

/// Returns the payload as an LZ4 block, after room for the header.
fn compress(payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0; HEADER_SIZE + lz4_flex::block::get_maximum_output_size(payload.len())];
    let length = lz4_flex::block::compress_into(payload, &mut body[HEADER_SIZE..]).expect("room for the worst case");
    body.truncate(HEADER_SIZE + length);
    body
}

fn encode_cold(record: &ColdRecord, body: &mut Vec<u8>) {
    let start = body.len();
    body.resize(start + COLD_SIZE, 0);
    let entry = &mut body[start..];
    match record {
        ColdRecord::Failed { id } => {
            entry[0] = COLD_FAILED;
            entry[16..32].copy_from_slice(&id.to_le_bytes());
        }
        ColdRecord::Transfer { record, outcome, pending } => {
            entry[0] = COLD_TRANSFER;
            entry[1] = *outcome as u8;
            entry[16..16 + RECORD_SIZE].copy_from_slice(record.as_bytes());
            if let Some(pending) = pending {
                entry[2] = 1;
                entry[16 + RECORD_SIZE..].copy_from_slice(pending.as_bytes());
            }
        }
        ColdRecord::Moment { timestamp } => {
            entry[0] = COLD_MOMENT;
            entry[16..24].copy_from_slice(&timestamp.to_le_bytes());
        }
    }
}

/// Returns what a body records.
///
/// # Errors
///
/// If the bytes are not a body of a known version, to the last bit that has a meaning.
pub fn decode_body(body: &[u8]) -> Result<Body, BodyError> {
    let (header, rest) = body.split_at_checked(HEADER_SIZE).ok_or(BodyError::Truncated)?;
    if &header[0..4] != MAGIC {
        return Err(BodyError::Malformed("it does not begin with PJRN"));
    }
    let version = u16::from_le_bytes([header[4], header[5]]);
    if version != VERSION {
        return Err(BodyError::UnknownVersion(version));
    }
    let encoding = u16::from_le_bytes([header[6], header[7]]);
    let timestamp = read_u64(&header[8..]);
    let unit_count = read_u32(&header[16..]) as usize;
    let cold_count = read_u32(&header[20..]) as usize;
    let payload_length = read_u32(&header[24..]) as usize;
    if read_u32(&header[28..]) != 0 {
        return Err(BodyError::Malformed("reserved header bytes are not zero"));
    }
    let payload = decode_payload(encoding, rest, payload_length)?;
    let (units, records_end) = decode_units(&payload, unit_count)?;
    let cold = decode_colds(&payload[records_end..], cold_count)?;
    Ok(Body { timestamp, cold, payload, units })
}

fn decode_payload(encoding: u16, bytes: &[u8], length: usize) -> Result<Vec<u8>, BodyError> {
    match encoding {
        ENCODING_RAW if bytes.len() < length => Err(BodyError::Truncated),
        ENCODING_RAW if bytes.len() > length => Err(BodyError::Malformed("bytes follow the payload")),
        ENCODING_RAW => Ok(bytes.to_vec()),
        ENCODING_LZ4 => {
            // Checked before memory is reserved for it.
            if length > bytes.len().saturating_mul(LZ4_RATIO_MAX) {
                return Err(BodyError::Malformed("the payload cannot be that long"));
            }
            let payload = lz4_flex::block::decompress(bytes, length)
                .map_err(|_| BodyError::Malformed("the payload is not an LZ4 block"))?;
            if payload.len() == length { Ok(payload) } else { Err(BodyError::Truncated) }
        }
        _ => Err(BodyError::Malformed("the encoding is unknown")),
    }
}

/// Operation, start and end of each unit.
type UnitSpans = Vec<(Operation, usize, usize)>;

/// Returns the units and where their records end.
fn decode_units(payload: &[u8], unit_count: usize) -> Result<(UnitSpans, usize), BodyError> {
    let table_length = unit_count.checked_mul(UNIT_SIZE).ok_or(BodyError::Truncated)?;
    let table = payload.get(..table_length).ok_or(BodyError::Truncated)?;
    let mut units = Vec::with_capacity(unit_count);
    let mut start = table_length;
    for entry in table.chunks_exact(UNIT_SIZE) {
        let operation = Operation::from_code(entry[0]).ok_or(BodyError::Malformed("an operation is unknown"))?;
        let count = read_u32(&entry[4..]) as usize;
        if entry[1..4] != [0; 3] || count == 0 {
            return Err(BodyError::Malformed("a unit is empty or its reserved bytes are not zero"));
        }
        let end = count.checked_mul(RECORD_SIZE).and_then(|length| start.checked_add(length));
        let end = end.filter(|&end| end <= payload.len()).ok_or(BodyError::Truncated)?;
        units.push((operation, start, end));
        start = end;
    }
    Ok((units, start))
}

fn decode_colds(bytes: &[u8], cold_count: usize) -> Result<Vec<ColdRecord>, BodyError> {
    match cold_count.checked_mul(COLD_SIZE) {
        Some(length) if length == bytes.len() => {}
        Some(length) if length < bytes.len() => return Err(BodyError::Malformed("bytes follow the cold records")),
        _ => return Err(BodyError::Truncated),
    }
    bytes.chunks_exact(COLD_SIZE).map(decode_cold).collect()
}

fn decode_cold(entry: &[u8]) -> Result<ColdRecord, BodyError> {
    let malformed = BodyError::Malformed("a cold record is not as written");
    let (head, records) = entry.split_at(16);
    let (record, pending) = records.split_at(RECORD_SIZE);
    let is_zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
    if !is_zero(&head[3..]) {
        return Err(malformed);
    }
    let decoded = match (head[0], head[2]) {
        (COLD_FAILED, 0) if head[1] == 0 && is_zero(&record[16..]) && is_zero(pending) => {
            ColdRecord::Failed { id: u128::from_le_bytes(record[..16].try_into().expect("16 bytes")) }
        }
        (COLD_TRANSFER, has_pending) if has_pending == 1 || (has_pending == 0 && is_zero(pending)) => {
            ColdRecord::Transfer {
                record: Transfer::read_from_bytes(record).expect("128 bytes"),
                outcome: HoldOutcome::from_code(head[1]).ok_or(malformed)?,
                pending: (has_pending == 1).then(|| Transfer::read_from_bytes(pending).expect("128 bytes")),
            }
        }
        (COLD_MOMENT, 0) if head[1] == 0 && is_zero(&record[8..]) && is_zero(pending) => {
            ColdRecord::Moment { timestamp: read_u64(record) }
        }
        _ => return Err(malformed),
    };
    Ok(decoded)
}

fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

fn read_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

/// Returns the keyed BLAKE3 that ties a journal row to the one before it: over `prev`, `lsn`, `epoch` and `body`.
#[must_use]
pub fn chain_hash(key: &[u8; 32], prev: &[u8; 32], lsn: u64, epoch: u64, body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(prev);
    hasher.update(&lsn.to_le_bytes());
    hasher.update(&epoch.to_le_bytes());
    hasher.update(body);
    hasher.finalize().into()
}

/// Returns a value that tells chain keys apart without telling the key.
#[must_use]
pub fn key_check(key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("pycore 2026 ledger journal key check", key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    fn batch(cold: Vec<ColdRecord>) -> AppliedBatch {
        AppliedBatch {
            timestamp: 7,
            results: Vec::new(),
            expired: 0,
            transfers_created: 0,
            results_digest: [0; 32],
            cold,
        }
    }

    fn cold() -> Vec<ColdRecord> {
        let record = Transfer { id: 9, pending_id: 8, ..Transfer::default() };
        let pending = Transfer { id: 8, amount: u128::MAX, ..Transfer::default() };
        vec![
            ColdRecord::Failed { id: u128::MAX - 1 },
            ColdRecord::Transfer { record, outcome: HoldOutcome::None, pending: Some(pending) },
            ColdRecord::Transfer { record: pending, outcome: HoldOutcome::Expired, pending: None },
            ColdRecord::Moment { timestamp: 1 << 62 },
        ]
    }

    #[test]
    fn a_body_is_drawn_to_the_byte() {
        let account = Account { id: 0x0102, ledger: 3, code: 4, ..Account::default() };
        let units = [Unit { operation: Operation::CreateAccounts, records: account.as_bytes() }];
        let body = encode_body(&units, &batch(Vec::new()));
        assert_eq!(body.len(), 32 + 8 + 128);
        assert_eq!(&body[..8], b"PJRN\x01\0\0\0");
        assert_eq!(body[8..32], [7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 136, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(body[32..40], [1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(&body[40..], account.as_bytes());
    }

    #[test]
    fn what_was_encoded_is_decoded_raw_and_compressed() {
        for events in [1, 5, 500] {
            let transfers = vec![Transfer { id: 5, amount: 1 << 100, ..Transfer::default() }; events];
            let units = [
                Unit { operation: Operation::CreateTransfers, records: transfers.as_bytes() },
                Unit { operation: Operation::CreateAccounts, records: transfers[..1].as_bytes() },
            ];
            let cold = if events == 1 { Vec::new() } else { cold() };
            let body = encode_body(&units, &batch(cold.clone()));
            assert_eq!(body[6] == 1, events > 1, "small payloads stay as they are");
            let decoded = decode_body(&body).unwrap();
            assert_eq!((decoded.timestamp, decoded.units(), decoded.cold.clone()), (7, units.to_vec(), cold));
        }
        let empty = decode_body(&encode_body(&[], &batch(Vec::new()))).unwrap();
        assert!(empty.units().is_empty() && empty.cold.is_empty());
    }

    #[test]
    fn a_body_that_is_not_one_says_why() {
        let transfer = Transfer { id: 5, ..Transfer::default() };
        let units = [Unit { operation: Operation::CreateTransfers, records: transfer.as_bytes() }];
        let body = encode_body(&units, &batch(cold()));
        let changed = |position: usize, value: u8| {
            let mut changed = decode_raw(&body);
            changed[position] = value;
            decode_body(&changed)
        };
        assert_eq!(changed(4, 2), Err(BodyError::UnknownVersion(2)));
        assert!(matches!(changed(0, b'p'), Err(BodyError::Malformed(_))));
        assert!(matches!(changed(6, 2), Err(BodyError::Malformed(_))), "unknown encoding");
        assert!(matches!(changed(28, 1), Err(BodyError::Malformed(_))), "reserved header bytes");
        assert!(matches!(changed(32, 5), Err(BodyError::Malformed(_))), "unknown operation");
        assert!(matches!(changed(33, 1), Err(BodyError::Malformed(_))), "reserved unit bytes");
        assert!(matches!(changed(36, 0), Err(BodyError::Malformed(_))), "an empty unit");
        assert_eq!(changed(36, 200), Err(BodyError::Truncated));
        assert!(matches!(changed(168 + 3, 1), Err(BodyError::Malformed(_))), "reserved cold bytes");
        assert!(matches!(changed(168 + 272 + 1, 5), Err(BodyError::Malformed(_))), "unknown outcome");
        let raw = decode_raw(&body);
        for length in 0..raw.len() {
            assert_eq!(decode_body(&raw[..length]), Err(BodyError::Truncated), "cut to {length} bytes");
        }
        let longer = [raw, vec![0]].concat();
        assert!(matches!(decode_body(&longer), Err(BodyError::Malformed(_))));
    }

    /// Returns the same body, uncompressed.
    fn decode_raw(body: &[u8]) -> Vec<u8> {
        let payload =
            decode_payload(u16::from_le_bytes([body[6], body[7]]), &body[32..], read_u32(&body[24..]) as usize);
        let mut raw = [&body[..32], &payload.unwrap()].concat();
        raw[6] = 0;
        raw
    }

    #[test]
    fn the_chain_depends_on_everything() {
        let base = chain_hash(&[1; 32], &[2; 32], 3, 4, b"body");
        assert_eq!(base, chain_hash(&[1; 32], &[2; 32], 3, 4, b"body"));
        let others = [
            chain_hash(&[9; 32], &[2; 32], 3, 4, b"body"),
            chain_hash(&[1; 32], &[9; 32], 3, 4, b"body"),
            chain_hash(&[1; 32], &[2; 32], 9, 4, b"body"),
            chain_hash(&[1; 32], &[2; 32], 3, 9, b"body"),
            chain_hash(&[1; 32], &[2; 32], 3, 4, b"bodY"),
        ];
        assert!(!others.contains(&base));
        assert_ne!(key_check(&[1; 32]), key_check(&[2; 32]));
        assert_ne!(key_check(&[1; 32]), [1; 32]);
    }
}
