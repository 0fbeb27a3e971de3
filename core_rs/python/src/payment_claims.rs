//! The keys and references of payments under way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_payments::Claims;
use pyo3::prelude::*;

use crate::new_payment::NewPayment;

/// What is under way; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct PaymentClaims {
    claims: Mutex<Claims>,
}

impl PaymentClaims {
    fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PaymentClaims {
    #[new]
    fn new() -> Self {
        Self {
            claims: Mutex::default(),
        }
    }

    fn take(&self, payment: PyRef<'_, NewPayment>) -> bool {
        self.claims().take(&payment.payment.claims)
    }

    fn release(&self, payments: Vec<PyRef<'_, NewPayment>>) {
        let mut claims = self.claims();
        for payment in &payments {
            claims.release(&payment.payment.claims);
        }
    }

    fn __len__(&self) -> usize {
        self.claims().len()
    }
}
