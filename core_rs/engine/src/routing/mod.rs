//! Which channel to try first: a pure decision from a catalogue of routes, what happened on them lately, a merchant's
//! rules, and a seed.
//!
//! 1. **Filters** drop routes that cannot or must not take the payment, and say why.
//! 2. **Rules** of the merchant ([`RuleSet`]) prefer, avoid or exclude channels.
//! 3. **Elimination** sets a route aside for a while after consecutive failures; then one payment at a time probes it.
//! 4. **Score** = value × success − cost, in integers: a lower success rate is accepted only while the difference in
//!    cost, divided by the value, exceeds it. Our own channels (`on_us`) come before all others.
//! 5. **Exploration**: in a small share of decisions the success rates are drawn from what is believed about them
//!    (Thompson sampling from Beta distributions), so that a route that recovered is noticed.
//!
//! Costs, values and scores are integers, success rates are parts per million. Floating point appears only where Beta
//! distributions are sampled, and there only in operations that IEEE 754 rounds the same way everywhere: the same state,
//! request, time and seed give the same decision on every machine.
//!
//! ```
//! use pycore_engine::routing::{Catalogue, MerchantPolicy, Outcome, Price, Route, RouteRequest, Router, RouterOptions};
//! use pycore_engine::routing::Terms;
//!
//! let route = |channel: &str, basis_points| Route {
//!     channel: channel.into(),
//!     method: "qr".into(),
//!     bank: None,
//!     on_us: false,
//!     terms: vec![Terms {
//!         currency: "CNY".into(),
//!         amount_min: 1,
//!         amount_max: 5_000_000,
//!         price: Price { basis_points, ..Price::default() },
//!     }],
//! };
//! let catalogue = Catalogue::new(vec![route("wechat", 60), route("unionpay", 38)]).unwrap();
//! let mut router = Router::new(catalogue, RouterOptions::default()).unwrap();
//!
//! let policy = MerchantPolicy {
//!     rules: router.catalogue().parse_rules("when amount > 100000 and currency is CNY avoid unionpay").unwrap(),
//!     ..MerchantPolicy::default()
//! };
//! let request =
//!     RouteRequest { methods: &["qr"], bank: None, currency: "CNY", amount_minor: 10_000, value_minor: 10_000 };
//! let decision = router.decide(&request, &policy, 1_000_000_000, 42);
//! let first = decision.kept()[0].route; // the cheaper one: nothing tells them apart yet
//! assert_eq!(router.catalogue().routes()[first].channel, "unionpay");
//!
//! router.begin(first, 1_000_000_000);
//! router.record(first, Outcome::Succeeded, 2_000_000_000);
//! ```

mod catalogue;
mod decision;
mod elimination;
mod parse_rules;
#[cfg(test)]
mod property_tests;
mod random;
mod router;
#[cfg(test)]
mod router_tests;
mod rules;
mod statistics;

pub use catalogue::{Catalogue, CatalogueError, Price, Route, Terms};
pub use decision::{Considered, Decision, Reason};
pub use parse_rules::RuleError;
pub use router::{MerchantPolicy, OptionsError, Outcome, RouteRequest, Router, RouterOptions, Standing};
pub use rules::RuleSet;

/// A whole, in parts per million.
pub const MILLION: u32 = 1_000_000;
