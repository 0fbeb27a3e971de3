//! The router: what is known of every route, and the decision for one payment.

use super::MILLION;
use super::catalogue::{Catalogue, Route};
use super::decision::{Considered, DROPPED, Decision, Reason};
use super::elimination::{Admission, Elimination, Patience};
use super::random::Random;
use super::rules::{Facts, Placement, RuleSet};
use super::statistics::{Counts, Decay, ONE, Statistic};
use std::fmt;

/// How a router learns and forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterOptions {
    /// Nanoseconds after which an outcome counts half.
    pub half_life_ns: u64,
    /// What is believed of a route before anything is known: as many successes, 1 or more. It does not fade.
    pub prior_succeeded: u32,
    /// And as many failures, 1 or more.
    pub prior_failed: u32,
    /// Consecutive failures after which a route is set aside, 1 or more.
    pub failures_max: u32,
    /// Nanoseconds for which it is set aside the first time, and for which a probe without outcome counts as under way.
    pub cool_down_ns: u64,
    /// The most it is set aside at once: each failed probe doubles the time.
    pub cool_down_ns_max: u64,
    /// The share of decisions that explore, in parts per million.
    pub exploration_ppm: u32,
    /// Seconds by which the business day's clock is ahead of UTC.
    pub utc_offset_s: u32,
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            half_life_ns: 300_000_000_000,
            prior_succeeded: 9,
            prior_failed: 1,
            failures_max: 5,
            cool_down_ns: 30_000_000_000,
            cool_down_ns_max: 600_000_000_000,
            exploration_ppm: 50_000,
            utc_offset_s: 8 * 3600, // Asia/Shanghai
        }
    }
}

/// Options that make no router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsError(&'static str);

impl fmt::Display for OptionsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for OptionsError {}

impl RouterOptions {
    fn check(&self) -> Result<(), OptionsError> {
        let rules = [
            (self.half_life_ns > 0, "half_life_ns must not be zero"),
            (self.prior_succeeded > 0 && self.prior_failed > 0, "the prior counts must not be zero"),
            (self.failures_max > 0, "failures_max must not be zero"),
            (self.cool_down_ns <= self.cool_down_ns_max, "cool_down_ns is above cool_down_ns_max"),
            (self.exploration_ppm <= MILLION, "exploration_ppm is above a million"),
            (self.utc_offset_s < 86_400, "utc_offset_s is a day or more"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, mistake)| Err(OptionsError(mistake)))
    }
}

/// What a merchant may and wants to use; everything, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerchantPolicy {
    /// The only channels it may use; None: all.
    pub allowed: Option<Vec<String>>,
    /// Channels it may not use, even if allowed.
    pub denied: Vec<String>,
    /// What rules can say `label is` of.
    pub labels: Vec<String>,
    /// Its rules.
    pub rules: RuleSet,
}

/// One payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRequest<'a> {
    /// The methods the payer can use now.
    pub methods: &'a [&'a str],
    /// The payer's bank, where it is known.
    pub bank: Option<&'a str>,
    /// The amount's currency.
    pub currency: &'a str,
    /// What is paid, in minor units.
    pub amount_minor: u64,
    /// What it is worth to the merchant that the payment succeeds, in minor units; usually the amount.
    pub value_minor: u64,
}

/// What became of a try, as far as routing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// It was paid.
    Succeeded = 1,
    /// The channel failed.
    Failed = 2,
    /// The payer refused, or had not enough money: the channel works, and it says nothing about its success rate.
    Refused = 3,
    /// No answer in time: the channel failed to answer, which says nothing about the payment.
    Unknown = 4,
}

impl Outcome {
    /// Returns the outcome with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Succeeded, Self::Failed, Self::Refused, Self::Unknown].into_iter().find(|outcome| *outcome as u8 == code)
    }
}

/// What is known of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The most probable success rate, in parts per million.
    pub success_ppm: u32,
    /// It was not reported as down.
    pub is_up: bool,
    /// It is set aside for consecutive failures, or a probe is under way.
    pub is_set_aside: bool,
}

