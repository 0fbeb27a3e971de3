//! An open-addressing index from 128-bit ids to dense positions.

use std::hash::BuildHasher;

const SLOTS_MIN: usize = 16;

/// Returns the hash every index of this crate uses. It decides speed, never results.
#[inline]
pub(crate) fn hash_id(id: u128) -> u32 {
    (foldhash::quality::FixedState::with_seed(0x6c65_6467_6572).hash_one(id) >> 32) as u32
}

/// Linear probing over eight-byte slots: 32 bits of hash and 32 bits of position, so that a lookup that misses costs
/// one cache line, and growing or removing never has to look at the ids themselves.
///
/// The home of an entry is the top bits of its hash: growing keeps entries in order and streams through memory.
pub(crate) struct IdIndex {
    /// Zero is empty; else hash in the high half, position + 1 in the low half.
    slots: Vec<u64>,
    shift: u32,
    len: usize,
}

impl IdIndex {
    /// Returns an index that holds `capacity` entries without growing.
    pub fn with_capacity(capacity: usize) -> Self {
        let slots = (capacity * 2).next_power_of_two().max(SLOTS_MIN);
        Self { slots: vec![0; slots], shift: 32 - slots.trailing_zeros(), len: 0 }
    }

    /// Returns the slot where a hash is looked for first: loading it early hides the cache miss.
    #[inline]
    pub fn peek(&self, hash: u32) -> u64 {
        self.slots[(hash >> self.shift) as usize]
    }

    /// Returns the position with this hash that `is_match` accepts.
    #[inline]
    pub fn find(&self, hash: u32, mut is_match: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot_index = (hash >> self.shift) as usize;
        loop {
            let slot = self.slots[slot_index & mask];
            if slot == 0 {
                return None;
            }
            if slot_hash(slot) == hash {
                let position = slot_position(slot);
                if is_match(position) {
                    return Some(position);
                }
            }
            slot_index += 1;
        }
    }

    /// Adds an entry; the caller knows that it is absent.
    #[inline]
    pub fn insert(&mut self, hash: u32, position: u32) {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.len += 1;
        self.place(u64::from(hash) << 32 | u64::from(position + 1));
    }

    /// Removes the entry of this hash and position, which must be present.
    pub fn remove(&mut self, hash: u32, position: u32) {
        let mask = self.slots.len() - 1;
        let wanted = u64::from(hash) << 32 | u64::from(position + 1);
        let mut hole = (hash >> self.shift) as usize;
        while self.slots[hole] != wanted {
            assert!(self.slots[hole] != 0, "the entry to remove is in the index");
            hole = (hole + 1) & mask;
        }
        // Close the gap: move back whatever may live at or before the hole.
        let mut next = (hole + 1) & mask;
        while self.slots[next] != 0 {
            let home = (slot_hash(self.slots[next]) >> self.shift) as usize;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[hole] = 0;
        self.len -= 1;
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    fn place(&mut self, entry: u64) {
        let mask = self.slots.len() - 1;
        let mut slot_index = (slot_hash(entry) >> self.shift) as usize;
        while self.slots[slot_index] != 0 {
            slot_index = (slot_index + 1) & mask;
        }
        self.slots[slot_index] = entry;
    }

    #[cold]
    fn grow(&mut self) {
        let grown = vec![0; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, grown);
        self.shift -= 1;
        for entry in old {
            if entry != 0 {
                self.place(entry);
            }
        }
    }
}

/// Returns the hash in a slot.
#[inline]
pub(crate) fn slot_hash(slot: u64) -> u32 {
    (slot >> 32) as u32
}

/// Returns the position in a slot that is not empty.
#[inline]
pub(crate) fn slot_position(slot: u64) -> u32 {
    (slot as u32) - 1
}

#[cfg(test)]
mod property_tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Few distinct hashes, so that probe chains overlap, wrap around and are cut in the middle.
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0u32..12, 0u32..40, any::<bool>()), 1..400)) {
            let mut index = IdIndex::with_capacity(0);
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (hash, position, insert) in steps {
                let hash = hash.wrapping_mul(0x1555_5555);
                if insert && !model.contains_key(&position) {
                    index.insert(hash, position);
                    model.insert(position, hash);
                } else if let Some(stored) = model.remove(&position) {
                    index.remove(stored, position);
                }
                prop_assert_eq!(index.len(), model.len());
                for (&position, &hash) in &model {
                    prop_assert_eq!(index.find(hash, |found| found == position), Some(position));
                }
                prop_assert_eq!(index.find(hash, |found| found == 99), None);
            }
        }
    }
}
