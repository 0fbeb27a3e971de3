//! The limiter: the keys and the times of their full buckets.

use super::quota::Quota;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::num::NonZeroU32;

/// The most limits in one check.
pub const LIMITS_MAX: usize = 4;

/// So many places are looked at for an idle key before a newcomer is refused; the next newcomer looks further on.
const PLACES_EXAMINED: usize = 256;

/// A refused newcomer waits no longer: by then other places have been looked at.
const ROOM_RETRY_NS: u64 = 1_000_000_000;

/// A key and what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The id of an API key, a merchant, or anything else that is limited: one id space for all kinds.
    pub key: u128,
    /// What the key may do; it may differ from check to check.
    pub quota: Quota,
}

/// Why a check was refused. Nothing was counted against any of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too much too soon: the limit (by position) that takes longest to allow it, and how long that is.
    Limited {
        /// Position among the limits of the check.
        limit: usize,
        /// Nanoseconds after which the same check may pass.
        retry_after_ns: u64,
    },
    /// More units than this limit (by position) ever lets pass at once: waiting does not help.
    CostAboveBurst {
        /// Position among the limits of the check.
        limit: usize,
    },
    /// A new key came when every place was taken by an active one.
    NoRoom {
        /// Nanoseconds after which there may be room.
        retry_after_ns: u64,
    },
}

struct Bucket {
    /// In halves, low first: as one number it would be aligned to 16 bytes, and the bucket a third larger.
    key: [u64; 2],
    /// When it is full again: the theoretical arrival time of GCRA. In the past, the key is idle.
    full_at: u64,
}

/// Counts what keys do, and refuses what is beyond their quotas.
pub struct RateLimiter {
    buckets: HashTable<Bucket>,
    hasher: foldhash::quality::FixedState,
    keys_max: usize,
    /// The place to look at next for an idle key.
    hand: usize,
}

impl RateLimiter {
    /// Returns a limiter of at most `keys_max` keys (at least [`LIMITS_MAX`]).
    ///
    /// Its memory is taken at once, 29 to 57 bytes for each key; as keys come and go it may double, once.
    ///
    /// `seed` decides where keys are kept, never an answer; draw it at random where outsiders can choose keys.
    pub fn new(keys_max: usize, seed: u64) -> Self {
        let keys_max = keys_max.max(LIMITS_MAX);
        Self {
            buckets: HashTable::with_capacity(keys_max),
            hasher: foldhash::quality::FixedState::with_seed(seed),
            keys_max,
            hand: 0,
        }
    }

    /// Counts `cost` units against every limit, or against none of them where one refuses.
    ///
    /// `now` is in nanoseconds of any epoch. Where it steps back, buckets do not fill until it has caught up, for at
    /// most as long as a burst takes to be paid off.
    ///
    /// # Panics
    ///
    /// Where there are more than [`LIMITS_MAX`] limits, or two with the same key.
    pub fn check(&mut self, limits: &[Limit], cost: NonZeroU32, now: u64) -> Result<(), Refusal> {
        assert!(limits.len() <= LIMITS_MAX, "at most {LIMITS_MAX} limits are checked at once");
        let cost = cost.get();
        let mut hashes = [0; LIMITS_MAX];
        for (position, limit) in limits.iter().enumerate() {
            assert!(limits[..position].iter().all(|other| other.key != limit.key), "the keys of a check differ");
            if cost > limit.quota.burst() {
                return Err(Refusal::CostAboveBurst { limit: position });
            }
            hashes[position] = self.hasher.hash_one(halves(limit.key));
        }
        // All lookups before any answer: their cache misses overlap.
        let mut places = [None; LIMITS_MAX];
        for (position, limit) in limits.iter().enumerate() {
            let key = halves(limit.key);
            places[position] = self.buckets.find_bucket_index(hashes[position], |bucket| bucket.key == key);
        }
        let mut full_at = [0; LIMITS_MAX];
        let mut newcomers = 0;
        let mut longest: Option<(u64, usize)> = None;
        for (position, limit) in limits.iter().enumerate() {
            let known = places[position].and_then(|place| self.buckets.get_bucket(place));
            newcomers += usize::from(known.is_none());
            match limit.quota.advance(known.map_or(0, |bucket| bucket.full_at), cost, now) {
                Ok(time) => full_at[position] = time,
                Err(wait) if longest.is_none_or(|(longest, _)| wait > longest) => longest = Some((wait, position)),
                Err(_) => {}
            }
        }
        if let Some((retry_after_ns, limit)) = longest {
            return Err(Refusal::Limited { limit, retry_after_ns });
        }
        if newcomers > 0 {
            self.make_room(newcomers, now)?;
        }
        for (position, limit) in limits.iter().enumerate() {
            // Making room may have taken the place of a key that was idle until now.
            match places[position].filter(|_| newcomers == 0).and_then(|place| self.buckets.get_bucket_mut(place)) {
                Some(bucket) => bucket.full_at = full_at[position],
                None => self.set(hashes[position], halves(limit.key), full_at[position]),
            }
        }
        Ok(())
    }