#[derive(Clone, Copy, Default)]
struct State {
    statistic: Statistic,
    elimination: Elimination,
    is_down: bool,
}

/// Decides for each payment which routes to try, in which order.
pub struct Router {
    catalogue: Catalogue,
    options: RouterOptions,
    decay: Decay,
    patience: Patience,
    prior: Counts,
    states: Vec<State>,
}

impl Router {
    /// Returns a router that knows nothing of its routes yet.
    pub fn new(catalogue: Catalogue, options: RouterOptions) -> Result<Self, OptionsError> {
        options.check()?;
        let states = vec![State::default(); catalogue.routes().len()];
        let RouterOptions { failures_max, cool_down_ns, cool_down_ns_max, .. } = options;
        Ok(Self {
            catalogue,
            options,
            decay: Decay::new(options.half_life_ns),
            patience: Patience { failures_max, cool_down_ns, cool_down_ns_max },
            prior: Counts {
                succeeded: u64::from(options.prior_succeeded) * ONE,
                failed: u64::from(options.prior_failed) * ONE,
            },
            states,
        })
    }

    /// Returns the catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Returns the routes to try for a payment, best first, and why each route of the catalogue was kept or dropped.
    ///
    /// `now` is in nanoseconds since 1970. It depends on nothing but the router's state and its arguments.
    pub fn decide(&self, request: &RouteRequest<'_>, policy: &MerchantPolicy, now: u64, seed: u64) -> Decision {
        let mut random = Random::new(seed);
        let explored = random.happens(self.options.exploration_ppm);
        let applying = policy.rules.applying(&Facts {
            amount_minor: request.amount_minor,
            currency: request.currency,
            bank: request.bank,
            labels: &policy.labels,
            hour: self.hour(now),
        });
        let tick = self.decay.tick(now);
        let mut considered = Vec::with_capacity(self.states.len());
        let (mut kept, mut cooling_down) = (0, 0);
        for (position, route) in self.catalogue.routes().iter().enumerate() {
            let mut found = match self.place(position, route, request, policy, applying, now) {
                Ok(placed) => placed,
                Err((reason, rule_line)) => {
                    considered.push(dropped(position, reason, rule_line));
                    continue;
                }
            };
            let counts = self.states[position].statistic.at(tick).plus(self.prior);
            found.success_ppm = if explored { random.success_ppm(counts) } else { counts.success_ppm() };
            found.score = i128::from(request.value_minor) * i128::from(found.success_ppm)
                - i128::from(found.cost_minor) * i128::from(MILLION);
            let is_set_aside = found.reason == Reason::CoolingDown;
            kept += usize::from(!is_set_aside);
            cooling_down += usize::from(is_set_aside);
            considered.push(found);
        }
        if cooling_down > 0 {
            settle_cooling_down(&mut considered, kept == 0);
            kept = if kept == 0 { cooling_down } else { kept };
        }
        considered.sort_unstable_by(|a, b| (a.rank, b.score, a.route).cmp(&(b.rank, a.score, b.route)));
        Decision { explored, considered, kept }
    }

    /// A try on a route begins: call it when the intention is recorded.
    ///
    /// # Panics
    ///
    /// Where the catalogue has no such route; so do the methods below.
    pub fn begin(&mut self, route: usize, now: u64) {
        self.states[route].elimination.begin(&self.patience, now);
    }

    /// A try on a route ended, or is not answered. What becomes of an unknown one later is not recorded again.
    pub fn record(&mut self, route: usize, outcome: Outcome, now: u64) {
        let tick = self.decay.tick(now);
        let State { statistic, elimination, .. } = &mut self.states[route];
        match outcome {
            Outcome::Succeeded => {
                statistic.record(true, tick);
                elimination.answered();
            }
            Outcome::Refused => elimination.answered(),
            Outcome::Failed | Outcome::Unknown => {
                statistic.record(false, tick);
                elimination.failed(&self.patience, now);
            }
        }
    }

    /// A route was reported as up or down, by a person or by the channel.
    pub fn set_up(&mut self, route: usize, is_up: bool) {
        self.states[route].is_down = !is_up;
    }

