//! The index of one chunk: from transfer ids to positions in the chunk.

const SLOTS_MIN: usize = 16;

/// Linear probing over four-byte slots. Every transfer looks its id up here and adds it, at a random place, so the
/// table is kept as small as it can be: a slot holds the position and as many bits of the hash as are left, and where
/// more of the hash is needed (growing, removing) it is computed again from the id.
pub(crate) struct ChunkIndex {
    /// Zero is empty; else `tag << position_bits | position + 1`.
    slots: Vec<u32>,
    /// The top bits of a hash are its home.
    shift: u32,
    position_bits: u32,
    len: usize,
}

impl ChunkIndex {
    /// Returns an empty index of up to `2^chunk_bits` transfers.
    pub fn new(chunk_bits: u32) -> Self {
        Self {
            slots: vec![0; SLOTS_MIN],
            shift: 32 - SLOTS_MIN.trailing_zeros(),
            position_bits: chunk_bits + 1,
            len: 0,
        }
    }

    /// Returns the slot where a hash is looked for first: loading it early hides the cache miss.
    #[inline]
    pub fn peek(&self, hash: u32) -> u32 {
        self.slots[(hash >> self.shift) as usize]
    }

    /// Returns the position with this hash that `is_match` accepts.
    #[inline(always)]
    pub fn find(&self, hash: u32, mut is_match: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let tag = hash << self.position_bits;
        let mut slot_index = (hash >> self.shift) as usize;
        loop {
            let slot = self.slots[slot_index & mask];
            if slot == 0 {
                return None;
            }
            // Zero in the bits of the tag where it is the same.
            let difference = slot ^ tag;
            if difference >> self.position_bits == 0 && is_match(difference - 1) {
                return Some(difference - 1);
            }
            slot_index += 1;
        }
    }

    /// Adds the next position; the caller knows that its id is absent. `hash_of` gives the hash of earlier positions.
    #[inline(always)]
    pub fn push(&mut self, hash: u32, hash_of: impl Fn(u32) -> u32) {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow(hash_of);
        }
        self.place(hash, self.len as u32);
        self.len += 1;
    }

    /// Removes the newest position. `hash_of` gives the hash of earlier positions.
    pub fn pop(&mut self, hash: u32, hash_of: impl Fn(u32) -> u32) {
        self.len -= 1;
        let mask = self.slots.len() - 1;
        let wanted = self.slot(hash, self.len as u32);
        let mut hole = (hash >> self.shift) as usize;
        while self.slots[hole] != wanted {
            assert!(self.slots[hole] != 0, "the transfer to take back is in the index");
            hole = (hole + 1) & mask;
        }
        // Close the gap: move back whatever may live at or before the hole.
        let mut next = (hole + 1) & mask;
        while self.slots[next] != 0 {
            let position = (self.slots[next] & ((1 << self.position_bits) - 1)) - 1;
            let home = (hash_of(position) >> self.shift) as usize;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.slots[hole] = 0;
    }

    /// Forgets every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }

    #[inline(always)]
    fn slot(&self, hash: u32, position: u32) -> u32 {
        hash << self.position_bits | (position + 1)
    }

    #[inline(always)]
    fn place(&mut self, hash: u32, position: u32) {
        let mask = self.slots.len() - 1;
        let slot = self.slot(hash, position);
        let mut slot_index = (hash >> self.shift) as usize;
        while self.slots[slot_index & mask] != 0 {
            slot_index += 1;
        }
        self.slots[slot_index & mask] = slot;
    }

    #[cold]
    fn grow(&mut self, hash_of: impl Fn(u32) -> u32) {
        self.slots = vec![0; self.slots.len() * 2];
        self.shift -= 1;
        for position in 0..self.len as u32 {
            self.place(hash_of(position), position);
        }
    }
}

#[cfg(test)]
mod property_tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Few distinct hashes, so that probe chains overlap, wrap around and are cut in the middle.
        #[test]
        fn behaves_like_a_list(steps in proptest::collection::vec((0u32..12, 0..5u8), 1..400)) {
            let mut index = ChunkIndex::new(10);
            let mut model: Vec<u32> = Vec::new();
            for (hash, step) in steps {
                if step == 0 && !model.is_empty() {
                    let hash = model.pop().unwrap();
                    index.pop(hash, |position| model[position as usize]);
                } else {
                    let hash = hash.wrapping_mul(0x1555_5555);
                    index.push(hash, |position| model[position as usize]);
                    model.push(hash);
                }
                for (position, &hash) in model.iter().enumerate() {
                    let position = position as u32;
                    prop_assert_eq!(index.find(hash, |found| found == position), Some(position));
                }
                prop_assert_eq!(index.find(0x1555_5555, |found| found == 1 << 9), None);
            }
        }
    }
}
