//! Setting a route aside after consecutive failures, and letting it back in carefully.

/// When a route is set aside, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub failures_max: u32,
    pub cool_down_ns: u64,
    pub cool_down_ns_max: u64,
}

/// Whether a route may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// As any other.
    Open,
    /// The next try is a probe.
    Probe,
    /// A probe is under way.
    Probing,
    /// It failed too often in a row.
    CoolingDown,
}

/// A route's consecutive failures and what follows from them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Elimination {
    failures: u32,
    /// How long it is set aside the next time it fails.
    cool_down_ns: u64,
    cool_until: u64,
    /// A probe is under way until then, unless its outcome is known before.
    probe_until: u64,
}

impl Elimination {
    #[inline]
    pub fn admission(&self, patience: &Patience, now: u64) -> Admission {
        if self.failures < patience.failures_max {
            Admission::Open
        } else if now < self.cool_until {
            Admission::CoolingDown
        } else if now < self.probe_until {
            Admission::Probing
        } else {
            Admission::Probe
        }
    }

    /// A try begins; if it is a probe, no other is let through while it may still be under way.
    pub fn begin(&mut self, patience: &Patience, now: u64) {
        if self.admission(patience, now) == Admission::Probe {
            self.probe_until = now.saturating_add(patience.cool_down_ns);
        }
    }

    /// The channel answered: it works.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// The channel failed. Failures of tries that began before it was set aside do not set it aside for longer.
    pub fn failed(&mut self, patience: &Patience, now: u64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= patience.failures_max && now >= self.cool_until {
            let cool_down_ns = self.cool_down_ns.clamp(patience.cool_down_ns, patience.cool_down_ns_max);
            self.cool_until = now.saturating_add(cool_down_ns);
            self.cool_down_ns = cool_down_ns.saturating_mul(2);
            self.probe_until = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { failures_max: 3, cool_down_ns: 10, cool_down_ns_max: 40 };

    fn eliminated() -> Elimination {
        let mut elimination = Elimination::default();
        (0..3).for_each(|_| elimination.failed(&PATIENCE, 100));
        elimination
    }

    #[test]
    fn it_is_set_aside_by_consecutive_failures_only() {
        let mut elimination = Elimination::default();
        for _ in 0..10 {
            elimination.failed(&PATIENCE, 0);
            elimination.failed(&PATIENCE, 0);
            elimination.answered();
        }
        assert_eq!(elimination.admission(&PATIENCE, 0), Admission::Open);
        assert_eq!(eliminated().admission(&PATIENCE, 109), Admission::CoolingDown);
    }

    #[test]
    fn after_the_cool_down_one_probe_at_a_time() {
        let mut elimination = eliminated();
        assert_eq!(elimination.admission(&PATIENCE, 110), Admission::Probe);
        elimination.begin(&PATIENCE, 110);
        assert_eq!(elimination.admission(&PATIENCE, 119), Admission::Probing);
        assert_eq!(elimination.admission(&PATIENCE, 120), Admission::Probe, "the probe's outcome never came");
        elimination.begin(&PATIENCE, 120);
        elimination.answered();
        assert_eq!(elimination.admission(&PATIENCE, 121), Admission::Open);
    }

    #[test]
    fn each_failed_probe_doubles_the_cool_down_up_to_its_limit() {
        let mut elimination = eliminated();
        let mut now = 100;
        for cool_down in [10, 20, 40, 40] {
            assert_eq!(elimination.admission(&PATIENCE, now + cool_down - 1), Admission::CoolingDown);
            now += cool_down;
            assert_eq!(elimination.admission(&PATIENCE, now), Admission::Probe);
            elimination.begin(&PATIENCE, now);
            elimination.failed(&PATIENCE, now);
        }
    }

    #[test]
    fn late_failures_do_not_lengthen_the_cool_down() {
        let mut elimination = eliminated();
        (0..100).for_each(|_| elimination.failed(&PATIENCE, 105));
        assert_eq!(elimination.admission(&PATIENCE, 110), Admission::Probe);
    }
}
