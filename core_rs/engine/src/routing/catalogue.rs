//! The routes there are: what each can take, and what it costs.

use std::fmt;

/// The most routes of a catalogue.
const ROUTES_MAX: usize = 4096;
const NAME_LENGTH_MAX: usize = 32;
const BASIS_POINTS_MAX: u32 = 10_000;

/// What a channel takes for a payment: a share of the amount and a fixed part, within bounds. Minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Ten thousandths of the amount, at most all of it.
    pub basis_points: u32,
    /// Added to the share.
    pub fixed_minor: u64,
    /// The cost is never less.
    pub min_minor: u64,
    /// The cost is never more.
    pub max_minor: u64,
}

impl Default for Price {
    /// Nothing.
    fn default() -> Self {
        Self { basis_points: 0, fixed_minor: 0, min_minor: 0, max_minor: u64::MAX }
    }
}

impl Price {
    /// Returns the cost of a payment of `amount_minor`; half a minor unit is rounded up.
    pub fn cost_minor(&self, amount_minor: u64) -> u64 {
        let share = (u128::from(amount_minor) * u128::from(self.basis_points) + 5_000) / 10_000;
        let cost = (share + u128::from(self.fixed_minor)).clamp(self.min_minor.into(), self.max_minor.into());
        u64::try_from(cost).expect("not above max_minor")
    }
}

/// What a route takes and costs in one currency. Minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A currency's code.
    pub currency: String,
    /// The smallest amount it takes.
    pub amount_min: u64,
    /// The greatest amount it takes.
    pub amount_max: u64,
    /// What it costs.
    pub price: Price,
}

/// A way to pay: a channel, a method it offers, perhaps for one bank's payers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The channel's name.
    pub channel: String,
    /// The method's name.
    pub method: String,
    /// The payer's bank; None: every bank that has no route of its own for this channel and method.
    pub bank: Option<String>,
    /// The money is with us already: tried before all others, unless a rule says otherwise.
    pub on_us: bool,
    /// One entry per currency.
    pub terms: Vec<Terms>,
}

/// Why routes make no catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    /// The route's position.
    pub route: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "route {}: {}", self.route, self.reason)
    }
}

impl std::error::Error for CatalogueError {}

/// The routes, checked; a route is known by its position.
#[derive(Clone, Debug)]
pub struct Catalogue {
    routes: Vec<Route>,
    /// For a route that serves every bank: the routes of the same channel and method that serve one.
    own_routes: Vec<Vec<usize>>,
}

impl Catalogue {
    /// Returns the catalogue of these routes.
    pub fn new(routes: Vec<Route>) -> Result<Self, CatalogueError> {
        for (position, route) in routes.iter().enumerate() {
            let reason = route.mistake().or_else(|| {
                let same = |other: &Route| other.same_method(route) && other.bank == route.bank;
                if position >= ROUTES_MAX {
                    Some("a catalogue has at most 4,096 routes")
                } else if routes[..position].iter().any(same) {
                    Some("there is another route of this channel, method and bank")
                } else {
                    None
                }
            });
            if let Some(reason) = reason {
                return Err(CatalogueError { route: position, reason });
            }
        }
        let own = |route: &Route| match route.bank {
            Some(_) => Vec::new(),
            None => {
                let is_own = |other: &Route| other.bank.is_some() && other.same_method(route);
                (0..routes.len()).filter(|&other| is_own(&routes[other])).collect()
            }
        };
        let own_routes = routes.iter().map(own).collect();
        Ok(Self { routes, own_routes })
    }

    /// Returns the routes.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Returns whether a bank has a route of its own beside this one.
    pub(super) fn has_own_route(&self, route: usize, bank: &str) -> bool {
        self.own_routes[route].iter().any(|&own| self.routes[own].bank.as_deref() == Some(bank))
    }
}

impl Route {
    /// Returns the terms in a currency.
    #[inline]
    pub(super) fn terms_in(&self, currency: &str) -> Option<&Terms> {
        self.terms.iter().find(|terms| terms.currency == currency)
    }

