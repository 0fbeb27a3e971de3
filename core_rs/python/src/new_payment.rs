//! A payment on its way, as Python holds it.

use prost::Message;
use pycore_payments::{CreatePayment, Doubt, NewPayment as Payment, Tenant};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::buffer::bytes_of;
use crate::ids::IdGenerator;
use crate::payment_messages::{
    self as messages, CreatePaymentRequest, PaymentRequests, message_of,
};
use crate::payment_request::{
    BAD_KEY, asked, invalid_request, malformed, refused, request_of, text,
};

/// A payment on its way; see `pycore/_core.pyi`.
#[pyclass(module = "pycore._core")]
pub struct NewPayment {
    pub(crate) payment: Payment,
    doubt: Doubt,
    pub(crate) reply: Option<String>,
    #[pyo3(get)]
    tenant: Py<PyAny>,
    /// What became of it, once that is something else than the payment itself.
    #[pyo3(get, set)]
    outcome: Option<Py<PyAny>>,
    pub(crate) is_recorded: bool,
}

/// What payments are made with: whose they are, when, and where ids come from.
struct Origin<'a, 'py> {
    tenant: &'a Bound<'py, PyAny>,
    parsed_tenant: Tenant,
    ids: &'a IdGenerator,
    now_ns: i64,
}

impl<'a, 'py> Origin<'a, 'py> {
    fn new(tenant: &'a Bound<'py, PyAny>, ids: &'a IdGenerator, now_ns: i64) -> PyResult<Self> {
        let (merchant_id, live) = tenant.extract()?;
        Ok(Self {
            tenant,
            parsed_tenant: Tenant { merchant_id, live },
            ids,
            now_ns,
        })
    }

    fn payment(&self, key: String, request: CreatePayment) -> PyResult<NewPayment> {
        let py = self.tenant.py();
        if !Payment::is_key(&key) {
            return Err(invalid_request(py, BAD_KEY.to_owned()));
        }
        let id = self.ids.next(py)?;
        let made = Payment::new(id, self.parsed_tenant, key, request, self.now_ns);
        let (payment, doubt) = made.map_err(|refusal| refused(py, refusal))?;
        Ok(NewPayment {
            payment,
            doubt,
            reply: None,
            tenant: self.tenant.clone().unbind(),
            outcome: None,
            is_recorded: false,
        })
    }

    fn read(&self, message: CreatePaymentRequest) -> PyResult<NewPayment> {
        let py = self.tenant.py();
        let request = request_of(py, &message)?;
        self.payment(message.request_id, request)
    }
}

impl NewPayment {
    /// Returns who pays from a balance, none where nobody does.
    pub fn balance_payer(&self) -> Option<u128> {
        let customer_id = self.payment.request.customer_id;
        customer_id.filter(|_| self.payment.is_paid_from_balance())
    }
}

#[pymethods]
impl NewPayment {
    #[new]
    fn new(
        tenant: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
        request: &Bound<'_, PyAny>,
        ids: &IdGenerator,
        now_ns: i64,
    ) -> PyResult<Self> {
        let py = tenant.py();
        let key = text(key, "idempotency_key")?;
        Origin::new(tenant, ids, now_ns)?.payment(key, asked(py, request)?)
    }

    #[getter]
    fn id(&self) -> u128 {
        self.payment.id
    }

    #[getter]
    fn key(&self) -> &str {
        &self.payment.key
    }

