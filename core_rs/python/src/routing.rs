//! The router behind a mutex, its methods one to one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_engine::routing::{
    Catalogue, Considered, MerchantPolicy, Outcome, Price, Reason, Route, RouteRequest,
    Router as EngineRouter, RouterOptions, Terms,
};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

pyo3::create_exception!(
    _core,
    RuleTextError,
    PyValueError,
    "A text that is no routing rules: line, column, message."
);

/// Currency, least and greatest amount, basis points, fixed part, least and greatest cost.
type PyTerms = (String, u64, u64, u32, u64, u64, u64);
/// Channel, method, bank, whether the money is with us, terms.
type PyRoute = (String, String, Option<String>, bool, Vec<PyTerms>);
/// The fields of [`RouterOptions`], in their order.
type PyOptions = (u64, u32, u32, u32, u64, u64, u32, u32);
/// Methods, bank, currency, amount, value.
type PyRequest = (Vec<String>, Option<String>, String, u64, u64);
/// Route, reason, line of the rule, success rate, cost, score.
type PyConsidered = (usize, u8, u32, u32, u64, i128);

/// What a merchant may and wants to use; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct RoutingPolicy {
    policy: MerchantPolicy,
}

/// Decides which routes to try; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct Router {
    router: Mutex<EngineRouter>,
}

impl Router {
    fn router(&self) -> MutexGuard<'_, EngineRouter> {
        // A panic aborts the process in the builds we ship; in others the state is unknown and must not be used.
        self.router
            .lock()
            .unwrap_or_else(|_: PoisonError<_>| panic!("the router panicked before"))
    }

    /// Returns the router, which has this route.
    fn router_with(&self, route: usize) -> PyResult<MutexGuard<'_, EngineRouter>> {
        let router = self.router();
        if route < router.catalogue().routes().len() {
            return Ok(router);
        }
        Err(PyIndexError::new_err(format!(
            "the catalogue has no route {route}"
        )))
    }
}

#[pymethods]
impl Router {
    #[new]
    fn new(routes: Vec<PyRoute>, options: PyOptions) -> PyResult<Self> {
        let catalogue = Catalogue::new(routes.into_iter().map(route_of).collect())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let router = EngineRouter::new(catalogue, options_of(options))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self {
            router: Mutex::new(router),
        })
    }

    fn policy(
        &self,
        allowed: Option<Vec<String>>,
        denied: Vec<String>,
        labels: Vec<String>,
        rules: &str,
    ) -> PyResult<RoutingPolicy> {
        let rules = self
            .router()
            .catalogue()
            .parse_rules(rules)
            .map_err(|error| RuleTextError::new_err((error.line, error.column, error.message)))?;
        Ok(RoutingPolicy {
            policy: MerchantPolicy {
                allowed,
                denied,
                labels,
                rules,
            },
        })
    }

    fn decide(
        &self,
        request: PyRequest,
        policy: &RoutingPolicy,
        now: u64,
        seed: u64,
    ) -> (bool, usize, Vec<PyConsidered>) {
        let (methods, bank, currency, amount_minor, value_minor) = request;
        let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
        let request = RouteRequest {
            methods: &methods,
            bank: bank.as_deref(),
            currency: &currency,
            amount_minor,
            value_minor,
        };
        let decision = self.router().decide(&request, &policy.policy, now, seed);
        let considered = decision.considered.iter().map(considered_of).collect();
        (decision.explored, decision.kept().len(), considered)
    }

    fn begin(&self, route: usize, now: u64) -> PyResult<()> {
        self.router_with(route)?.begin(route, now);
        Ok(())
    }

    fn record(&self, route: usize, outcome: u8, now: u64) -> PyResult<()> {
        let outcome = Outcome::from_code(outcome)
            .ok_or_else(|| PyValueError::new_err(format!("{outcome} is no outcome of a try")))?;
        self.router_with(route)?.record(route, outcome, now);
        Ok(())
    }

    fn set_up(&self, route: usize, is_up: bool) -> PyResult<()> {
        self.router_with(route)?.set_up(route, is_up);
        Ok(())
    }

    fn standing(&self, route: usize, now: u64) -> PyResult<(u32, bool, bool)> {
        let standing = self.router_with(route)?.standing(route, now);
        Ok((standing.success_ppm, standing.is_up, standing.is_set_aside))
    }
}

/// Returns every reason of a decision log by name.
#[pyfunction]
pub fn routing_reason_names() -> BTreeMap<&'static str, u8> {
    Reason::ALL
        .iter()
        .map(|reason| (reason.name(), *reason as u8))
        .collect()
}

fn options_of(options: PyOptions) -> RouterOptions {
    let (
        half_life_ns,
        prior_succeeded,
        prior_failed,
        failures_max,
        cool_down_ns,
        cool_down_ns_max,
        exploration_ppm,
        utc_offset_s,
    ) = options;
    RouterOptions {
        half_life_ns,
        prior_succeeded,
        prior_failed,
        failures_max,
        cool_down_ns,
        cool_down_ns_max,
        exploration_ppm,
        utc_offset_s,
    }
}

fn route_of((channel, method, bank, on_us, terms): PyRoute) -> Route {
    Route {
        channel,
        method,
        bank,
        on_us,
        terms: terms.into_iter().map(terms_of).collect(),
    }
}

fn terms_of(
    (currency, amount_min, amount_max, basis_points, fixed_minor, min_minor, max_minor): PyTerms,
) -> Terms {
    Terms {
        currency,
        amount_min,
        amount_max,
        price: Price {
            basis_points,
            fixed_minor,
            min_minor,
            max_minor,
        },
    }
}

fn considered_of(found: &Considered) -> PyConsidered {
    (
        found.route,
        found.reason as u8,
        found.rule_line,
        found.success_ppm,
        found.cost_minor,
        found.score,
    )
}
