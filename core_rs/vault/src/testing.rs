//! What the tests share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::aead::Algorithm;
use crate::blind_index::BlindIndex;
use crate::keyring::Keyring;
use crate::randomness::Randomness;
use crate::secret::Secret;

/// Bytes that look random, never repeat, and are the same in every run.
pub struct Counting(AtomicU64);

impl Counting {
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Randomness for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64's step and mixer: each state gives another number.
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A keyring with an active data key, and a blind index.
pub fn keyring(algorithm: Algorithm, random: &dyn Randomness) -> (Keyring, BlindIndex) {
    let keyring = Keyring::new(vec![Secret::random(random)], algorithm, random).unwrap();
    keyring.create_data_key(1, random);
    keyring.activate(1).unwrap();
    let index = keyring.blind_index(&keyring.create_index_key(2, random)).unwrap();
    (keyring, index)
}
