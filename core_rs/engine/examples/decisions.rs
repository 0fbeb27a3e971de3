//! What a routing decision and a rate limit check cost, on one core.
//!
//! ```text
//! cargo run --release -p pycore-engine --example decisions -- [limiter_check|routing_decision]
//! ```
//!
//! Prints one JSON object per line; the value is microseconds per decision or check, the middle of many short rounds.
//! Keys are looked up in random order, so that a million of them do not stay in the processor's cache.

// A benchmark reports rates.
#![allow(clippy::float_arithmetic)]

use pycore_engine::rate_limit::{Limit, Quota, RateLimiter};
use pycore_engine::routing::{
    Catalogue, MILLION, MerchantPolicy, Outcome, Price, Route, RouteRequest, Router, RouterOptions, Terms,
};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Instant;

const ROUNDS: usize = 2_001;
const PER_ROUND: u64 = 500;
const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_760_000_000 * SECOND;
const KEYS_PER_MERCHANT: u64 = 4;

/// Returns the microseconds of one call: the middle of many rounds, after one to warm up.
fn microseconds(mut call: impl FnMut(u64)) -> f64 {
    let mut rounds: Vec<f64> = (0..=ROUNDS as u64)
        .map(|round| {
            let started = Instant::now();
            (round * PER_ROUND..(round + 1) * PER_ROUND).for_each(&mut call);
            started.elapsed().as_nanos() as f64 / PER_ROUND as f64 / 1e3
        })
        .skip(1)
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn print(name: &str, value: f64, parameters: &str) {
    println!("{{\"name\": \"{name}\", \"value\": {value:.4}, \"unit\": \"µs\", \"parameters\": {{{parameters}}}}}");
}

/// Spreads numbers, one to one.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// A check of a key and its merchant, every key in memory and active.
fn limiter_check(name: &str, keys: u64) {
    let per_key = Quota::new(1_000, SECOND, 1_000).expect("a quota");
    let per_merchant = Quota::new(10_000, SECOND, 10_000).expect("a quota");
    let limits = |key: u64| {
        let merchant = (1 << 40) + key / KEYS_PER_MERCHANT;
        let id = |number: u64| (u128::from(mix(number)) << 64) | u128::from(number);
        [Limit { key: id(key), quota: per_key }, Limit { key: id(merchant), quota: per_merchant }]
    };
    let mut limiter = RateLimiter::new((keys + keys / KEYS_PER_MERCHANT) as usize, 1);
    for key in 0..keys {
        limiter.check(&limits(key), NonZeroU32::MIN, NOW).expect("within the quota");
    }
    // A thousand times slower than the quota of a key, so that nothing is refused.
    let value = microseconds(|step| {
        let now = NOW + step * SECOND / 1_000;
        let answer = limiter.check(&limits(mix(step) % keys), NonZeroU32::MIN, now);
        assert!(black_box(answer).is_ok(), "nothing is refused");
    });
    assert_eq!(limiter.keys_len() as u64, keys + keys / KEYS_PER_MERCHANT);
    print(name, value, &format!("\"keys\": {keys}, \"limits_per_check\": 2"));
}

/// A decision among channels that all take the payment, for a merchant with three rules.
fn routing_decision(name: &str, channels: usize, exploration_ppm: u32) {
    let route = |channel: usize| Route {
        channel: format!("channel_{channel}"),
        method: "qr".into(),
        bank: None,
        on_us: channel == 0,
        terms: vec![Terms {
            currency: "CNY".into(),
            amount_min: 1,
            amount_max: 5_000_000,
            price: Price { basis_points: 20 + channel as u32, ..Price::default() },
        }],
    };
    let catalogue = Catalogue::new((0..channels).map(route).collect()).expect("a catalogue");
    let options = RouterOptions { exploration_ppm, ..RouterOptions::default() };
    let mut router = Router::new(catalogue, options).expect("good options");
    for step in 0..10_000 {
        let outcome = if mix(step).is_multiple_of(20) { Outcome::Failed } else { Outcome::Succeeded };
        router.record(mix(step + 7) as usize % channels, outcome, NOW + step * SECOND / 100);
    }
    let rules = "when amount > 100000 and currency is CNY avoid channel_1\n\
                 when hour from 22 to 6 and label is vip prefer channel_2\n\
                 when bank is icbc or ccb prefer channel_1";
    let policy = MerchantPolicy {
        rules: router.catalogue().parse_rules(rules).expect("good rules"),
        labels: vec!["vip".into()],
        denied: vec!["another".into()],
        ..MerchantPolicy::default()
    };
    let value = microseconds(|step| {
        let amount_minor = 100 + mix(step) % 200_000;
        let request = RouteRequest {
            methods: &["balance", "qr"],
            bank: Some("icbc"),
            currency: "CNY",
            amount_minor,
            value_minor: amount_minor,
        };
        let decision = router.decide(&request, &policy, NOW + 100 * SECOND + step * 1_000, step);
        assert!(!black_box(decision).kept().is_empty(), "there is a route");
    });
    let share = f64::from(exploration_ppm) / f64::from(MILLION);
    print(name, value, &format!("\"channels\": {channels}, \"rules\": 3, \"exploration\": {share}"));
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if "limiter_check".starts_with(&wanted) {
        limiter_check("limiter_check_1k", 1_000);
        limiter_check("limiter_check", 1_000_000);
    }
    if "routing_decision".starts_with(&wanted) {
        let usual = RouterOptions::default().exploration_ppm;
        routing_decision("routing_decision_3", 3, usual);
        routing_decision("routing_decision", 10, usual);
        routing_decision("routing_decision_50", 50, usual);
        routing_decision("routing_decision_exploring", 10, MILLION);
    }
}
