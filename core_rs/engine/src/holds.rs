//! Holds whose chunk has left the window: open ones, and closed ones the database does not know as closed yet.

use crate::id_index::{IdIndex, hash_id};
use crate::transfer::Transfer;
use crate::window::is_open_as_committed;
use std::collections::VecDeque;

/// A hold carried over from an evicted chunk.
#[derive(Clone, Copy)]
pub(crate) struct CarriedHold {
    pub record: Transfer,
    pub sequence: u64,
    /// When it was closed; 0 while it is open.
    pub closed_at: u64,
    /// The debit and the credit account.
    pub accounts: [u32; 2],
    /// As in [`Link::outcome`](crate::window::Link).
    pub outcome: u8,
}

/// The carried holds by id.
pub(crate) struct CarriedHolds {
    slots: Vec<CarriedHold>,
    free: Vec<u32>,
    index: IdIndex,
    /// Closed ones, by when they were closed.
    closed: VecDeque<(u64, u32)>,
}

impl CarriedHolds {
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), index: IdIndex::with_capacity(0), closed: VecDeque::new() }
    }

    pub fn insert(&mut self, hold: CarriedHold) -> u32 {
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
        if self.index.len() == 0 {
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
    pub fn retain_closed(&mut self, position: u32, closed_at: u64) {
        self.slots[position as usize].closed_at = closed_at;
        self.closed.push_back((closed_at, position));
    }

    /// Forgets the next hold that was closed up to a time; the database knows it. Returns its id.
    pub fn forget_closed(&mut self, closed_until: u64) -> Option<u128> {
        let &(closed_at, position) = self.closed.front()?;
        if closed_at > closed_until {
            return None;
        }
        self.closed.pop_front();
        let id = self.slots[position as usize].record.id;
        self.index.remove(hash_id(id), position);
        self.free.push(position);
        Some(id)
    }

    /// Returns the ids of the holds closed after one time and up to another.
    pub fn closed_between(&self, after: u64, until: u64) -> impl Iterator<Item = u128> {
        let first = self.closed.partition_point(|(closed_at, _)| *closed_at <= after);
        let closed = self.closed.range(first..).take_while(move |(closed_at, _)| *closed_at <= until);
        closed.map(|&(_, position)| self.slots[position as usize].record.id)
    }

    /// Returns the holds that are open as of the last commit.
    pub fn committed_open(&self) -> impl Iterator<Item = &CarriedHold> {
        let mut is_free = vec![false; self.slots.len()];
        for &position in &self.free {
            is_free[position as usize] = true;
        }
        let occupied = self.slots.iter().zip(is_free).filter(|(_, is_free)| !is_free).map(|(hold, _)| hold);
        occupied.filter(|hold| is_open_as_committed(hold.outcome))
    }
}
