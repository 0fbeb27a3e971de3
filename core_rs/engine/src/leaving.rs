//! Chunks on their way out of memory.
//!
//! An evicted chunk is gone from the window at once, and its ids are asked for as cold from then on. But answers asked
//! for before may still be on their way, for a batch that relies on what was in memory then: so a chunk can be found
//! until two more batches are committed. Then its open holds are carried over, bit by bit, as it may hold a million of
//! them and no batch shall wait for that.

use crate::chunk::Chunk;
use crate::holds::CarriedHold;
use std::collections::VecDeque;

/// After as many commits nothing relies any more on what was in memory before: one batch is in flight, and the next may
/// have asked already.
pub(crate) const COMMITS_RELIED_ON: u64 = 2;

struct LeavingChunk {
    chunk: Chunk,
    /// When it was evicted, in commits.
    evicted_at: u64,
    /// Transfers before this one are done with: their open holds were carried over.
    passed: usize,
}

/// The chunks that leave, oldest first.
#[derive(Default)]
pub(crate) struct LeavingChunks {
    chunks: VecDeque<LeavingChunk>,
}

impl LeavingChunks {
    pub fn push(&mut self, chunk: Chunk, evicted_at: u64) {
        self.chunks.push_back(LeavingChunk { chunk, evicted_at, passed: 0 });
    }

    /// Returns the sequence of a transfer that is not done with.
    #[inline]
    pub fn find(&self, id: u128, hash: u32) -> Option<u64> {
        self.chunks.iter().find_map(|leaving| {
            let sequence = leaving.chunk.find(id, hash)?;
            leaving.contains(sequence).then_some(sequence)
        })
    }

    /// Returns the transfer of a timestamp, done with or not: its record is here as long as its chunk.
    pub fn find_time(&self, timestamp: u64) -> Option<u64> {
        self.chunks.iter().find_map(|leaving| leaving.chunk.find_time(timestamp))
    }

    /// Loads the index slots that [`Self::find`] will need.
    #[inline]
    pub fn peek(&self, id: u128, hash: u32) -> u32 {
        let chunks = self.chunks.iter().filter(|leaving| leaving.chunk.may_contain(id));
        chunks.fold(0, |touched, leaving| touched ^ leaving.chunk.peek(hash))
    }

    /// Returns whether a transfer is an open hold here.
    pub fn is_open(&self, sequence: u64) -> bool {
        self.chunks.iter().any(|leaving| leaving.contains(sequence) && leaving.chunk.link(sequence).is_open())
    }

    /// Returns the chunk of a transfer that was found here.
    #[inline]
    pub fn chunk(&self, sequence: u64) -> &Chunk {
        let leaving = self.chunks.iter().find(|leaving| leaving.contains(sequence));
        &leaving.expect("the transfer was found here").chunk
    }

    /// Returns the chunk of a transfer that was found here.
    pub fn chunk_mut(&mut self, sequence: u64) -> &mut Chunk {
        let leaving = self.chunks.iter_mut().find(|leaving| leaving.contains(sequence));
        &mut leaving.expect("the transfer was found here").chunk
    }

    /// Returns the next open hold to carry over, looking at up to `limit` transfers, which it lowers.
    pub fn next_open(&mut self, commits: u64, limit: &mut usize) -> Option<CarriedHold> {
        let leaving = self.chunks.front_mut()?;
        if commits < leaving.evicted_at + COMMITS_RELIED_ON {
            return None;
        }
        let chunk = &leaving.chunk;
        while leaving.passed < chunk.len() && *limit > 0 {
            let offset = leaving.passed;
            leaving.passed += 1;
            *limit -= 1;
            let link = &chunk.links[offset];
            if link.is_open() {
                return Some(CarriedHold {
                    record: chunk.records()[offset],
                    sequence: chunk.first_sequence + offset as u64,
                    closed_at: 0,
                    accounts: link.accounts,
                    outcome: link.outcome,
                });
            }
        }
        None
    }

    /// Returns the oldest chunk if nothing of it is needed any more.
    pub fn take_done(&mut self) -> Option<Chunk> {
        let leaving = self.chunks.front()?;
        let is_done = leaving.passed == leaving.chunk.len();
        if is_done { self.chunks.pop_front().map(|leaving| leaving.chunk) } else { None }
    }

    /// Returns every open hold here, as of the last commit.
    pub fn open_holds(&self) -> impl Iterator<Item = (&crate::transfer::Transfer, [u32; 2])> {
        self.chunks.iter().flat_map(|leaving| {
            let transfers = leaving.chunk.transfers().skip(leaving.passed);
            transfers.filter(|(_, link)| link.is_open()).map(|(record, link)| (record, link.accounts))
        })
    }
}

impl LeavingChunk {
    #[inline]
    fn contains(&self, sequence: u64) -> bool {
        let offset = sequence.wrapping_sub(self.chunk.first_sequence);
        offset >= self.passed as u64 && offset < self.chunk.len() as u64
    }
}
