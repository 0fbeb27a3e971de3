//! How often a route succeeded lately: counts that fade exponentially with time.

use super::MILLION;

/// One outcome, in the fixed point of counts.
pub(super) const ONE: u64 = 1 << 20;

const TICKS_PER_HALF_LIFE: usize = 256;

/// What is left of a count after a number of ticks within a half-life, in 2^-63.
const REMAINDERS: [u64; TICKS_PER_HALF_LIFE] = remainders();

/// Repeated square roots give 2^(-1/256), its powers give the rest: integers only, so the same on every machine.
const fn remainders() -> [u64; TICKS_PER_HALF_LIFE] {
    let mut tick: u128 = 1 << 62;
    let mut roots = 0;
    while roots < TICKS_PER_HALF_LIFE.trailing_zeros() {
        tick = (tick << 63).isqrt();
        roots += 1;
    }
    let mut table = [0; TICKS_PER_HALF_LIFE];
    let mut remainder: u128 = 1 << 63;
    let mut position = 0;
    while position < TICKS_PER_HALF_LIFE {
        table[position] = remainder as u64;
        remainder = (remainder * tick) >> 63;
        position += 1;
    }
    table
}

/// Turns times into ticks, 256 in a half-life. Counting whole ticks keeps many small steps from losing their decay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay {
    tick_ns: u64,
}

impl Decay {
    pub fn new(half_life_ns: u64) -> Self {
        Self { tick_ns: (half_life_ns / TICKS_PER_HALF_LIFE as u64).max(1) }
    }

    pub fn tick(self, now: u64) -> u64 {
        now / self.tick_ns
    }
}

/// Faded counts of outcomes, of which each new one counts [`ONE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub succeeded: u64,
    pub failed: u64,
}

impl Counts {
    /// Returns the success rate these counts stand for, in parts per million.
    #[inline]
    pub fn success_ppm(self) -> u32 {
        let whole = u128::from(self.succeeded) + u128::from(self.failed);
        let part = u128::from(self.succeeded) * u128::from(MILLION);
        u32::try_from(part / whole.max(1)).expect("a part is not above the whole")
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded.saturating_add(other.succeeded),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

/// The counts of a route as of a tick.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistic {
    counts: Counts,
    tick: u64,
}

impl Statistic {
    /// Returns the counts at a tick; an earlier one than the last changes nothing.
    #[inline]
    pub fn at(&self, tick: u64) -> Counts {
        let elapsed = tick.saturating_sub(self.tick);
        let halvings = (elapsed / TICKS_PER_HALF_LIFE as u64).min(63);
        let remainder = u128::from(REMAINDERS[elapsed as usize % TICKS_PER_HALF_LIFE]);
        let faded = |count: u64| ((u128::from(count) * remainder) >> 63 >> halvings) as u64;
        Counts { succeeded: faded(self.counts.succeeded), failed: faded(self.counts.failed) }
    }

    pub fn record(&mut self, succeeded: bool, tick: u64) {
        let new = if succeeded { Counts { succeeded: ONE, failed: 0 } } else { Counts { succeeded: 0, failed: ONE } };
        self.counts = self.at(tick).plus(new);
        self.tick = self.tick.max(tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_table_is_two_to_the_minus_tick() {
        assert_eq!(REMAINDERS[0], 1 << 63);
        // 2^-0.5 and 2^-0.25 as published, to fifteen digits; the error of 256 multiplications stays far below.
        let close = |tick: usize, digits: u128| {
            let found = (u128::from(REMAINDERS[tick]) * 1_000_000_000_000_000) >> 63;
            assert!(found.abs_diff(digits) <= 1, "{tick}: {found}");
        };
        close(128, 707_106_781_186_547);
        close(64, 840_896_415_253_714);
        close(255, 501_355_637_525_101);
        assert!(REMAINDERS.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn counts_halve_in_a_half_life_however_it_is_cut() {
        let decay = Decay::new(256 * SECOND);
        let mut statistic = Statistic::default();
        for _ in 0..1_000 {
            statistic.record(true, decay.tick(0));
            statistic.record(false, decay.tick(0));
        }
        assert_eq!(statistic.at(decay.tick(256 * SECOND)).succeeded, 500 * ONE);
        assert_eq!(statistic.at(decay.tick(512 * SECOND)).failed, 250 * ONE);
        assert_eq!(statistic.at(decay.tick(100_000 * SECOND)), Counts::default());
        // In many steps, each less than a tick, with a failure that keeps it busy.
        for step in 1..=2_560 {
            statistic.record(false, decay.tick(step * SECOND / 10));
        }
        let succeeded = statistic.at(decay.tick(256 * SECOND)).succeeded;
        assert!(succeeded.abs_diff(500 * ONE) < ONE / 1_000, "{succeeded}");
    }

    #[test]
    fn time_that_steps_back_changes_nothing() {
        let mut statistic = Statistic::default();
        statistic.record(true, 1_000);
        assert_eq!(statistic.at(0), Counts { succeeded: ONE, failed: 0 });
        statistic.record(true, 0);
        assert_eq!(statistic.at(1_000), Counts { succeeded: 2 * ONE, failed: 0 });
    }

    #[test]
    fn rates_are_parts_per_million() {
        for (succeeded, failed, ppm) in
            [(0, 0, 0), (1, 0, MILLION), (0, 1, 0), (1, 2, 333_333), (u64::MAX, u64::MAX, 500_000)]
        {
            assert_eq!(Counts { succeeded, failed }.success_ppm(), ppm);
        }
    }
}