    /// Returns what is known of a route.
    pub fn standing(&self, route: usize, now: u64) -> Standing {
        let State { statistic, elimination, is_down } = &self.states[route];
        Standing {
            success_ppm: statistic.at(self.decay.tick(now)).plus(self.prior).success_ppm(),
            is_up: !is_down,
            is_set_aside: matches!(
                elimination.admission(&self.patience, now),
                Admission::CoolingDown | Admission::Probing
            ),
        }
    }

    /// Returns a route with its rank and cost, or why it is dropped and the line of the rule that did. One that cools
    /// down is returned too, in case it is needed as a last resort.
    fn place(
        &self,
        position: usize,
        route: &Route,
        request: &RouteRequest<'_>,
        policy: &MerchantPolicy,
        applying: u64,
        now: u64,
    ) -> Result<Considered, (Reason, u32)> {
        if !request.methods.contains(&route.method.as_str()) {
            return Err((Reason::MethodNotOffered, 0));
        }
        match (&route.bank, request.bank) {
            (Some(own), bank) if bank != Some(own.as_str()) => return Err((Reason::BankNotServed, 0)),
            (None, Some(bank)) if self.catalogue.has_own_route(position, bank) => {
                return Err((Reason::BankHasOwnRoute, 0));
            }
            _ => {}
        }
        let terms = route.terms_in(request.currency).ok_or((Reason::CurrencyNotTaken, 0))?;
        if request.amount_minor < terms.amount_min {
            return Err((Reason::AmountBelowLimit, 0));
        }
        if request.amount_minor > terms.amount_max {
            return Err((Reason::AmountAboveLimit, 0));
        }
        if self.states[position].is_down {
            return Err((Reason::Down, 0));
        }
        if policy.denied.contains(&route.channel) {
            return Err((Reason::DeniedToMerchant, 0));
        }
        if policy.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&route.channel)) {
            return Err((Reason::NotAllowedToMerchant, 0));
        }
        let (tier, by_rule, rule_line) = match policy.rules.placement(applying, &route.channel, &route.method) {
            Placement::Excluded(line) => return Err((Reason::ExcludedByRule, line)),
            Placement::Preferred(line) => (0, Some(Reason::PreferredByRule), line),
            Placement::Neutral => (1, None, 0),
            Placement::Avoided(line) => (2, Some(Reason::AvoidedByRule), line),
        };
        let reason = match self.states[position].elimination.admission(&self.patience, now) {
            Admission::Probing => return Err((Reason::ProbeUnderWay, 0)),
            Admission::CoolingDown => Reason::CoolingDown,
            Admission::Probe => Reason::Probe,
            Admission::Open if route.on_us => by_rule.unwrap_or(Reason::OnUs),
            Admission::Open => by_rule.unwrap_or(Reason::ScoredByValue),
        };
        Ok(Considered {
            route: position,
            reason,
            rule_line,
            success_ppm: 0,
            cost_minor: terms.price.cost_minor(request.amount_minor),
            score: 0,
            rank: tier * 2 + u8::from(!route.on_us),
        })
    }

    /// Returns the hour of the business day, 0 to 23.
    fn hour(&self, now: u64) -> u8 {
        let seconds = now / 1_000_000_000 + u64::from(self.options.utc_offset_s);
        u8::try_from(seconds / 3600 % 24).expect("an hour")
    }
}

fn dropped(route: usize, reason: Reason, rule_line: u32) -> Considered {
    Considered { route, reason, rule_line, success_ppm: 0, cost_minor: 0, score: 0, rank: DROPPED }
}

/// Drops the routes that cool down, or keeps them where there is nothing else: a try that may fail is better than none.
#[cold]
fn settle_cooling_down(considered: &mut [Considered], is_last_resort: bool) {
    for found in considered.iter_mut().filter(|found| found.reason == Reason::CoolingDown) {
        if is_last_resort {
            found.reason = Reason::LastResort;
        } else {
            *found = dropped(found.route, Reason::CoolingDown, 0);
        }
    }
}
