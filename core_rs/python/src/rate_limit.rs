//! The rate limiter behind a mutex.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_engine::rate_limit::{self, LIMITS_MAX, Limit, Refusal};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What a key may do; see `pycore/_core.pyi`.
#[pyclass(frozen, eq, module = "pycore._core")]
#[derive(PartialEq)]
pub struct Quota {
    quota: rate_limit::Quota,
}

#[pymethods]
impl Quota {
    #[new]
    fn new(units: u32, window_ns: u64, burst: u32) -> PyResult<Self> {
        let quota = rate_limit::Quota::new(units, window_ns, burst);
        quota.map(|quota| Self { quota }).ok_or_else(|| {
            PyValueError::new_err(
                "a quota's numbers are 1 or more, and its burst is paid off within 366 days",
            )
        })
    }

    #[getter]
    fn burst(&self) -> u32 {
        self.quota.burst()
    }
}

/// Counts what keys do; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct RateLimiter {
    limiter: Mutex<rate_limit::RateLimiter>,
}

impl RateLimiter {
    fn limiter(&self) -> MutexGuard<'_, rate_limit::RateLimiter> {
        // A panic aborts the process in the builds we ship; in others the state is unknown and must not be used.
        self.limiter
            .lock()
            .unwrap_or_else(|_: PoisonError<_>| panic!("the limiter panicked before"))
    }
}

#[pymethods]
impl RateLimiter {
    #[new]
    fn new(keys_max: usize, seed: u64) -> Self {
        Self {
            limiter: Mutex::new(rate_limit::RateLimiter::new(keys_max, seed)),
        }
    }

    fn check(
        &self,
        limits: Vec<(u128, PyRef<'_, Quota>)>,
        cost: u32,
        now: u64,
    ) -> PyResult<Option<(u64, Option<usize>)>> {
        let limits: Vec<Limit> = limits
            .iter()
            .map(|(key, quota)| Limit {
                key: *key,
                quota: quota.quota,
            })
            .collect();
        let is_repeated = |position: usize| {
            limits[..position]
                .iter()
                .any(|other| other.key == limits[position].key)
        };
        if limits.len() > LIMITS_MAX || (0..limits.len()).any(is_repeated) {
            return Err(PyValueError::new_err(format!(
                "a check has at most {LIMITS_MAX} limits, each of another key"
            )));
        }
        let cost =
            NonZeroU32::new(cost).ok_or_else(|| PyValueError::new_err("a cost is 1 or more"))?;
        match self.limiter().check(&limits, cost, now) {
            Ok(()) => Ok(None),
            Err(Refusal::Limited {
                limit,
                retry_after_ns,
            }) => Ok(Some((retry_after_ns, Some(limit)))),
            Err(Refusal::NoRoom { retry_after_ns }) => Ok(Some((retry_after_ns, None))),
            Err(Refusal::CostAboveBurst { limit }) => Err(PyValueError::new_err(format!(
                "limit {limit} never lets {cost} units pass at once"
            ))),
        }
    }

    #[getter]
    fn keys_count(&self) -> usize {
        self.limiter().keys_len()
    }
}
