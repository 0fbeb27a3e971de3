//! The recent transfers, in chunks that leave memory one at a time.

use crate::accounts::NONE_SEQUENCE;
use crate::chunk_index::ChunkIndex;
use crate::id_index::hash_id;
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
    index: ChunkIndex,
    id_time_min_ms: u64,
    pub id_time_max_ms: u64,
}

impl Chunk {
    fn new(first_sequence: u64, chunk_bits: u32) -> Self {
        Self {
            first_sequence,
            records: Vec::new(),
            links: Vec::new(),
            balances: Vec::new(),
            index: ChunkIndex::new(chunk_bits),
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

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    #[inline]
    fn push(&mut self, record: &Transfer, hash: u32, link: Link) {
        self.index.push(hash, |position| hash_id(self.records[position as usize].id));
        self.records.push(*record);
        self.links.push(link);
        let time = id_time_ms(record.id);
        self.id_time_min_ms = self.id_time_min_ms.min(time);
        self.id_time_max_ms = self.id_time_max_ms.max(time);
    }

    #[inline]
    fn find(&self, id: u128, hash: u32) -> Option<u64> {
        let time = id_time_ms(id);
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
    first_sequence: u64,
    next_sequence: u64,
    /// Full chunks, oldest first.
    full: VecDeque<Chunk>,
    /// The greatest time in an id of a full chunk: newer ids need not be looked for there.
    full_id_time_max_ms: u64,
    /// The chunk that is being filled; empty only when the window is.
    open: Chunk,
    /// The memory of the chunk evicted last: the operating system is not asked again.
    spare: Option<Chunk>,
}

impl Window {
    pub fn new(chunk_size: u64, next_sequence: u64) -> Self {
        assert!(chunk_size.is_power_of_two(), "the chunk size is a power of two");
        assert!(chunk_size <= 1 << 24, "a chunk has at most 2^24 transfers");
        Self {
            chunk_bits: chunk_size.trailing_zeros(),
            first_sequence: next_sequence,
            next_sequence,
            full: VecDeque::new(),
            full_id_time_max_ms: 0,
            open: Chunk::new(next_sequence, chunk_size.trailing_zeros()),
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
        self.full.iter().chain(std::iter::once(&self.open))
    }

    /// Returns a chunk that is in the window and full.
    pub fn full_chunk(&self, chunk: u64) -> Option<&Chunk> {
        let first = self.chunk_of(self.first_sequence);
        match self.full.get(usize::try_from(chunk.checked_sub(first)?).ok()?) {
            Some(chunk) => Some(chunk),
            None => Some(&self.open).filter(|open| self.next_sequence == self.chunk_end(chunk) && !open.is_empty()),
        }
    }

    /// Returns the chunk of a transfer of the window.
    #[inline]
    fn chunk_with(&self, sequence: u64) -> &Chunk {
        if sequence >= self.open.first_sequence {
            return &self.open;
        }
        &self.full[(self.chunk_of(sequence) - self.chunk_of(self.first_sequence)) as usize]
    }

    #[inline]
    pub fn record(&self, sequence: u64) -> &Transfer {
        let chunk = self.chunk_with(sequence);
        &chunk.records[(sequence - chunk.first_sequence) as usize]
    }

    #[inline]
    pub fn link(&self, sequence: u64) -> &Link {
        let chunk = self.chunk_with(sequence);
        &chunk.links[(sequence - chunk.first_sequence) as usize]
    }

    #[inline]
    pub fn link_mut(&mut self, sequence: u64) -> &mut Link {
        let chunk = if sequence >= self.open.first_sequence {
            &mut self.open
        } else {
            let index = self.chunk_of(sequence) - self.chunk_of(self.first_sequence);
            &mut self.full[index as usize]
        };
        &mut chunk.links[(sequence - chunk.first_sequence) as usize]
    }

    pub fn contains(&self, sequence: u64) -> bool {
        sequence >= self.first_sequence && sequence < self.next_sequence
    }

    /// Returns the transfer of an id, in flight or not.
    #[inline]
    pub fn find(&self, id: u128, hash: u32) -> Option<u64> {
        let found = self.open.find(id, hash);
        // Ids grow with time, so most lookups need only the open chunk.
        if found.is_some() || id_time_ms(id) > self.full_id_time_max_ms {
            return found;
        }
        self.find_in_full(id, hash)
    }

    #[cold]
    fn find_in_full(&self, id: u128, hash: u32) -> Option<u64> {
        self.full.iter().rev().find_map(|chunk| chunk.find(id, hash))
    }

    /// Returns the slot of the newest chunk's index that a lookup or an insertion of this hash will need.
    #[inline]
    pub fn peek(&self, hash: u32) -> u32 {
        self.open.index.peek(hash)
    }

    /// Appends a transfer; returns its sequence.
    #[inline]
    pub fn push(&mut self, record: &Transfer, hash: u32, link: Link) -> u64 {
        let sequence = self.next_sequence;
        if sequence & ((1 << self.chunk_bits) - 1) == 0 {
            self.open_chunk();
        }
        self.open.push(record, hash, link);
        self.next_sequence += 1;
        sequence
    }

    /// Adds a row of balances to the newest transfer.
    pub fn push_balance(&mut self, row: BalanceRow) {
        self.open.balances.push(row);
    }

    /// Opens the chunk of the next transfer.
    #[cold]
    fn open_chunk(&mut self) {
        if self.open.is_empty() {
            self.open.first_sequence = self.next_sequence;
            return;
        }
        let next = match self.spare.take() {
            Some(spare) => spare.reuse(self.next_sequence),
            None => Chunk::new(self.next_sequence, self.chunk_bits),
        };
        self.full_id_time_max_ms = self.full_id_time_max_ms.max(self.open.id_time_max_ms);
        self.full.push_back(std::mem::replace(&mut self.open, next));
    }

    /// Takes the newest transfer back.
    pub fn pop(&mut self) -> (Transfer, Link) {
        let chunk = &mut self.open;
        let record = chunk.records.pop().expect("there is a transfer to take back");
        let link = chunk.links.pop().expect("every record has a link");
        chunk.index.pop(hash_id(record.id), |position| hash_id(chunk.records[position as usize].id));
        self.next_sequence -= 1;
        while chunk.balances.last().is_some_and(|row| row.sequence >= self.next_sequence) {
            chunk.balances.pop();
        }
        if chunk.is_empty()
            && let Some(full) = self.full.pop_back()
        {
            self.spare = Some(std::mem::replace(&mut self.open, full));
        }
        (record, link)
    }

    /// Takes the oldest chunk out, which is full. Its memory comes back through [`Self::recycle`].
    pub fn evict(&mut self) -> Chunk {
        let chunk = match self.full.pop_front() {
            Some(chunk) => chunk,
            None => std::mem::replace(&mut self.open, Chunk::new(self.next_sequence, self.chunk_bits)),
        };
        self.first_sequence = chunk.first_sequence + chunk.records.len() as u64;
        chunk
    }

    pub fn recycle(&mut self, chunk: Chunk) {
        self.spare = Some(chunk);
    }

    /// Returns the balances after a transfer of the window, of those of its accounts that have history.
    pub fn balances(&self, sequence: u64) -> &[BalanceRow] {
        let rows = &self.chunk_with(sequence).balances;
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
