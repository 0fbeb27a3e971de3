//! The accounts money moves between when customers pay from their balances.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pycore_engine::Transfer;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use zerocopy::IntoBytes;

use crate::new_payment::NewPayment;

/// Whose account in which ledger.
type Place = (u32, u128);

/// The accounts of customers and merchants that exist; see `pycore/_core.pyi`.
#[pyclass(frozen, module = "pycore._core")]
pub struct BalanceAccounts {
    ids: Mutex<HashMap<Place, u128>>,
    ledgers: Py<PyDict>,
}

impl BalanceAccounts {
    fn ids(&self) -> MutexGuard<'_, HashMap<Place, u128>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the payer's and the receiver's accounts are.
    fn places(&self, py: Python<'_>, each: &NewPayment) -> PyResult<[Place; 2]> {
        let payment = &each.payment;
        let key = (payment.request.currency.as_str(), payment.tenant.live);
        let ledger = self.ledgers.bind(py).get_item(key)?;
        let ledger = ledger.ok_or_else(|| PyKeyError::new_err("no ledger of this currency"))?;
        let ledger: u32 = ledger.extract()?;
        let payer = each.balance_payer();
        let payer = payer.ok_or_else(|| PyValueError::new_err("not paid from a balance"))?;
        Ok([(ledger, payer), (ledger, payment.tenant.merchant_id)])
    }
}

#[pymethods]
impl BalanceAccounts {
    #[new]
    fn new(ledgers: Py<PyDict>) -> Self {
        Self {
            ids: Mutex::default(),
            ledgers,
        }
    }

    /// Returns ledger, customer or merchant, and the payment's place, of every account that is not known.
    fn unknown(
        &self,
        py: Python<'_>,
        payments: Vec<PyRef<'_, NewPayment>>,
    ) -> PyResult<Vec<(u32, u128, usize)>> {
        let mut unknown = Vec::new();
        for (number, each) in payments.iter().enumerate() {
            for place in self.places(py, each)? {
                if !self.ids().contains_key(&place) {
                    unknown.push((place.0, place.1, number));
                }
            }
        }
        unknown.sort_unstable();
        unknown.dedup_by_key(|(ledger, owner, _)| (*ledger, *owner));
        Ok(unknown)
    }

    fn learn(&self, ledger: u32, owner_id: u128, account_id: u128) {
        self.ids().insert((ledger, owner_id), account_id);
    }

    fn clear(&self) {
        self.ids().clear();
    }

    fn transfers<'py>(
        &self,
        py: Python<'py>,
        payments: Vec<PyRef<'py, NewPayment>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut transfers: Vec<Transfer> = Vec::with_capacity(payments.len());
        for each in &payments {
            let [payer, receiver] = self.places(py, each)?;
            let ids = self.ids();
            let (Some(debit), Some(credit)) = (ids.get(&payer), ids.get(&receiver)) else {
                return Err(PyKeyError::new_err("an account that is not known"));
            };
            transfers.push(each.payment.transfer(*debit, *credit, payer.0));
        }
        Ok(PyBytes::new(py, transfers.as_bytes()))
    }

    fn __len__(&self) -> usize {
        self.ids().len()
    }
}
