//! The trial balance: every ledger's debits and credits.

use crate::ledger::Ledger;
use std::collections::BTreeMap;

/// A sum of amounts, which may pass 128 bits: `high * 2^128 + low`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total {
    /// Units of 2^128.
    pub high: u64,
    /// The rest.
    pub low: u128,
}

impl Total {
    /// Adds an amount.
    pub fn add(&mut self, amount: u128) {
        let (low, carry) = self.low.overflowing_add(amount);
        self.low = low;
        self.high += u64::from(carry);
    }
}

/// The totals of one ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerTotals {
    /// The ledger.
    pub ledger: u32,
    /// How many accounts it has.
    pub accounts: u64,
    /// Sum of the debits of open holds.
    pub debits_pending: Total,
    /// Sum of the posted debits.
    pub debits_posted: Total,
    /// Sum of the credits of open holds.
    pub credits_pending: Total,
    /// Sum of the posted credits.
    pub credits_posted: Total,
}

impl LedgerTotals {
    /// Returns whether debits equal credits.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.debits_pending == self.credits_pending && self.debits_posted == self.credits_posted
    }
}

impl Ledger {
    /// Returns the totals of every ledger that has accounts, by ledger.
    #[must_use]
    pub fn trial_balance(&self) -> Vec<LedgerTotals> {
        let mut ledgers: BTreeMap<u32, LedgerTotals> = BTreeMap::new();
        for position in 0..self.accounts.committed_len() {
            let account = self.accounts.committed(position);
            let totals = ledgers.entry(account.ledger).or_default();
            totals.ledger = account.ledger;
            totals.accounts += 1;
            totals.debits_pending.add(account.debits_pending);
            totals.debits_posted.add(account.debits_posted);
            totals.credits_pending.add(account.credits_pending);
            totals.credits_posted.add(account.credits_posted);
        }
        ledgers.into_values().collect()
    }
}
