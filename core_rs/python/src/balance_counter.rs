//! What customers pay from their balances, counted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_payments::{Authentication, BalanceLimits as Counter, Decision, Limits, Tenant, Usage};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;

use crate::new_payment::NewPayment;

/// The limits are in yuan; other currencies have none.
const LIMITED_CURRENCY: &str = "CNY";

/// Day, year, the two daily limits, the limits of the account classes.
type PyLimits = (i64, i64, i64, i64, [i64; 3]);

/// Counts what customers pay from their balances; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct BalanceCounter {
    limits: Mutex<Counter>,
}

impl BalanceCounter {
    fn limits(&self) -> MutexGuard<'_, Counter> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl BalanceCounter {
    #[new]
    fn new() -> Self {
        Self {
            limits: Mutex::default(),
        }
    }

    fn unknown(&self, customer_ids: Vec<u128>) -> Vec<u128> {
        let limits = self.limits();
        let unknown = |id: &u128| limits.tenant_of(*id).is_none();
        customer_ids.into_iter().filter(unknown).collect()
    }

    fn unknown_payers(&self, payments: Vec<PyRef<'_, NewPayment>>) -> Vec<u128> {
        let limits = self.limits();
        let mut unknown: Vec<u128> = payments
            .iter()
            .filter_map(|each| each.balance_payer())
            .filter(|id| limits.tenant_of(*id).is_none())
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Returns the places of the payments from balances whose payer is not the tenant's customer.
    fn strangers(&self, payments: Vec<PyRef<'_, NewPayment>>) -> Vec<usize> {
        let limits = self.limits();
        let is_strange = |each: &NewPayment| {
            let payer = each.balance_payer();
            payer.is_some_and(|id| limits.tenant_of(id) != Some(each.payment.tenant))
        };
        let places = payments.iter().enumerate();
        places
            .filter_map(|(place, each)| is_strange(each).then_some(place))
            .collect()
    }

    #[allow(clippy::too_many_arguments)] // the columns of a row
    fn learn(
        &self,
        customer_id: u128,
        tenant: (u128, bool),
        account_class: usize,
        day: i64,
        year: i64,
        today: i64,
        counted: i64,
    ) -> PyResult<()> {
        if !(1..=3).contains(&account_class) {
            return Err(PyValueError::new_err("there are three account classes"));
        }
        let (merchant_id, live) = tenant;
        let tenant = Tenant { merchant_id, live };
        let usage = Usage {
            tenant,
            account_class,
            day,
            year,
            today,
            counted,
            under_way: 0,
        };
        self.limits().learn(customer_id, usage);
        Ok(())
    }

    fn take(
        &self,
        customer_id: u128,
        minor: i64,
        authentication: &str,
        limits: PyLimits,
    ) -> PyResult<Option<&'static str>> {
        let authentication = Authentication::named(authentication)
            .ok_or_else(|| PyValueError::new_err("no way to verify a payer"))?;
        let mut counter = self.limits();
        if counter.tenant_of(customer_id).is_none() {
            return Err(PyKeyError::new_err("no customer that was read"));
        }
        Ok(counter
            .take(customer_id, minor, authentication, &limits_of(limits))
            .err())
    }

    /// Counts payments from balances; lets those fail that the limits do not allow, and returns the places of the others.
    fn take_all(
        &self,
        mut payments: Vec<PyRefMut<'_, NewPayment>>,
        limits: PyLimits,
    ) -> PyResult<Vec<usize>> {
        let limits = limits_of(limits);
        let mut counter = self.limits();
        let mut allowed = Vec::with_capacity(payments.len());
        for (place, each) in payments.iter_mut().enumerate() {
            each.payment.begin();
            let request = &each.payment.request;
            if request.currency == LIMITED_CURRENCY {
                let payer = each.balance_payer();
                let payer = payer.filter(|id| counter.tenant_of(*id).is_some());
                let payer = payer.ok_or_else(|| PyKeyError::new_err("no payer that was read"))?;
                if let Err(reason) =
                    counter.take(payer, request.amount, request.authentication, &limits)
                {
                    each.payment.refuse(reason);
                    continue;
                }
            }
            allowed.push(place);
        }
        Ok(allowed)
    }

    fn decided(&self, customer_id: u128, minor: i64, paid: Option<bool>) {
        self.limits().decided(customer_id, minor, decision(paid));
    }

    /// Notes what became of payments that were taken: what their status says where they were recorded.
    fn decided_all(&self, payments: Vec<PyRef<'_, NewPayment>>, recorded: Option<bool>) {
        let mut counter = self.limits();
        for each in &payments {
            let payment = &each.payment;
            if let Some(payer) = each.balance_payer()
                && payment.request.currency == LIMITED_CURRENCY
            {
                let paid = recorded.map(|recorded| recorded && payment.is_paid());
                counter.decided(payer, payment.request.amount, decision(paid));
            }
        }
    }

    fn forget(&self, customer_id: u128) {
        self.limits().forget(customer_id);
    }

    fn make_room(&self) {
        self.limits().make_room();
    }

    fn __len__(&self) -> usize {
        self.limits().len()
    }
}

fn decision(paid: Option<bool>) -> Decision {
    match paid {
        Some(true) => Decision::Paid,
        Some(false) => Decision::Unpaid,
        None => Decision::Unknown,
    }
}

fn limits_of((day, year, daily_two_factors, daily_fewer, account_class): PyLimits) -> Limits {
    Limits {
        day,
        year,
        daily_two_factors,
        daily_fewer,
        account_class,
    }
}
