//! The recent transfers, in chunks that leave memory one at a time.

use crate::accounts::NONE_SEQUENCE;
use crate::id_index::IdIndex;
use crate::transfer::{Transfer, id_time_ms};
use std::collections::VecDeque;

/// What the engine knows of a transfer beside its record.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// The transfer before this one in the history of the debit and of the credit account.
    pub previous: [u64; 2],
    /// The debit and the credit account.
    pub accounts: [u32; 2],
    /// A [`HoldOutcome`](crate::HoldOutcome) as a number, with [`CLOSED_IN_FLIGHT`].
    pub outcome: u8,
}

/// Added to the outcome of a hold that the batch in flight closed: committed reads still see it open.
pub(crate) const CLOSED_IN_FLIGHT: u8 = 0x80;

/// The balances of an account with history, after a transfer.
#[derive(Clone, Copy)]
pub(crate) struct BalanceRow {
    pub sequence: u64,
    pub account: u32,
    pub debits_pending: u128,
    pub debits_posted: u128,
    pub credits_pending: u128,
    pub credits_posted: u128,
}

/// A run of transfers that is projected, indexed and evicted as one.
pub(crate) struct Chunk {
    pub first_sequence: u64,
    pub records: Vec<Transfer>,
    pub links: Vec<Link>,
    pub balances: Vec<BalanceRow>,
    index: IdIndex,
    id_time_min_ms: u64,
    pub id_time_max_ms: u64,
}

impl Chunk {
    fn new(first_sequence: u64) -> Self {
        Self {
            first_sequence,
            records: Vec::new(),
            links: Vec::new(),
            balances: Vec::new(),
            index: IdIndex::with_capacity(0),
            id_time_min_ms: u64::MAX,
            id_time_max_ms: 0,
        }
    }

    fn reuse(mut self, first_sequence: u64) -> Self {
        self.first_sequence = first_sequence;
        self.records.clear();
        self.links.clear();
        self.balances.clear();
        self.index.clear();
        self.id_time_min_ms = u64::MAX;
        self.id_time_max_ms = 0;
        self
    }

    fn find(&self, id: u128, hash: u32) -> Option<u64> {
        let time = id_time_ms(id);
        // Ids grow with time, so most lookups skip every chunk but the open one.
        if time < self.id_time_min_ms || time > self.id_time_max_ms {
            return None;
        }
        self.index
            .find(hash, |position| self.records[position as usize].id == id)
            .map(|position| self.first_sequence + u64::from(position))
    }
}

/// Consecutive transfers from `first_sequence` to the newest.
pub(crate) struct Window {
    chunk_bits: u32,
    chunks: VecDeque<Chunk>,
    first_sequence: u64,
    next_sequence: u64,
    /// The memory of the chunk evicted last: the operating system is not asked again.
    spare: Option<Chunk>,
}

impl Window {
    pub fn new(chunk_size: u64, next_sequence: u64) -> Self {
        assert!(chunk_size.is_power_of_two(), "the chunk size is a power of two");
        assert!(chunk_size <= 1 << 24, "a chunk has at most 2^24 transfers");
        Self {
            chunk_bits: chunk_size.trailing_zeros(),
            chunks: VecDeque::new(),
            first_sequence: next_sequence,
            next_sequence,
            spare: None,
        }
    }

    pub fn first_sequence(&self) -> u64 {
        self.first_sequence
    }

    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub fn chunk_of(&self, sequence: u64) -> u64 {
        sequence >> self.chunk_bits
    }

    pub fn chunk_end(&self, chunk: u64) -> u64 {
        (chunk + 1) << self.chunk_bits
    }

    pub fn chunks(&self) -> impl DoubleEndedIterator<Item = &Chunk> {
        self.chunks.iter()
    }

    /// Returns a chunk that is in the window.
    pub fn chunk(&self, chunk: u64) -> Option<&Chunk> {
        let first = self.chunk_of(self.first_sequence);
        self.chunks.get(usize::try_from(chunk.checked_sub(first)?).ok()?)
    }

    /// Returns where a transfer of the window is.
    #[inline]
    fn place(&self, sequence: u64) -> (usize, usize) {
        debug_assert!(sequence >= self.first_sequence && sequence < self.next_sequence);
        let chunk = (self.chunk_of(sequence) - self.chunk_of(self.first_sequence)) as usize;
        (chunk, (sequence - self.chunks[chunk].first_sequence) as usize)
    }

