//! How long sealing and opening one field takes, on one core.
//!
//! ```text
//! cargo run --release -p pycore-vault --example latency -- --size 256 --keys 1000 --rounds 200000
//! ```
//!
//! Options: `--size N` (bytes of the field; default 64, 256 and 1,024), `--keys N` (data keys in the keyring; each
//! opens an equal share), `--rounds N`. Prints one JSON object per line; `value` is microseconds per call in the median
//! group of 1,000 calls.
//!
//! Timed: the whole call, with random nonce, associated data, lookup of the key and the allocated result.

// A benchmark reports rates.
#![allow(clippy::float_arithmetic)]

use pycore_vault::{Algorithm, Context, Keyring, Secret, SystemRandom};
use std::hint::black_box;
use std::time::Instant;

const GROUP: usize = 1_000;
const PLACE: Context<'_> =
    Context { tenant: "mer_019a5f3e7c11", field: "payer_phone", record: "pay_019a5f3e7c117b3e8a4f5d6c7b8a9f01" };

struct Parameters {
    sizes: Vec<usize>,
    keys: u128,
    rounds: usize,
}

fn parse() -> Parameters {
    let mut parameters = Parameters { sizes: vec![64, 256, 1_024], keys: 1, rounds: 200_000 };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let [option, value] = pair else { panic!("{} needs a value", pair[0]) };
        let number: usize = value.replace('_', "").parse().expect("a whole number");
        match option.as_str() {
            "--size" => parameters.sizes = vec![number],
            "--keys" => parameters.keys = number as u128,
            "--rounds" => parameters.rounds = number,
            _ => panic!("{option} is not an option; see the top of latency.rs"),
        }
    }
    parameters
}

/// Returns the microseconds per call of the median group and of the group at the 99th percentile.
fn measure(rounds: usize, mut call: impl FnMut(usize)) -> (f64, f64) {
    let mut groups: Vec<f64> = (0..rounds.div_ceil(GROUP).max(3) + 1)
        .map(|group| {
            let started = Instant::now();
            for round in 0..GROUP {
                call(group * GROUP + round);
            }
            started.elapsed().as_nanos() as f64 / GROUP as f64 / 1e3
        })
        .skip(1)
        .collect();
    groups.sort_by(f64::total_cmp);
    (groups[groups.len() / 2], groups[(groups.len() - 1) * 99 / 100])
}

fn run(parameters: &Parameters, algorithm: Algorithm, size: usize) {
    let random = SystemRandom::new();
    let keyring = Keyring::new(vec![Secret::random(&random)], algorithm, &random).expect("there is a key");
    let value = vec![0x5a; size];
    let sealed: Vec<_> = (1..=parameters.keys)
        .map(|id| {
            keyring.create_data_key(id, &random);
            keyring.activate(id).expect("the key was just made");
            keyring.seal(&value, &PLACE, &random).expect("a short value")
        })
        .collect();
    let sealing = measure(parameters.rounds, |_| {
        black_box(keyring.seal(black_box(&value), &PLACE, &random).expect("a short value"));
    });
    let opening = measure(parameters.rounds, |round| {
        black_box(keyring.open(black_box(&sealed[round % sealed.len()]), &PLACE).expect("what was sealed"));
    });
    let (cipher, infix) = match algorithm {
        Algorithm::Aes256Gcm => ("AES-256-GCM", ""),
        Algorithm::Sm4Gcm => ("SM4-GCM", "sm4_"),
    };
    for (verb, (median, p99)) in [("seal", sealing), ("open", opening)] {
        println!(
            "{{\"name\": \"vault_{verb}_{infix}{size}\", \"value\": {median:.3}, \"unit\": \"µs\", \"parameters\": \
             {{\"cipher\": \"{cipher}\", \"bytes\": {size}, \"keys\": {}, \"rounds\": {}, \"us_p99\": {p99:.3}}}}}",
            parameters.keys, parameters.rounds,
        );
    }
}

fn main() {
    let parameters = parse();
    for algorithm in Algorithm::ALL {
        for &size in &parameters.sizes {
            run(&parameters, algorithm, size);
        }
    }
}
