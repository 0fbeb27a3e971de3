//! Random numbers from a seed, the same on every machine.
//!
//! The only floating point of routing is here. Addition, multiplication, division and square root are rounded exactly
//! by IEEE 754, and Rust neither reorders nor fuses them; the logarithm of the system's library is neither of that, so
//! there is one of our own, made of these operations.

// Beta distributions have no sampler in integers that is as plain.
#![allow(clippy::float_arithmetic)]

use super::MILLION;
use super::statistics::{Counts, ONE};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns whether something happens that happens in `ppm` of a million cases.
    pub fn happens(&mut self, ppm: u32) -> bool {
        (u128::from(self.next()) * u128::from(MILLION)) >> 64 < u128::from(ppm)
    }

    /// Returns a success rate drawn from the Beta distribution of these counts, each of them at least [`ONE`], in parts
    /// per million.
    pub fn success_ppm(&mut self, counts: Counts) -> u32 {
        let shape = |count: u64| count as f64 / ONE as f64;
        let succeeded = self.gamma(shape(counts.succeeded));
        let failed = self.gamma(shape(counts.failed));
        (succeeded / (succeeded + failed) * f64::from(MILLION)) as u32
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number between 0 and 1, neither of them.
    fn fraction(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// Returns a normally distributed number (Marsaglia's polar method).
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.fraction() - 1.0, 2.0 * self.fraction() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * logarithm(square) / square).sqrt();
            }
        }
    }

    /// Returns a Gamma distributed number for a shape of 1 or more (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            let u = self.fraction();
            if u < 1.0 - 0.0331 * (x * x) * (x * x) || logarithm(u) < 0.5 * x * x + d * (1.0 - v + logarithm(v)) {
                return d * v;
            }
        }
    }
}

/// Returns the natural logarithm of a positive, normal number, to about 1e-15.
fn logarithm(x: f64) -> f64 {
    const FRACTION_MASK: u64 = (1 << 52) - 1;
    const EXPONENT_OF_ONE: u64 = 1023;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as f64 - EXPONENT_OF_ONE as f64;
    let mut mantissa = f64::from_bits((bits & FRACTION_MASK) | (EXPONENT_OF_ONE << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 artanh t with t = (m - 1) / (m + 1); |t| < 0.172, so the first term left out is below 2e-16.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut series = 0.0;
    for denominator in [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * square + 1.0 / denominator;
    }
    exponent * std::f64::consts::LN_2 + 2.0 * t * series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(succeeded: u64, failed: u64) -> Counts {
        Counts { succeeded: succeeded * ONE, failed: failed * ONE }
    }

    #[test]
    fn the_same_seed_draws_the_same_numbers_everywhere() {
        // Pinned: another machine, compiler or build that draws others would make other decisions.
        let mut random = Random::new(42);
        let drawn = [counts(1, 1), counts(9, 1), counts(900, 100), counts(1_000_000, 3)]
            .map(|counts| random.success_ppm(counts));
        assert_eq!(drawn, [663_091, 857_491, 906_874, 999_998]);
        assert_eq!(Random::new(0).next(), 0xe220_a839_7b1d_cdaf, "SplitMix64's published first number");
    }

    #[test]
    fn the_logarithm_is_the_logarithm() {
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            let x = random.fraction() * 10.0;
            let error = logarithm(x) - x.ln();
            assert!(error.abs() <= 1e-15 * x.ln().abs().max(1.0), "{x}: {error}");
        }
        assert_eq!(logarithm(1.0), 0.0);
        assert_eq!(logarithm(2.0), std::f64::consts::LN_2);
    }

    #[test]
    fn drawn_rates_have_the_mean_and_spread_of_their_beta_distribution() {
        for (succeeded, failed) in [(1, 1), (9, 1), (2, 7), (95, 5), (10_000, 10_000)] {
            let mut random = Random::new(succeeded * 31 + failed);
            let draws = 20_000u32;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..draws {
                let rate = f64::from(random.success_ppm(counts(succeeded, failed))) / f64::from(MILLION);
                sum += rate;
                squares += rate * rate;
            }
            let (a, b) = (succeeded as f64, failed as f64);
            let (mean, variance) = (a / (a + b), a * b / ((a + b) * (a + b) * (a + b + 1.0)));
            let found = sum / f64::from(draws);
            assert!((found - mean).abs() < 5.0 * (variance / f64::from(draws)).sqrt(), "{succeeded}:{failed} {found}");
            let spread = squares / f64::from(draws) - found * found;
            assert!((spread / variance - 1.0).abs() < 0.1, "{succeeded}:{failed} {spread} {variance}");
        }
    }

    #[test]
    fn what_happens_in_a_share_of_cases() {
        let mut random = Random::new(3);
        assert!(!(0..1_000).any(|_| random.happens(0)));
        assert!((0..1_000).all(|_| random.happens(MILLION)));
        let happened = (0..100_000).filter(|_| random.happens(20_000)).count();
        assert!((1_800..2_200).contains(&happened), "{happened}");
    }
}
