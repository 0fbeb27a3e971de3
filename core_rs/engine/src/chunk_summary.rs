//! What is told of a full chunk when it closes.

use crate::ledger::Ledger;
use crate::transfer::id_time_ms;

/// Ids of an earlier time (2000-01-01) do not carry a time at all.
const PLAUSIBLE_TIME_MIN_MS: u64 = 946_684_800_000;

/// What tells whether an id or a time can be inside a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSummary {
    /// The timestamp of its first transfer.
    pub first_timestamp: u64,
    /// The timestamp of its last transfer.
    pub last_timestamp: u64,
    /// The least time in its ids, of those from 2000-01-01 on; `u64::MAX` if there is none.
    pub id_time_min_ms: u64,
    /// The greatest time in its ids, of those from 2000-01-01 on; 0 if there is none.
    pub id_time_max_ms: u64,
    /// Whether some id carries an earlier time.
    pub has_implausible_ids: bool,
}

impl Ledger {
    /// Returns what tells whether an id or a time can be inside a chunk of the window.
    ///
    /// # Panics
    ///
    /// If the chunk is not in the window or not full of committed transfers.
    #[must_use]
    pub fn seal_chunk(&self, chunk: u64) -> ChunkSummary {
        assert!(self.window.chunk_end(chunk) <= self.sequence_next(), "only a full chunk is sealed");
        let records = self.window.full_chunk(chunk).expect("the chunk is in the window").records();
        let mut summary = ChunkSummary {
            first_timestamp: records[0].timestamp,
            last_timestamp: records[records.len() - 1].timestamp,
            id_time_min_ms: u64::MAX,
            id_time_max_ms: 0,
            has_implausible_ids: false,
        };
        for record in records {
            let time = id_time_ms(record.id);
            if time < PLAUSIBLE_TIME_MIN_MS {
                summary.has_implausible_ids = true;
            } else {
                summary.id_time_min_ms = summary.id_time_min_ms.min(time);
                summary.id_time_max_ms = summary.id_time_max_ms.max(time);
            }
        }
        summary
    }
}
