//! The recent transfers, in chunks that leave memory one at a time.

use crate::chunk::Chunk;
use crate::cold::HoldOutcome;
use crate::event::RECORD_SIZE;
use crate::transfer::{Transfer, id_time_ms};
use std::collections::VecDeque;

/// What the engine knows of a transfer beside its record.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// The low halves of the sequences of the transfers before this one in the history of the debit and of the credit
    /// account; see [`Window::newest`].
    pub previous: [u32; 2],
    /// The debit and the credit account.
    pub accounts: [u32; 2],
    /// A [`HoldOutcome`](crate::HoldOutcome) as a number, with [`CLOSED_IN_FLIGHT`].
    pub outcome: u8,
}

impl Link {
    /// Returns whether the transfer is a hold that is open as of the last commit.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.outcome == HoldOutcome::Open as u8 || self.outcome & CLOSED_IN_FLIGHT != 0
    }
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

/// Consecutive transfers from `first_sequence` to the newest.
pub(crate) struct Window {
    chunk_bits: u32,
    first_sequence: u64,
    next_sequence: u64,
    /// Full chunks, oldest first.
    full: VecDeque<Chunk>,
    /// The greatest time in an id of a full chunk: newer ids need not be looked for there.
    full_id_time_max_ms: u64,
    /// The chunk that is being filled.
    open: Chunk,
    /// Where in the open chunk events are laid out, and how many.
    staged: (usize, usize),
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
            staged: (0, 0),
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
            None => Some(&self.open).filter(|open| open.is_full() && self.next_sequence == self.chunk_end(chunk)),
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
        self.chunk_with(sequence).record(sequence)
    }

    #[inline]
    pub fn link(&self, sequence: u64) -> &Link {
        self.chunk_with(sequence).link(sequence)
    }

    #[inline]
    pub fn link_mut(&mut self, sequence: u64) -> &mut Link {
        let chunk = if sequence >= self.open.first_sequence {
            &mut self.open
        } else {
            let index = self.chunk_of(sequence) - self.chunk_of(self.first_sequence);
            &mut self.full[index as usize]
        };
        chunk.link_mut(sequence)
    }

    pub fn contains(&self, sequence: u64) -> bool {
        sequence >= self.first_sequence && sequence < self.next_sequence
    }

    /// Returns the transfer of an id, in flight or not.
    #[inline(always)]
    pub fn find(&self, id: u128, hash: u32) -> Option<u64> {
        let found = self.open.find(id, hash);
        // Ids grow with time, so most lookups need only the open chunk.
        if found.is_some() || id_time_ms(id) > self.full_id_time_max_ms {
            return found;
        }
        self.find_in_full(id, hash)
    }

    /// Returns the transfer of a timestamp, in flight or not.
    pub fn find_time(&self, timestamp: u64) -> Option<u64> {
        self.chunks().rev().find_map(|chunk| chunk.find_time(timestamp))
    }

    #[cold]
    fn find_in_full(&self, id: u128, hash: u32) -> Option<u64> {
        self.full.iter().rev().find_map(|chunk| chunk.find(id, hash))
    }

    /// Returns the slot of the newest chunk's index that a lookup or an insertion of this hash will need.
    #[inline]
    pub fn peek(&self, hash: u32) -> u32 {
        self.open.peek(hash)
    }

    /// Loads the slots that finding an id of any age will need.
    pub fn peek_everywhere(&self, id: u128, hash: u32) -> u32 {
        let chunks = self.full.iter().chain([&self.open]);
        chunks.filter(|chunk| chunk.may_contain(id)).fold(0, |touched, chunk| touched ^ chunk.peek(hash))
    }

    /// Makes room for events to be laid out; returns for how many, at most `limit`.
    pub fn begin_staging(&mut self, limit: usize) -> usize {
        if self.open.is_full() {
            self.open_chunk();
        }
        self.staged = (self.open.len(), 0);
        self.open.room().min(limit)
    }

    /// Lays out events behind those laid out before.
    ///
    /// An event arrives from elsewhere and becomes a record here, nearly always. Copying a block of them ahead of time
    /// is faster than waiting for each when it is read and again when it is written.
    pub fn stage(&mut self, events: &[u8]) {
        self.open.stage(self.staged.0 + self.staged.1, events);
        self.staged.1 += events.len() / RECORD_SIZE;
    }

    /// Returns the events laid out.
    pub fn staged(&self) -> &[Transfer] {
        self.open.staged(self.staged.0, self.staged.1)
    }

    /// Appends a transfer that is the event laid out at `staged`, as execution left it.
    #[inline(always)]
    pub fn push_staged(&mut self, staged: usize, record: &Transfer, hash: u32, link: Link) {
        self.open.push_staged(self.staged.0 + staged, record, hash, link);
        self.next_sequence += 1;
    }

    /// Appends a transfer.
    pub fn push(&mut self, record: &Transfer, hash: u32, link: Link) {
        if self.open.is_full() {
            self.open_chunk();
        }
        self.open.push(record, hash, link);
        self.next_sequence += 1;
    }

    /// Adds a row of balances to the newest transfer.
    pub fn push_balance(&mut self, row: BalanceRow) {
        self.open.balances.push(row);
    }

    /// Opens the next chunk.
    #[cold]
    fn open_chunk(&mut self) {
        let next = self.empty_chunk();
        self.full_id_time_max_ms = self.full_id_time_max_ms.max(self.open.id_time_max_ms);
        self.full.push_back(std::mem::replace(&mut self.open, next));
    }

    fn empty_chunk(&mut self) -> Chunk {
        match self.spare.take() {
            Some(spare) => spare.reuse(self.next_sequence),
            None => Chunk::new(self.next_sequence, self.chunk_bits),
        }
    }

    /// Takes the newest transfer back. Events laid out are lost.
    pub fn pop(&mut self) -> (Transfer, Link) {
        if self.open.len() == 0 {
            let full = self.full.pop_back().expect("there is a transfer to take back");
            self.spare = Some(std::mem::replace(&mut self.open, full));
        }
        self.next_sequence -= 1;
        self.open.pop()
    }

    /// Takes the oldest chunk out, which is full. Its memory comes back through [`Self::recycle`].
    pub fn evict(&mut self) -> Chunk {
        let chunk = match self.full.pop_front() {
            Some(chunk) => chunk,
            None => {
                let next = self.empty_chunk();
                std::mem::replace(&mut self.open, next)
            }
        };
        self.first_sequence = chunk.first_sequence + chunk.len() as u64;
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

    /// Returns the newest transfer of an account before the sequence `end`, given the low half of its sequence; `None`
    /// if it has left the window or there is none.
    ///
    /// The half is enough: of the sequences it can stand for, the greatest before `end` is that transfer if it is one
    /// of this account at all, since the account has no transfer in between.
    pub fn newest(&self, account: u32, low_half: u32, end: u64) -> Option<u64> {
        let last = end.checked_sub(1)?;
        let sequence = last.checked_sub(u64::from((last as u32).wrapping_sub(low_half)))?;
        (self.contains(sequence) && self.link(sequence).accounts.contains(&account)).then_some(sequence)
    }

    /// Returns the transfer before `sequence`, which is one of this account, in the account's history.
    pub fn previous(&self, sequence: u64, account: u32) -> Option<u64> {
        let link = self.link(sequence);
        self.newest(account, link.previous[usize::from(link.accounts[0] != account)], sequence)
    }
}