    #[inline]
    pub fn record(&self, sequence: u64) -> &Transfer {
        let (chunk, offset) = self.place(sequence);
        &self.chunks[chunk].records[offset]
    }

    #[inline]
    pub fn link(&self, sequence: u64) -> &Link {
        let (chunk, offset) = self.place(sequence);
        &self.chunks[chunk].links[offset]
    }

    #[inline]
    pub fn link_mut(&mut self, sequence: u64) -> &mut Link {
        let (chunk, offset) = self.place(sequence);
        &mut self.chunks[chunk].links[offset]
    }

    pub fn contains(&self, sequence: u64) -> bool {
        sequence >= self.first_sequence && sequence < self.next_sequence
    }

    /// Returns the transfer of an id, in flight or not.
    #[inline]
    pub fn find(&self, id: u128, hash: u32) -> Option<u64> {
        self.chunks.iter().rev().find_map(|chunk| chunk.find(id, hash))
    }

    /// Returns the slot of the newest chunk's index that a lookup or an insertion of this hash will need.
    #[inline]
    pub fn peek(&self, hash: u32) -> u64 {
        self.chunks.back().map_or(0, |chunk| chunk.index.peek(hash))
    }

    /// Appends a transfer; returns its sequence.
    #[inline]
    pub fn push(&mut self, record: &Transfer, hash: u32, link: Link) -> u64 {
        let sequence = self.next_sequence;
        if self.chunks.is_empty() || self.chunk_of(sequence) << self.chunk_bits == sequence {
            self.open_chunk(sequence);
        }
        let chunk = self.chunks.back_mut().expect("a chunk is open");
        chunk.index.insert(hash, chunk.records.len() as u32);
        chunk.records.push(*record);
        chunk.links.push(link);
        let time = id_time_ms(record.id);
        chunk.id_time_min_ms = chunk.id_time_min_ms.min(time);
        chunk.id_time_max_ms = chunk.id_time_max_ms.max(time);
        self.next_sequence += 1;
        sequence
    }

    /// Adds a row of balances to the newest transfer.
    pub fn push_balance(&mut self, row: BalanceRow) {
        self.chunks.back_mut().expect("a transfer was pushed").balances.push(row);
    }

    #[cold]
    fn open_chunk(&mut self, sequence: u64) {
        let chunk = match self.spare.take() {
            Some(spare) => spare.reuse(sequence),
            None => Chunk::new(sequence),
        };
        self.chunks.push_back(chunk);
    }

    /// Takes the newest transfer back.
    pub fn pop(&mut self, hash_of: impl Fn(u128) -> u32) -> (Transfer, Link) {
        let chunk = self.chunks.back_mut().expect("there is a transfer to take back");
        let record = chunk.records.pop().expect("an open chunk has a transfer");
        let link = chunk.links.pop().expect("every record has a link");
        chunk.index.remove(hash_of(record.id), chunk.records.len() as u32);
        self.next_sequence -= 1;
        while chunk.balances.last().is_some_and(|row| row.sequence >= self.next_sequence) {
            chunk.balances.pop();
        }
        if chunk.records.is_empty() {
            self.spare = self.chunks.pop_back();
        }
        (record, link)
    }

    /// Takes the oldest chunk out. Its memory comes back through [`Self::recycle`].
    pub fn evict(&mut self) -> Chunk {
        let chunk = self.chunks.pop_front().expect("there is a chunk to evict");
        self.first_sequence = chunk.first_sequence + chunk.records.len() as u64;
        chunk
    }

    pub fn recycle(&mut self, chunk: Chunk) {
        self.spare = Some(chunk);
    }

    /// Returns the balances after a transfer of the window, of those of its accounts that have history.
    pub fn balances(&self, sequence: u64) -> &[BalanceRow] {
        let (chunk, _) = self.place(sequence);
        let rows = &self.chunks[chunk].balances;
        if rows.is_empty() {
            return rows;
        }
        let start = rows.partition_point(|row| row.sequence < sequence);
        let count = rows[start..].iter().take(2).take_while(|row| row.sequence == sequence).count();
        &rows[start..start + count]
    }

    /// Returns the transfer before `sequence` in the history of an account; `NONE_SEQUENCE` if it left the window.
    pub fn previous(&self, sequence: u64, account: u32) -> u64 {
        let link = self.link(sequence);
        let previous = link.previous[usize::from(link.accounts[0] != account)];
        if previous < self.first_sequence { NONE_SEQUENCE } else { previous }
    }
}
