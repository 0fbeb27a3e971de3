//! Holds whose chunk has left the window: open ones, and closed ones the database does not know as closed yet.

use crate::id_index::{IdIndex, hash_id};
use crate::transfer::{Transfer, id_time_ms};
use std::collections::VecDeque;

/// A hold carried over from an evicted chunk.
#[derive(Clone, Copy)]
pub(crate) struct CarriedHold {
    pub record: Transfer,
    pub sequence: u64,
    /// The time of the batch that closed it; 0 while it is open.
    pub closed_at: u64,
    /// The debit and the credit account.
    pub accounts: [u32; 2],
    /// A [`HoldOutcome`](crate::HoldOutcome) as a number.
    pub outcome: u8,
}

/// A closed hold that waits to be forgotten.
#[derive(Clone, Copy)]
struct ClosedHold {
    closed_at: u64,
    position: u32,
    /// Of its id.
    hash: u32,
}

/// The carried holds by id.
pub(crate) struct CarriedHolds {
    slots: Vec<CarriedHold>,
    free: Vec<u32>,
    index: IdIndex,
    /// The greatest time in an id that was ever carried: newer ids need not be looked for here.
    id_time_max_ms: u64,
    /// Closed ones, by when they were closed.
    closed: VecDeque<ClosedHold>,
}

impl CarriedHolds {
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: IdIndex::with_capacity(0),
            id_time_max_ms: 0,
            closed: VecDeque::new(),
        }
    }

    pub fn insert(&mut self, hold: CarriedHold) -> u32 {
        self.id_time_max_ms = self.id_time_max_ms.max(id_time_ms(hold.record.id));
        let position = match self.free.pop() {
            Some(position) => {
                self.slots[position as usize] = hold;
                position
            }
            None => {
                self.slots.push(hold);
                self.slots.len() as u32 - 1
            }
        };
        self.index.insert(hash_id(hold.record.id), position);
        position
    }

    #[inline]
    pub fn find(&self, id: u128, hash: u32) -> Option<u32> {
        if self.index.len() == 0 || id_time_ms(id) > self.id_time_max_ms {
            return None;
        }
        self.index.find(hash, |position| self.slots[position as usize].record.id == id)
    }

    #[inline]
    pub fn peek(&self, hash: u32) -> u64 {
        self.index.peek(hash)
    }

    pub fn get(&self, position: u32) -> &CarriedHold {
        &self.slots[position as usize]
    }

    pub fn get_mut(&mut self, position: u32) -> &mut CarriedHold {
        &mut self.slots[position as usize]
    }

    /// A closed hold stays until the database knows; `closed_at` is the time of the batch that closed it.
    pub fn retain_closed(&mut self, position: u32, closed_at: u64, hash: u32) {
        self.closed.push_back(ClosedHold { closed_at, position, hash });
    }

    /// Forgets up to `limit` holds that were closed up to a time; the database knows them.
    pub fn forget_closed(&mut self, closed_until: u64, limit: usize) {
        let count = self.closed.partition_point(|closed| closed.closed_at <= closed_until).min(limit);
        // The misses of all the removals overlap if they are looked at first.
        std::hint::black_box(
            self.closed.range(..count).fold(0, |touched, closed| touched ^ self.index.peek(closed.hash)),
        );
        for closed in self.closed.drain(..count) {
            self.index.remove(closed.hash, closed.position);
            self.free.push(closed.position);
        }
    }

    /// Returns the ids of the holds closed after one time and up to another.
    pub fn closed_between(&self, after: u64, until: u64) -> impl Iterator<Item = u128> {
        let first = self.closed.partition_point(|closed| closed.closed_at <= after);
        let closed = self.closed.range(first..).take_while(move |closed| closed.closed_at <= until);
        closed.map(|closed| self.slots[closed.position as usize].record.id)
    }

    /// Returns the holds that are open as of the last commit.
    pub fn committed_open(&self, committed_timestamp: u64) -> impl Iterator<Item = &CarriedHold> {
        let mut is_free = vec![false; self.slots.len()];
        for &position in &self.free {
            is_free[position as usize] = true;
        }
        let occupied = self.slots.iter().zip(is_free).filter(|(_, is_free)| !is_free).map(|(hold, _)| hold);
        occupied.filter(move |hold| hold.closed_at == 0 || hold.closed_at > committed_timestamp)
    }
}
