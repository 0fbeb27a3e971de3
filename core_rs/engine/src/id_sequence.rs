//! 128-bit ids that only grow: UUIDv7 (RFC 9562, section 5.7), made from a clock and randomness the caller gives.

const VERSION_7: u128 = 0x7 << 76;
const VARIANT: u128 = 0b10 << 62;
/// The 12 bits after the version and the 62 after the variant, read as one number.
const SEQUENCE_BITS: u32 = 74;
/// The top bit starts at zero, so that one millisecond cannot run out of numbers.
const SEQUENCE_START_BITS: u32 = 73;
/// Steps are random, so that one id does not give away the next.
const SEQUENCE_STEP_BITS: u32 = 40;
/// A clock that steps back further than this is followed: the ledger refuses ids from too far in the future.
const CLOCK_STEP_FOLLOWED_MS: u64 = 10_000;

/// Makes ids that only grow, also within one millisecond and when the clock steps back a little.
#[derive(Default)]
pub struct IdSequence {
    time_ms: Option<u64>,
    sequence: u128,
}

impl IdSequence {
    /// Returns an id greater than all before it, unless the clock was set back by more than ten seconds.
    ///
    /// `random_bits` returns a number of at most that many unpredictable bits.
    pub fn next(&mut self, now_ms: u64, mut random_bits: impl FnMut(u32) -> u128) -> u128 {
        let time_ms = match self.time_ms {
            Some(last) if now_ms <= last && now_ms + CLOCK_STEP_FOLLOWED_MS >= last => {
                self.sequence += 1 + random_bits(SEQUENCE_STEP_BITS);
                if self.sequence >> SEQUENCE_BITS == 0 {
                    last
                } else {
                    self.sequence = random_bits(SEQUENCE_START_BITS);
                    last + 1
                }
            }
            _ => {
                self.sequence = random_bits(SEQUENCE_START_BITS);
                now_ms
            }
        };
        self.time_ms = Some(time_ms);
        let (high, low) = (self.sequence >> 62, self.sequence & ((1 << 62) - 1));
        u128::from(time_ms) << 80 | VERSION_7 | high << 64 | VARIANT | low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id_time_ms;

    #[test]
    fn a_used_up_millisecond_borrows_the_next() {
        let mut ids = IdSequence { time_ms: Some(1000), sequence: (1 << SEQUENCE_BITS) - 5 };
        let first = ids.next(1000, |bits| (1 << bits) - 1);
        assert_eq!(id_time_ms(first), 1001);
        assert!(ids.next(1000, |_| 0) > first);
    }

    #[test]
    fn a_large_step_back_is_followed() {
        let mut ids = IdSequence::default();
        ids.next(100_000, |_| 7);
        assert_eq!(id_time_ms(ids.next(90_000, |_| 7)), 100_000);
        assert_eq!(id_time_ms(ids.next(89_999, |_| 7)), 89_999);
    }
}
