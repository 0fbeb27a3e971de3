//! A merchant's rules: which channels come first, last, or not at all, and when. `docs/routing.md` has the grammar.

/// The most rules of a merchant: what applies to a payment is a bit per rule.
pub(super) const RULES_MAX: usize = 64;

/// A merchant's rules in the order of their text; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub line: u32,
    /// What must hold of the payment.
    pub conditions: Vec<Condition>,
    /// What must hold of the route's method.
    pub methods: Vec<NameCondition>,
    pub action: Action,
    pub channels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Amount(Comparison, u64),
    /// From an hour to before another, past midnight where the second is not greater.
    Hour(u8, u8),
    Currency(NameCondition),
    Bank(NameCondition),
    Label(NameCondition),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// One of some names, or none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameCondition {
    pub is: bool,
    pub names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Prefer,
    Avoid,
    Only,
}

/// What rules look at.
pub(super) struct Facts<'a> {
    pub amount_minor: u64,
    pub currency: &'a str,
    pub bank: Option<&'a str>,
    pub labels: &'a [String],
    /// Of the business day, 0 to 23.
    pub hour: u8,
}

/// What the rules make of a route, and the line of the rule that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Neutral,
    Preferred(u32),
    Avoided(u32),
    Excluded(u32),
}

impl RuleSet {
    /// Returns the number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rules that apply to a payment, a bit each, whatever the route.
    pub(super) fn applying(&self, facts: &Facts<'_>) -> u64 {
        let mut applying = 0;
        for (position, rule) in self.rules.iter().enumerate() {
            if rule.conditions.iter().all(|condition| condition.holds(facts)) {
                applying |= 1 << position;
            }
        }
        applying
    }

    /// Returns what the rules that apply make of a route.
    ///
    /// An `only` that does not name the channel excludes it, wherever it stands; of `prefer` and `avoid` the first one
    /// that names it counts.
    pub(super) fn placement(&self, mut applying: u64, channel: &str, method: &str) -> Placement {
        let mut placement = Placement::Neutral;
        while applying != 0 {
            let rule = &self.rules[applying.trailing_zeros() as usize];
            applying &= applying - 1;
            if !rule.methods.iter().all(|condition| condition.holds(Some(method))) {
                continue;
            }
            let named = rule.channels.iter().any(|name| name == channel);
            match (rule.action, named, placement) {
                (Action::Only, false, _) => return Placement::Excluded(rule.line),
                (Action::Prefer, true, Placement::Neutral) => placement = Placement::Preferred(rule.line),
                (Action::Avoid, true, Placement::Neutral) => placement = Placement::Avoided(rule.line),
                _ => {}
            }
        }
        placement
    }
}

impl Condition {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Amount(comparison, bound) => comparison.holds(facts.amount_minor, *bound),
            Self::Hour(from, to) if from < to => (*from..*to).contains(&facts.hour),
            Self::Hour(from, to) => facts.hour >= *from || facts.hour < *to,
            Self::Currency(condition) => condition.holds(Some(facts.currency)),
            Self::Bank(condition) => condition.holds(facts.bank),
            Self::Label(condition) => facts.labels.iter().any(|label| condition.names.contains(label)) == condition.is,
        }
    }
}

impl Comparison {
    fn holds(self, amount: u64, bound: u64) -> bool {
        match self {
            Self::Below => amount < bound,
            Self::AtMost => amount <= bound,
            Self::Above => amount > bound,
            Self::AtLeast => amount >= bound,
        }
    }
}

impl NameCondition {
    /// What is not known is none of the names.
    fn holds(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.names.iter().any(|other| other == name)) == self.is
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::parse_rules::parse;

    struct Payment {
        amount: u64,
        currency: &'static str,
        bank: Option<&'static str>,
        labels: &'static [&'static str],
        hour: u8,
    }

    const PAYMENT: Payment = Payment { amount: 500, currency: "CNY", bank: Some("icbc"), labels: &["vip"], hour: 12 };

    fn placement(text: &str, payment: &Payment, channel: &str) -> Placement {
        let rules = parse(text, |_, _| true).unwrap();
        let labels: Vec<String> = payment.labels.iter().map(ToString::to_string).collect();
        let Payment { amount, currency, bank, hour, .. } = *payment;
        let facts = Facts { amount_minor: amount, currency, bank, labels: &labels, hour };
        rules.placement(rules.applying(&facts), channel, "qr")
    }

    fn holds(condition: &str, payment: &Payment) -> bool {
        placement(&format!("when {condition} prefer a"), payment, "a") == Placement::Preferred(1)
    }

    #[test]
    fn conditions() {
        for (condition, expected) in [
            ("currency is CNY and amount < 500", false),
            ("currency is CNY and amount <= 500", true),
            ("currency is CNY and amount > 500", false),
            ("amount >= 500 and currency is USD or CNY", true),
            ("currency is not USD", true),
            ("currency is not USD or CNY", false),
            ("method is qr or app", true),
            ("method is not qr", false),
            ("bank is icbc", true),
            ("bank is ccb or boc", false),
            ("bank is not ccb", true),
            ("label is vip", true),
            ("label is not vip or new", false),
            ("label is not new", true),
            ("hour from 12 to 13", true),
            ("hour from 11 to 12", false),
            ("hour from 22 to 6", false),
            ("hour from 12 to 6", true),
            ("hour from 0 to 24", true),
        ] {
            assert_eq!(holds(condition, &PAYMENT), expected, "{condition}");
        }
    }

    #[test]
    fn an_unknown_bank_is_no_bank() {
        let payment = Payment { bank: None, labels: &[], ..PAYMENT };
        assert!(!holds("bank is icbc", &payment));
        assert!(holds("bank is not icbc", &payment));
        assert!(holds("label is not vip", &payment));
    }

    #[test]
    fn the_first_of_prefer_and_avoid_counts_and_only_excludes_from_anywhere() {
        assert_eq!(placement("prefer a\navoid a", &PAYMENT, "a"), Placement::Preferred(1));
        assert_eq!(placement("avoid b\n\navoid a, c\nprefer a", &PAYMENT, "a"), Placement::Avoided(3));
        assert_eq!(placement("prefer a\nonly b", &PAYMENT, "a"), Placement::Excluded(2));
        assert_eq!(placement("only a, b\nonly b", &PAYMENT, "a"), Placement::Excluded(2));
        assert_eq!(placement("only a\nwhen bank is ccb only b", &PAYMENT, "a"), Placement::Neutral);
        assert_eq!(placement("when method is app only b", &PAYMENT, "a"), Placement::Neutral, "of another method");
        assert_eq!(placement("", &PAYMENT, "a"), Placement::Neutral);
    }
}