    fn same_method(&self, other: &Self) -> bool {
        self.channel == other.channel && self.method == other.method
    }

    fn mistake(&self) -> Option<&'static str> {
        let names = [Some(&self.channel), Some(&self.method), self.bank.as_ref()];
        if !names.into_iter().flatten().chain(self.terms.iter().map(|terms| &terms.currency)).all(|name| is_name(name))
        {
            return Some("a name is 1 to 32 ASCII letters, digits and underscores");
        }
        if self.terms.is_empty() {
            return Some("a route has terms in one currency at least");
        }
        for (position, terms) in self.terms.iter().enumerate() {
            if self.terms[..position].iter().any(|other| other.currency == terms.currency) {
                return Some("a route has one entry per currency");
            }
            if terms.amount_min > terms.amount_max {
                return Some("amount_min is above amount_max");
            }
            if terms.price.basis_points > BASIS_POINTS_MAX {
                return Some("a price takes at most 10,000 basis points");
            }
            if terms.price.min_minor > terms.price.max_minor {
                return Some("a price's minimum is above its maximum");
            }
        }
        None
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(channel: &str, bank: Option<&str>) -> Route {
        let terms = Terms { currency: "CNY".into(), amount_min: 1, amount_max: 10, price: Price::default() };
        Route {
            channel: channel.into(),
            method: "qr".into(),
            bank: bank.map(Into::into),
            on_us: false,
            terms: vec![terms],
        }
    }

    fn mistake(change: impl FnOnce(&mut Route)) -> &'static str {
        let mut changed = route("b", None);
        change(&mut changed);
        let error = Catalogue::new(vec![route("a", None), changed]).unwrap_err();
        assert_eq!(error.route, 1);
        error.reason
    }

    #[test]
    fn a_price_in_minor_units() {
        let price = Price { basis_points: 60, fixed_minor: 10, min_minor: 12, max_minor: 100 };
        // amount, cost: the share of 0.6 % is rounded half up, then bounded.
        for (amount, cost) in [(0, 12), (83, 12), (416, 12), (417, 13), (1_000, 16), (14_999, 100), (u64::MAX, 100)] {
            assert_eq!(price.cost_minor(amount), cost, "for {amount}");
        }
        let all = Price { basis_points: 10_000, ..Price::default() };
        assert_eq!(all.cost_minor(u64::MAX), u64::MAX);
        assert_eq!(Price { fixed_minor: 1, ..all }.cost_minor(u64::MAX), u64::MAX, "a cost that fits no number");
    }

    #[test]
    fn what_makes_no_catalogue() {
        assert!(mistake(|route| route.channel = "a".into()).contains("another route"));
        assert!(mistake(|route| route.channel = String::new()).contains("a name is"));
        assert!(mistake(|route| route.method = "q r".into()).contains("a name is"));
        assert!(mistake(|route| route.bank = Some("工商".into())).contains("a name is"));
        assert!(mistake(|route| route.terms[0].currency = "x".repeat(33)).contains("a name is"));
        assert!(mistake(|route| route.terms.clear()).contains("one currency at least"));
        assert!(mistake(|route| route.terms.push(route.terms[0].clone())).contains("one entry per currency"));
        assert!(mistake(|route| route.terms[0].amount_min = 11).contains("amount_min"));
        assert!(mistake(|route| route.terms[0].price.basis_points = 10_001).contains("basis points"));
        let upside_down = Price { min_minor: 2, max_minor: 1, ..Price::default() };
        assert!(mistake(|route| route.terms[0].price = upside_down).contains("minimum is above"));
    }

    #[test]
    fn a_bank_with_a_route_of_its_own() {
        let catalogue = Catalogue::new(vec![route("a", None), route("a", Some("icbc")), route("b", None)]).unwrap();
        assert!(catalogue.has_own_route(0, "icbc"));
        assert!(!catalogue.has_own_route(0, "ccb"));
        assert!(!catalogue.has_own_route(2, "icbc"), "of another channel");
    }
}
