//! A run of transfers that is projected, indexed and evicted as one.

use crate::chunk_index::ChunkIndex;
use crate::event::RECORD_SIZE;
use crate::id_index::hash_id;
use crate::transfer::{Transfer, id_time_ms};
use crate::window::{BalanceRow, Link};
use zerocopy::{FromZeros, IntoBytes};

/// Consecutive transfers, and behind the newest one room in which events are laid out before they are executed.
pub(crate) struct Chunk {
    chunk_bits: u32,
    pub first_sequence: u64,
    /// Sequences end here at the latest.
    end: u64,
    /// As long as the chunk can get, from the first use on; `len` are transfers.
    records: Vec<Transfer>,
    len: usize,
    pub links: Vec<Link>,
    pub balances: Vec<BalanceRow>,
    index: ChunkIndex,
    id_time_min_ms: u64,
    pub id_time_max_ms: u64,
}

impl Chunk {
    pub fn new(first_sequence: u64, chunk_bits: u32) -> Self {
        Self {
            chunk_bits,
            first_sequence,
            end: end(first_sequence, chunk_bits),
            records: Vec::new(),
            len: 0,
            links: Vec::new(),
            balances: Vec::new(),
            index: ChunkIndex::new(chunk_bits),
            id_time_min_ms: u64::MAX,
            id_time_max_ms: 0,
        }
    }

    /// Empties the chunk and keeps its memory.
    pub fn reuse(mut self, first_sequence: u64) -> Self {
        self.first_sequence = first_sequence;
        self.end = end(first_sequence, self.chunk_bits);
        self.len = 0;
        self.links.clear();
        self.balances.clear();
        self.index.clear();
        self.id_time_min_ms = u64::MAX;
        self.id_time_max_ms = 0;
        self
    }

    pub fn records(&self) -> &[Transfer] {
        &self.records[..self.len]
    }

    /// Returns every transfer.
    pub fn transfers(&self) -> impl Iterator<Item = (&Transfer, &Link)> {
        self.records().iter().zip(&self.links)
    }

    /// Returns the transfer of a timestamp.
    pub fn find_time(&self, timestamp: u64) -> Option<u64> {
        let position = self.records().binary_search_by_key(&timestamp, |record| record.timestamp).ok()?;
        Some(self.first_sequence + position as u64)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_full(&self) -> bool {
        self.first_sequence + self.len as u64 == self.end
    }

    /// Returns how many more transfers fit.
    pub fn room(&self) -> usize {
        (self.end - self.first_sequence) as usize - self.len
    }

    #[inline]
    pub fn record(&self, sequence: u64) -> &Transfer {
        &self.records[(sequence - self.first_sequence) as usize]
    }

    #[inline]
    pub fn link(&self, sequence: u64) -> &Link {
        &self.links[(sequence - self.first_sequence) as usize]
    }

    #[inline]
    pub fn link_mut(&mut self, sequence: u64) -> &mut Link {
        &mut self.links[(sequence - self.first_sequence) as usize]
    }

    /// Lays events out from `offset` on, which is at or behind the newest transfer.
    pub fn stage(&mut self, offset: usize, events: &[u8]) {
        self.reserve();
        let count = events.len() / RECORD_SIZE;
        self.records[offset..offset + count].as_mut_bytes().copy_from_slice(events);
    }

    /// Returns events laid out before.
    pub fn staged(&self, offset: usize, count: usize) -> &[Transfer] {
        &self.records[offset..offset + count]
    }

    /// Appends a transfer whose event was laid out at `staged`.
    #[inline(always)]
    pub fn push_staged(&mut self, staged: usize, record: &Transfer, hash: u32, link: Link) {
        if staged == self.len && !record.closes_hold() {
            // It is in place already, but for what execution decided.
            let slot = &mut self.records[staged];
            slot.amount = record.amount;
            slot.timestamp = record.timestamp;
        } else {
            self.records[self.len] = *record;
        }
        self.add(record, hash, link);
    }

    /// Appends a transfer.
    pub fn push(&mut self, record: &Transfer, hash: u32, link: Link) {
        self.reserve();
        self.records[self.len] = *record;
        self.add(record, hash, link);
    }

    #[inline(always)]
    fn add(&mut self, record: &Transfer, hash: u32, link: Link) {
        self.index.push(hash, |position| hash_id(self.records[position as usize].id));
        self.len += 1;
        self.links.push(link);
        let time = id_time_ms(record.id);
        self.id_time_min_ms = self.id_time_min_ms.min(time);
        self.id_time_max_ms = self.id_time_max_ms.max(time);
    }

    #[inline]
    fn reserve(&mut self) {
        if self.records.is_empty() {
            // Zeroed by the operating system, page by page as they are used.
            self.records = Transfer::new_vec_zeroed(1 << self.chunk_bits).expect("memory for a chunk of transfers");
        }
    }

    /// Takes the newest transfer back.
    pub fn pop(&mut self) -> (Transfer, Link) {
        self.len -= 1;
        let record = self.records[self.len];
        let link = self.links.pop().expect("every record has a link");
        self.index.pop(hash_id(record.id), |position| hash_id(self.records[position as usize].id));
        let sequence = self.first_sequence + self.len as u64;
        while self.balances.last().is_some_and(|row| row.sequence >= sequence) {
            self.balances.pop();
        }
        (record, link)
    }

    #[inline(always)]
    pub fn find(&self, id: u128, hash: u32) -> Option<u64> {
        if !self.may_contain(id) {
            return None;
        }
        self.index
            .find(hash, |position| self.records[position as usize].id == id)
            .map(|position| self.first_sequence + u64::from(position))
    }

    /// Returns whether the id's time is within the times of this chunk's ids.
    #[inline]
    pub fn may_contain(&self, id: u128) -> bool {
        let time = id_time_ms(id);
        time >= self.id_time_min_ms && time <= self.id_time_max_ms
    }

    /// Returns the first slot of the index to look at for an id with this hash.
    #[inline]
    pub fn peek(&self, hash: u32) -> u32 {
        self.index.peek(hash)
    }
}

fn end(first_sequence: u64, chunk_bits: u32) -> u64 {
    ((first_sequence >> chunk_bits) + 1) << chunk_bits
}