    /// Returns the number of keys in memory, idle ones that were not forgotten yet included.
    pub fn keys_len(&self) -> usize {
        self.buckets.len()
    }

    fn set(&mut self, hash: u64, key: [u64; 2], full_at: u64) {
        let Self { buckets, hasher, .. } = self;
        buckets
            .entry(hash, |bucket| bucket.key == key, |bucket| hasher.hash_one(bucket.key))
            .and_modify(|bucket| bucket.full_at = full_at)
            .or_insert(Bucket { key, full_at });
    }

    /// Forgets idle keys until there is room for `newcomers`.
    fn make_room(&mut self, newcomers: usize, now: u64) -> Result<(), Refusal> {
        let mut retry_after_ns = ROOM_RETRY_NS;
        let mut examined = 0;
        while self.buckets.len() + newcomers > self.keys_max {
            if examined == PLACES_EXAMINED {
                return Err(Refusal::NoRoom { retry_after_ns });
            }
            examined += 1;
            self.hand = (self.hand + 1) % self.buckets.num_buckets();
            if let Ok(bucket) = self.buckets.get_bucket_entry(self.hand) {
                match bucket.get().full_at.saturating_sub(now) {
                    0 => drop(bucket.remove()),
                    active_ns => retry_after_ns = retry_after_ns.min(active_ns),
                }
            }
        }
        Ok(())
    }
}

