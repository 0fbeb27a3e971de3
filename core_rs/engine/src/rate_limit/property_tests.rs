//! The limiter against the plainest thing that does the same: a token bucket per key.

use super::{Limit, Quota, RateLimiter, Refusal};
use proptest::prelude::*;
use std::collections::HashMap;
use std::num::NonZeroU32;

/// Counts tokens in nanoseconds: a token is an interval, so that filling is exact.
struct TokenBucket {
    interval_ns: u64,
    burst: u32,
    tokens_ns: u64,
    filled_at: u64,
}

impl TokenBucket {
    fn new(quota: (u32, u64, u32)) -> Self {
        let (units, window_ns, burst) = quota;
        let interval_ns = window_ns.div_ceil(units.into());
        Self { interval_ns, burst, tokens_ns: interval_ns * u64::from(burst), filled_at: 0 }
    }

    fn fill(&mut self, now: u64) {
        self.tokens_ns = (self.tokens_ns + now - self.filled_at).min(self.interval_ns * u64::from(self.burst));
        self.filled_at = now;
    }

    /// Returns how long the bucket takes to hold `cost` tokens.
    fn wait_ns(&self, cost: u32) -> u64 {
        (self.interval_ns * u64::from(cost)).saturating_sub(self.tokens_ns)
    }

    fn take(&mut self, cost: u32) {
        self.tokens_ns -= self.interval_ns * u64::from(cost);
    }
}

#[derive(Clone, Debug)]
struct Check {
    keys: Vec<usize>,
    cost: u32,
    later_ns: u64,
}

const KEYS: usize = 5;

fn check() -> impl Strategy<Value = Check> {
    let keys = proptest::sample::subsequence((0..KEYS).collect::<Vec<_>>(), 1..=3).prop_shuffle();
    let later_ns = prop_oneof![3 => Just(0), 3 => 0..50u64, 3 => 0..3_000u64, 1 => 0..1_000_000u64];
    (keys, prop_oneof![4 => Just(1), 1 => 1..12u32], later_ns).prop_map(|(keys, cost, later_ns)| Check {
        keys,
        cost,
        later_ns,
    })
}

fn quotas() -> impl Strategy<Value = Vec<(u32, u64, u32)>> {
    proptest::collection::vec((1..40u32, 1..20_000u64, 1..9u32), KEYS)
}

proptest! {
    #[test]
    fn the_limiter_answers_as_token_buckets_do(
        quotas in quotas(),
        checks in proptest::collection::vec(check(), 1..200),
        keys_max in prop_oneof![Just(KEYS), Just(100)],
    ) {
        let mut limiter = RateLimiter::new(keys_max, 7);
        let mut model: HashMap<usize, TokenBucket> = HashMap::new();
        let mut now = 1_000_000;
        for check in checks {
            now += check.later_ns;
            let quota = |key: usize| quotas[key];
            let limits: Vec<Limit> = check.keys.iter().map(|&key| {
                let (units, window_ns, burst) = quota(key);
                Limit { key: key as u128, quota: Quota::new(units, window_ns, burst).unwrap() }
            }).collect();
            let answer = limiter.check(&limits, NonZeroU32::new(check.cost).unwrap(), now);
            for &key in &check.keys {
                model.entry(key).or_insert_with(|| TokenBucket::new(quota(key))).fill(now);
            }
            let waits: Vec<u64> = check.keys.iter().map(|key| model[key].wait_ns(check.cost)).collect();
            let longest = *waits.iter().max().unwrap();
            let expected = if let Some(limit) = check.keys.iter().position(|&key| check.cost > quota(key).2) {
                Err(Refusal::CostAboveBurst { limit })
            } else if longest > 0 {
                let limit = waits.iter().position(|&wait| wait == longest).unwrap();
                Err(Refusal::Limited { limit, retry_after_ns: longest })
            } else {
                check.keys.iter().for_each(|key| model.get_mut(key).unwrap().take(check.cost));
                Ok(())
            };
            prop_assert_eq!(answer, expected);
        }
    }

    #[test]
    fn however_the_clock_jumps_no_wait_is_longer_than_the_units_are_worth(
        quota in (1..40u32, 1..20_000u64, 1..9u32),
        moments in proptest::collection::vec(any::<u64>(), 1..100),
        cost in 1..9u32,
    ) {
        let (units, window_ns, burst) = quota;
        let limit = Limit { key: 1, quota: Quota::new(units, window_ns, burst).unwrap() };
        let mut limiter = RateLimiter::new(10, 7);
        for now in moments {
            match limiter.check(&[limit], NonZeroU32::new(cost).unwrap(), now) {
                Ok(()) => {}
                Err(Refusal::CostAboveBurst { .. }) => prop_assert!(cost > burst),
                Err(Refusal::Limited { retry_after_ns, .. }) => {
                    prop_assert!(retry_after_ns <= u64::from(cost) * window_ns.div_ceil(units.into()));
                }
                Err(Refusal::NoRoom { .. }) => prop_assert!(false, "there is room"),
            }
        }
    }
}
