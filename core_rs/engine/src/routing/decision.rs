//! What was decided, and why.

/// Why a route was kept at its place, or dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// Kept: placed by its score.
    ScoredByValue = 1,
    /// Kept: the money is with us already.
    OnUs = 2,
    /// Kept before others: a rule prefers it.
    PreferredByRule = 3,
    /// Kept after others: a rule avoids it.
    AvoidedByRule = 4,
    /// Kept: it failed before, and this try finds out whether it works again.
    Probe = 5,
    /// Kept although it is set aside for its failures: there is no other.
    LastResort = 6,
    /// Dropped: the payer cannot use its method.
    MethodNotOffered = 32,
    /// Dropped: it serves the payers of another bank.
    BankNotServed = 33,
    /// Dropped: the payer's bank has a route of its own.
    BankHasOwnRoute = 34,
    /// Dropped: it does not take the currency.
    CurrencyNotTaken = 35,
    /// Dropped: the amount is below what it takes.
    AmountBelowLimit = 36,
    /// Dropped: the amount is above what it takes.
    AmountAboveLimit = 37,
    /// Dropped: it was reported as down.
    Down = 38,
    /// Dropped: the merchant may not use the channel.
    DeniedToMerchant = 39,
    /// Dropped: the merchant may use others only.
    NotAllowedToMerchant = 40,
    /// Dropped: a rule allows others only.
    ExcludedByRule = 41,
    /// Dropped: it is set aside for consecutive failures.
    CoolingDown = 42,
    /// Dropped: another payment is finding out whether it works again.
    ProbeUnderWay = 43,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::ScoredByValue,
        Self::OnUs,
        Self::PreferredByRule,
        Self::AvoidedByRule,
        Self::Probe,
        Self::LastResort,
        Self::MethodNotOffered,
        Self::BankNotServed,
        Self::BankHasOwnRoute,
        Self::CurrencyNotTaken,
        Self::AmountBelowLimit,
        Self::AmountAboveLimit,
        Self::Down,
        Self::DeniedToMerchant,
        Self::NotAllowedToMerchant,
        Self::ExcludedByRule,
        Self::CoolingDown,
        Self::ProbeUnderWay,
    ];

    /// Returns the name by which the outside world knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScoredByValue => "scored_by_value",
            Self::OnUs => "on_us",
            Self::PreferredByRule => "preferred_by_rule",
            Self::AvoidedByRule => "avoided_by_rule",
            Self::Probe => "probe",
            Self::LastResort => "last_resort",
            Self::MethodNotOffered => "method_not_offered",
            Self::BankNotServed => "bank_not_served",
            Self::BankHasOwnRoute => "bank_has_own_route",
            Self::CurrencyNotTaken => "currency_not_taken",
            Self::AmountBelowLimit => "amount_below_limit",
            Self::AmountAboveLimit => "amount_above_limit",
            Self::Down => "down",
            Self::DeniedToMerchant => "denied_to_merchant",
            Self::NotAllowedToMerchant => "not_allowed_to_merchant",
            Self::ExcludedByRule => "excluded_by_rule",
            Self::CoolingDown => "cooling_down",
            Self::ProbeUnderWay => "probe_under_way",
        }
    }
}

/// A line of the decision log: one route of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The route's position in the catalogue.
    pub route: usize,
    /// Why it was kept or dropped.
    pub reason: Reason,
    /// The line of the rule that decided; 0 where none did.
    pub rule_line: u32,
    /// The success rate it was scored with, in parts per million; 0 where it was dropped.
    pub success_ppm: u32,
    /// What it costs, in minor units; 0 where it was dropped.
    pub cost_minor: u64,
    /// Value × success − cost, in millionths of a minor unit; 0 where it was dropped.
    pub score: i128,
    /// Lower comes first; decides before the score.
    pub(super) rank: u8,
}

/// The rank of what was dropped.
pub(super) const DROPPED: u8 = u8::MAX;

/// Every route of the catalogue: first those to try, in this order, then those dropped, in the catalogue's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The success rates were drawn, to learn, and not the most probable ones.
    pub explored: bool,
    /// One entry per route of the catalogue.
    pub considered: Vec<Considered>,
    pub(super) kept: usize,
}

impl Decision {
    /// Returns the routes to try, best first.
    pub fn kept(&self) -> &[Considered] {
        &self.considered[..self.kept]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_one_name_and_one_number_each() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let mut numbers: Vec<_> = Reason::ALL.iter().map(|reason| *reason as u8).collect();
        names.sort_unstable();
        names.dedup();
        numbers.dedup();
        assert_eq!((names.len(), numbers.len()), (Reason::ALL.len(), Reason::ALL.len()));
    }
}
