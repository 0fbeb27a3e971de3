//! A quota: how fast a bucket fills, and how much it holds.

/// The longest an emptied bucket may take to fill: 366 days.
const TOLERANCE_NS_MAX: u64 = 366 * 86_400 * 1_000_000_000;

/// So many units in a window, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The time after which a unit is paid off.
    interval_ns: u64,
    /// How far ahead of now the time of a full bucket may lie: `burst` intervals.
    tolerance_ns: u64,
    burst: u32,
}

impl Quota {
    /// Returns a quota of `units` in `window_ns` nanoseconds, of which `burst` may come at once.
    ///
    /// None where one of them is zero, or where a burst would take more than 366 days to be paid off. The time per unit
    /// is rounded up to whole nanoseconds: never more than `units` pass in a window, beyond the burst.
    pub fn new(units: u32, window_ns: u64, burst: u32) -> Option<Self> {
        if units == 0 || window_ns == 0 || burst == 0 {
            return None;
        }
        let interval_ns = window_ns.div_ceil(u64::from(units));
        let tolerance_ns = interval_ns.checked_mul(u64::from(burst)).filter(|&time| time <= TOLERANCE_NS_MAX)?;
        Some(Self { interval_ns, tolerance_ns, burst })
    }

    /// Returns the most units that may pass at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// Returns the time of a full bucket after `cost` units (at most the burst) at `now`, given that time before; or how
    /// long to wait, in nanoseconds.
    ///
    /// Where the clock stepped back, that time before may lie further ahead than the quota allows. It is taken as an
    /// empty bucket: nobody waits longer than for the units asked for.
    #[inline]
    pub(super) fn advance(self, full_at: u64, cost: u32, now: u64) -> Result<u64, u64> {
        let ahead = full_at.saturating_sub(now).min(self.tolerance_ns) + u64::from(cost) * self.interval_ns;
        if ahead <= self.tolerance_ns { Ok(now.saturating_add(ahead)) } else { Err(ahead - self.tolerance_ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_quota() {
        assert_eq!(Quota::new(0, 1, 1), None);
        assert_eq!(Quota::new(1, 0, 1), None);
        assert_eq!(Quota::new(1, 1, 0), None);
        assert_eq!(Quota::new(1, TOLERANCE_NS_MAX, 2), None);
        assert_eq!(Quota::new(1, u64::MAX, u32::MAX), None);
        assert!(Quota::new(1, TOLERANCE_NS_MAX, 1).is_some());
    }

    #[test]
    fn the_time_per_unit_is_rounded_up() {
        let three_a_second = Quota::new(3, 1_000_000_000, 1).unwrap();
        assert_eq!(three_a_second.advance(0, 1, 0), Ok(333_333_334));
        let many = Quota::new(u32::MAX, 1, 1).unwrap();
        assert_eq!(many.advance(0, 1, 0), Ok(1));
    }
}
