//! What customers may pay from stored value: counted here, while the rules come from outside.

use std::collections::HashMap;

use crate::new_payment::Tenant;
use crate::request::Authentication;

/// The rules of one business day, in minor units.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The business day, in days since 1970.
    pub day: i64,
    /// The calendar year it is in.
    pub year: i64,
    /// What a customer may pay in a day who was verified by two factors.
    pub daily_two_factors: i64,
    /// And by fewer.
    pub daily_fewer: i64,
    /// What an account of class I may pay in its lifetime, of II and III in a year.
    pub account_class: [i64; 3],
}

impl Limits {
    fn daily(&self, authentication: Authentication) -> Option<i64> {
        match authentication {
            Authentication::Certificate => None,
            Authentication::TwoFactors => Some(self.daily_two_factors),
            Authentication::None | Authentication::OneFactor => Some(self.daily_fewer),
        }
    }
}

/// What one customer has used: today, and in the time its account class counts.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Whose customer it is.
    pub tenant: Tenant,
    /// 1, 2 or 3.
    pub account_class: usize,
    /// The business day `today` is about.
    pub day: i64,
    /// The year of that day.
    pub year: i64,
    /// Minor units paid on that day.
    pub today: i64,
    /// Minor units paid in the lifetime of a class I account, in the year of another.
    pub counted: i64,
    /// Payments that are counted here and not durable yet.
    pub under_way: u32,
}

impl Usage {
    fn turn(&mut self, limits: &Limits) {
        if limits.day > self.day {
            (self.day, self.today) = (limits.day, 0);
            if limits.year > self.year {
                self.year = limits.year;
                if self.account_class != 1 {
                    self.counted = 0;
                }
            }
        }
    }
}

/// What became of a payment that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is paid, or the money is held.
    Paid,
    /// It is not.
    Unpaid,
    /// It was not decided, or nobody knows.
    Unknown,
}

/// Counts what customers pay from their balances.
#[derive(Default)]
pub struct BalanceLimits {
    customers: HashMap<u128, Usage>,
}

impl BalanceLimits {
    /// Returns whose a customer is that is known.
    pub fn tenant_of(&self, customer_id: u128) -> Option<Tenant> {
        self.customers.get(&customer_id).map(|usage| usage.tenant)
    }

    /// Takes what a customer used before, unless that is known: another payment may have come first, and counted since.
    pub fn learn(&mut self, customer_id: u128, usage: Usage) {
        self.customers.entry(customer_id).or_insert(usage);
    }

    /// Returns how many customers are known.
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Returns whether none is.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// Forgets every customer of whom nothing is under way.
    pub fn make_room(&mut self) {
        self.customers.retain(|_, usage| usage.under_way > 0);
    }

    /// Counts a payment until it is [`decided`](Self::decided), or returns why it may not be.
    ///
    /// # Panics
    ///
    /// Where the customer is not known.
    pub fn take(
        &mut self,
        customer_id: u128,
        minor: i64,
        authentication: Authentication,
        limits: &Limits,
    ) -> Result<(), &'static str> {
        let usage = self.customers.get_mut(&customer_id).expect("a customer that was learned");
        usage.turn(limits);
        if limits.daily(authentication).is_some_and(|most| usage.today + minor > most) {
            return Err("daily_limit_exceeded");
        }
        if usage.counted + minor > limits.account_class[usage.account_class - 1] {
            return Err("account_class_limit_exceeded");
        }
        usage.today += minor;
        usage.counted += minor;
        usage.under_way += 1;
        Ok(())
    }

    /// Notes what became of a counted payment; what did not come about is not counted any more.
    pub fn decided(&mut self, customer_id: u128, minor: i64, decision: Decision) {
        let Some(usage) = self.customers.get_mut(&customer_id) else { return };
        usage.under_way -= 1;
        if decision == Decision::Paid {
            return;
        }
        usage.today -= minor;
        usage.counted -= minor;
        if decision == Decision::Unknown {
            // What the database says then counts.
            self.forget(customer_id);
        }
    }

    /// Forgets a customer, to be read anew: something of it changed otherwise.
    pub fn forget(&mut self, customer_id: u128) {
        if self.customers.get(&customer_id).is_some_and(|usage| usage.under_way == 0) {
            self.customers.remove(&customer_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Tenant = Tenant { merchant_id: 7, live: false };
    const LIMITS: Limits =
        Limits { day: 20_000, year: 2024, daily_two_factors: 500, daily_fewer: 100, account_class: [100, 1000, 2000] };

    fn customer(account_class: usize, counted: i64) -> BalanceLimits {
        let mut limits = BalanceLimits::default();
        let usage = Usage {
            tenant: TENANT,
            account_class,
            day: LIMITS.day,
            year: LIMITS.year,
            today: 0,
            counted,
            under_way: 0,
        };
        limits.learn(1, usage);
        limits
    }

    #[test]
    fn what_is_not_paid_is_not_counted() {
        let mut limits = customer(3, 0);
        assert_eq!(limits.take(1, 60, Authentication::None, &LIMITS), Ok(()));
        assert_eq!(limits.take(1, 41, Authentication::OneFactor, &LIMITS), Err("daily_limit_exceeded"));
        limits.decided(1, 60, Decision::Unpaid);
        assert_eq!(limits.take(1, 100, Authentication::None, &LIMITS), Ok(()));
        limits.decided(1, 100, Decision::Paid);
        assert_eq!(limits.take(1, 400, Authentication::TwoFactors, &LIMITS), Ok(()));
        assert_eq!(limits.take(1, 1, Authentication::TwoFactors, &LIMITS), Err("daily_limit_exceeded"));
        assert_eq!(limits.take(1, 1500, Authentication::Certificate, &LIMITS), Ok(()));
        assert_eq!(limits.take(1, 1, Authentication::Certificate, &LIMITS), Err("account_class_limit_exceeded"));
    }

    #[test]
    fn a_new_day_and_year_begin_anew_but_a_lifetime_does_not() {
        for (account_class, next_day, next_year) in [(1, Err("account_class_limit_exceeded"), false), (2, Ok(()), true)]
        {
            let mut limits = customer(account_class, 0);
            assert_eq!(limits.take(1, 100, Authentication::None, &LIMITS), Ok(()));
            assert_eq!(limits.take(1, 1, Authentication::None, &LIMITS), Err("daily_limit_exceeded"));
            let tomorrow = Limits { day: LIMITS.day + 1, ..LIMITS };
            assert_eq!(limits.take(1, 100, Authentication::None, &tomorrow), next_day);
            let new_year = Limits { day: LIMITS.day + 2, year: LIMITS.year + 1, ..LIMITS };
            assert_eq!(limits.take(1, 1000, Authentication::Certificate, &new_year).is_ok(), next_year);
        }
    }

    #[test]
    fn nobody_is_forgotten_while_a_payment_is_under_way() {
        let mut limits = customer(2, 0);
        limits.take(1, 10, Authentication::None, &LIMITS).unwrap();
        limits.forget(1);
        limits.make_room();
        assert_eq!(limits.tenant_of(1), Some(TENANT));
        limits.decided(1, 10, Decision::Unknown);
        assert_eq!(limits.tenant_of(1), None);
    }
}