    #[getter]
    fn fingerprint<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.payment.fingerprint)
    }

    #[getter]
    fn merchant_reference(&self) -> &str {
        &self.payment.request.merchant_reference
    }

    #[getter]
    fn amount(&self) -> i64 {
        self.payment.request.amount
    }

    #[getter]
    fn currency(&self) -> &str {
        &self.payment.request.currency
    }

    #[getter]
    fn subject(&self) -> &str {
        &self.payment.request.subject
    }

    #[getter]
    fn method(&self) -> Option<&'static str> {
        self.payment.request.method.map(|method| method.name())
    }

    #[getter]
    fn capture_method(&self) -> &'static str {
        self.payment.request.capture_method.name()
    }

    #[getter]
    fn channel(&self) -> Option<&str> {
        self.payment.channel()
    }

    #[getter]
    fn customer_id(&self) -> Option<u128> {
        self.payment.request.customer_id
    }

    #[getter]
    fn store_id(&self) -> Option<u128> {
        self.payment.request.store_id
    }

    #[getter]
    fn payer(&self) -> Option<(Option<&str>, Option<&str>, Option<&str>)> {
        let payer = self.payment.request.payer.as_ref()?;
        Some((
            payer.auth_code.as_deref(),
            payer.open_id.as_deref(),
            payer.client_ip.as_deref(),
        ))
    }

    #[getter]
    fn return_url(&self) -> Option<&str> {
        self.payment.request.return_url.as_deref()
    }

    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let metadata = PyDict::new(py);
        for (name, value) in &self.payment.request.metadata {
            metadata.set_item(name, value)?;
        }
        Ok(metadata)
    }

    #[getter]
    fn status(&self) -> &'static str {
        self.payment.status.name()
    }

    #[getter]
    fn doubts(&self) -> Vec<&'static str> {
        let Doubt {
            subject,
            currency,
            secrets,
        } = self.doubt;
        let named = [
            (subject, "subject"),
            (currency, "currency"),
            (secrets, "secrets"),
        ];
        named
            .into_iter()
            .filter_map(|(is_open, name)| is_open.then_some(name))
            .collect()
    }

    #[getter]
    fn is_doubtful(&self) -> bool {
        self.doubt != Doubt::default()
    }

    #[getter]
    fn is_paid_from_balance(&self) -> bool {
        self.payment.is_paid_from_balance()
    }

    #[getter]
    fn names_others(&self) -> bool {
        let request = &self.payment.request;
        request.store_id.is_some()
            || (request.customer_id.is_some() && !self.payment.is_paid_from_balance())
    }

    #[getter]
    fn is_to_be_confirmed(&self) -> bool {
        self.is_recorded && self.payment.request.confirm && !self.payment.is_paid_from_balance()
    }

    #[getter]
    fn reply(&self) -> Option<&str> {
        self.reply.as_deref()
    }

    fn response<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let payment = Some(message_of(&self.payment));
        PyBytes::new(
            py,
            &messages::CreatePaymentResponse { payment }.encode_to_vec(),
        )
    }

    fn result<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let result = messages::PaymentResult {
            request_id: self.payment.key.clone(),
            payment: Some(message_of(&self.payment)),
        };
        let results = messages::PaymentResults {
            results: vec![result],
        };
        PyBytes::new(py, &results.encode_to_vec())
    }
}

/// Reads a `CreatePaymentRequest`.
#[pyfunction]
pub fn read_payment(
    message: &Bound<'_, PyAny>,
    tenant: &Bound<'_, PyAny>,
    ids: &IdGenerator,
    now_ns: i64,
) -> PyResult<NewPayment> {
    let message = CreatePaymentRequest::decode(bytes_of(message)?.as_ref()).map_err(malformed)?;
    Origin::new(tenant, ids, now_ns)?.read(message)
}

/// Reads a `SubmitPaymentsRequest` or `StreamPaymentsRequest`: payments, and errors in the place of those that cannot be.
#[pyfunction]
pub fn read_payments<'py>(
    message: &Bound<'py, PyAny>,
    tenant: &Bound<'py, PyAny>,
    ids: &IdGenerator,
    now_ns: i64,
) -> PyResult<Bound<'py, PyList>> {
    let py = message.py();
    let origin = Origin::new(tenant, ids, now_ns)?;
    let read = PyList::empty(py);
    let message = PaymentRequests::decode(bytes_of(message)?.as_ref()).map_err(malformed)?;
    for request in message.requests {
        let key = request.request_id.clone();
        match origin.read(request) {
            Ok(payment) => read.append(Bound::new(py, payment)?)?,
            Err(error) => read.append((key, error.into_value(py)))?,
        }
    }
    Ok(read)
}