fn halves(key: u128) -> [u64; 2] {
    [key as u64, (key >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NOW: u64 = 1_700_000_000 * SECOND;
    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn limit(key: u128, units: u32, burst: u32) -> Limit {
        Limit { key, quota: Quota::new(units, SECOND, burst).unwrap() }
    }

    fn cost(units: u32) -> NonZeroU32 {
        NonZeroU32::new(units).unwrap()
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_per_interval() {
        let mut limiter = RateLimiter::new(10, 1);
        let limits = [limit(1, 10, 5)];
        for _ in 0..5 {
            assert_eq!(limiter.check(&limits, ONE, NOW), Ok(()));
        }
        let refusal = Refusal::Limited { limit: 0, retry_after_ns: SECOND / 10 };
        assert_eq!(limiter.check(&limits, ONE, NOW), Err(refusal));
        // Asking again costs nothing, and the hint is exact.
        assert!(limiter.check(&limits, ONE, NOW + SECOND / 10 - 1).is_err());
        assert_eq!(limiter.check(&limits, ONE, NOW + SECOND / 10), Ok(()));
        assert_eq!(limiter.check(&limits, ONE, NOW + SECOND / 10), Err(refusal));
    }

    #[test]
    fn a_cost_of_many_waits_for_many() {
        let mut limiter = RateLimiter::new(10, 1);
        let limits = [limit(1, 10, 5)];
        assert_eq!(limiter.check(&limits, cost(4), NOW), Ok(()));
        let refusal = Refusal::Limited { limit: 0, retry_after_ns: 3 * SECOND / 10 };
        assert_eq!(limiter.check(&limits, cost(4), NOW), Err(refusal));
        assert_eq!(limiter.check(&limits, ONE, NOW), Ok(()), "what was refused was not counted");
        assert_eq!(limiter.check(&limits, cost(6), NOW), Err(Refusal::CostAboveBurst { limit: 0 }));
    }

    #[test]
    fn all_limits_or_none() {
        let mut limiter = RateLimiter::new(10, 1);
        let (key, merchant) = (limit(1, 10, 5), limit(2, 1, 1));
        assert_eq!(limiter.check(&[key, merchant], ONE, NOW), Ok(()));
        for _ in 0..100 {
            let refusal = Refusal::Limited { limit: 1, retry_after_ns: SECOND };
            assert_eq!(limiter.check(&[key, merchant], ONE, NOW), Err(refusal));
        }
        for _ in 0..4 {
            assert_eq!(limiter.check(&[key], ONE, NOW), Ok(()), "the refusals did not count against the key");
        }
        // Both refuse: the hint is the longer wait, whichever comes first.
        let refusal = |limit| Err(Refusal::Limited { limit, retry_after_ns: SECOND });
        assert_eq!(limiter.check(&[key, merchant], ONE, NOW), refusal(1));
        assert_eq!(limiter.check(&[merchant, key], ONE, NOW), refusal(0));
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out() {
        let mut limiter = RateLimiter::new(10, 1);
        let limits = [limit(1, 10, 2)];
        assert_eq!(limiter.check(&limits, cost(2), NOW), Ok(()));
        let hour_ago = NOW - 3600 * SECOND;
        let refusal = Refusal::Limited { limit: 0, retry_after_ns: SECOND / 10 };
        assert_eq!(limiter.check(&limits, ONE, hour_ago), Err(refusal), "an interval, not an hour");
        assert_eq!(limiter.check(&limits, ONE, 0), Err(refusal));
    }

    #[test]
    fn a_clock_at_its_end_does_not_overflow() {
        let mut limiter = RateLimiter::new(10, 1);
        assert_eq!(limiter.check(&[limit(1, 1, 1)], ONE, u64::MAX), Ok(()));
    }

    #[test]
    fn an_active_key_keeps_its_place_and_newcomers_are_refused() {
        let mut limiter = RateLimiter::new(4, 1);
        for key in 0..4 {
            assert_eq!(limiter.check(&[limit(key, 10, 1)], ONE, NOW), Ok(()));
        }
        for newcomer in 100..1_000 {
            let refusal = limiter.check(&[limit(newcomer, 10, 1)], ONE, NOW).unwrap_err();
            assert_eq!(refusal, Refusal::NoRoom { retry_after_ns: SECOND / 10 });
        }
        for key in 0..4 {
            assert!(limiter.check(&[limit(key, 10, 1)], ONE, NOW).is_err(), "the flood did not reset key {key}");
        }
        assert_eq!(limiter.check(&[limit(100, 10, 1)], ONE, NOW + SECOND / 10), Ok(()), "there is room again");
    }

    #[test]
    fn idle_keys_make_room_and_memory_stays_bounded() {
        for keys_max in [500, 896, 1_000] {
            let mut limiter = RateLimiter::new(keys_max, 1);
            let allocated = limiter.buckets.allocation_size();
            for key in 0..200_000u64 {
                let now = NOW + key * SECOND / 1_000; // each is idle again after a tenth of a second
                assert_eq!(limiter.check(&[limit(key.into(), 10, 1)], ONE, now), Ok(()));
            }
            assert!(limiter.keys_len() <= keys_max);
            assert!(limiter.buckets.allocation_size() <= allocated * 2);
        }
    }

    #[test]
    #[should_panic(expected = "the keys of a check differ")]
    fn the_same_key_twice_is_misuse() {
        let _ = RateLimiter::new(10, 1).check(&[limit(1, 1, 1), limit(1, 1, 1)], ONE, NOW);
    }
}
