//! What is asked for, read from a message or from Python, and why it cannot be.

use pycore_payments::{
    Authentication, CaptureMethod, CreatePayment, Payer, PaymentMethod, Purpose, Refusal,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString};

use crate::payment_messages::CreatePaymentRequest;

const EXPIRES_IN_SECONDS: i64 = 900;
/// What is said of a key that is none.
pub const BAD_KEY: &str = "an idempotency key is needed, of 1 to 255 printable ASCII characters; nothing was recorded: \
     send the request with one, and the same one with every retry";

pub fn request_of(py: Python<'_>, message: &CreatePaymentRequest) -> PyResult<CreatePayment> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    Ok(CreatePayment {
        merchant_reference: message.merchant_reference.clone(),
        amount: message.amount,
        currency: given(&message.currency).unwrap_or_else(|| "CNY".to_owned()),
        subject: message.subject.clone(),
        purpose: known(py, Purpose::ALL, message.purpose, "purpose")?.unwrap_or(Purpose::Purchase),
        capture_method: known(
            py,
            CaptureMethod::ALL,
            message.capture_method,
            "capture_method",
        )?
        .unwrap_or(CaptureMethod::Automatic),
        method: known(py, PaymentMethod::ALL, message.method, "method")?,
        channel: given(&message.channel),
        customer_id: typed_id(py, "cus", &message.customer_id, "customer_id")?,
        store_id: typed_id(py, "sto", &message.store_id, "store_id")?,
        confirm: message.confirm,
        // On the wire, not being verified is the absence of a number.
        authentication: known(
            py,
            &Authentication::ALL[1..],
            message.authentication,
            "authentication",
        )?
        .unwrap_or(Authentication::None),
        payer: message.payer.as_ref().map(|payer| Payer {
            auth_code: given(&payer.auth_code),
            open_id: given(&payer.open_id),
            client_ip: given(&payer.client_ip),
        }),
        expires_in_seconds: message
            .expires_in_seconds
            .map_or(EXPIRES_IN_SECONDS, i64::from),
        return_url: given(&message.return_url),
        metadata: message
            .metadata
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

/// Returns the value with a number on the wire, none for 0.
fn known<T: Copy>(py: Python<'_>, values: &[T], number: i32, field: &str) -> PyResult<Option<T>> {
    if number == 0 {
        return Ok(None);
    }
    let value = usize::try_from(number - 1)
        .ok()
        .and_then(|place| values.get(place));
    value.copied().map(Some).ok_or_else(|| {
        invalid_request(
            py,
            format!("{field}: {number} is none of its values; nothing was recorded"),
        )
    })
}

/// Returns what a Python `CreatePayment` asks for.
pub fn asked(py: Python<'_>, request: &Bound<'_, PyAny>) -> PyResult<CreatePayment> {
    let get = |field: &'static str| request.getattr(PyString::intern(py, field));
    let id = |prefix: &str, field: &'static str| -> PyResult<Option<u128>> {
        let Some(text) = optional(request, field, field)? else {
            return Ok(None);
        };
        typed_id(py, prefix, if text.is_empty() { "?" } else { &text }, field)
    };
    let metadata = get("metadata")?.cast_into::<PyDict>()?;
    let metadata = metadata
        .iter()
        .map(|(name, value)| Ok((text(&name, "metadata")?, text(&value, "metadata")?)))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(CreatePayment {
        merchant_reference: text(&get("merchant_reference")?, "merchant_reference")?,
        // What is beyond 64 bits is as little allowed as what is beyond 53.
        amount: whole(&get("amount")?)?,
        currency: text(&get("currency")?, "currency")?,
        subject: text(&get("subject")?, "subject")?,
        purpose: named(&get("purpose")?, Purpose::named)?,
        capture_method: named(&get("capture_method")?, CaptureMethod::named)?,
        method: method_of(request)?,
        channel: optional(request, "channel", "channel")?,
        customer_id: id("cus", "customer_id")?,
        store_id: id("sto", "store_id")?,
        confirm: get("confirm")?.extract()?,
        authentication: named(&get("authentication")?, Authentication::named)?,
        payer: payer_of(request)?,
        expires_in_seconds: whole(&get("expires_in_seconds")?)?,
        return_url: optional(request, "return_url", "return_url")?,
        metadata,
    })
}

/// Checks that method, channel and payer of a Python `ConfirmPayment` go together.
#[pyfunction]
pub fn check_confirmation(request: &Bound<'_, PyAny>) -> PyResult<()> {
    let (method, payer) = (method_of(request)?, payer_of(request)?);
    let channel = optional(request, "channel", "channel")?;
    pycore_payments::check_confirmation(method, channel.as_deref(), payer.as_ref(), true)
        .map_err(|refusal| refused(request.py(), refusal))
}

fn method_of(request: &Bound<'_, PyAny>) -> PyResult<Option<PaymentMethod>> {
    let method = request.getattr(PyString::intern(request.py(), "method"))?;
    if method.is_none() {
        return Ok(None);
    }
    named(&method, PaymentMethod::named).map(Some)
}

fn payer_of(request: &Bound<'_, PyAny>) -> PyResult<Option<Payer>> {
    let payer = request.getattr(PyString::intern(request.py(), "payer"))?;
    if payer.is_none() {
        return Ok(None);
    }
    Ok(Some(Payer {
        auth_code: optional(&payer, "auth_code", "payer.auth_code")?,
        open_id: optional(&payer, "open_id", "payer.open_id")?,
        client_ip: optional(&payer, "client_ip", "payer.client_ip")?,
    }))
}

/// Returns the text of an attribute that may be None; `field` is what callers know it as.
fn optional(
    owner: &Bound<'_, PyAny>,
    name: &'static str,
    field: &'static str,
) -> PyResult<Option<String>> {
    let value = owner.getattr(PyString::intern(owner.py(), name))?;
    if value.is_none() {
        return Ok(None);
    }
    text(&value, field).map(Some)
}

fn whole(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    Ok(value.cast::<PyInt>()?.extract().unwrap_or(i64::MAX))
}

pub fn text(value: &Bound<'_, PyAny>, field: &str) -> PyResult<String> {
    let text = value.cast::<PyString>()?;
    text.to_str().map(str::to_owned).map_err(|_| {
        invalid_request(
            value.py(),
            format!("{field}: must be Unicode text; nothing was recorded: correct it"),
        )
    })
}

fn named<T>(value: &Bound<'_, PyAny>, named: impl Fn(&str) -> Option<T>) -> PyResult<T> {
    let name = value.cast::<PyString>()?;
    named(name.to_str()?).ok_or_else(|| PyValueError::new_err("none of its values"))
}

fn typed_id(
    py: Python<'_>,
    prefix: &str,
    text: &str,
    field: &'static str,
) -> PyResult<Option<u128>> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'));
    let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let digits = digits.filter(|digits| digits.len() == 32 && digits.bytes().all(is_lower_hex));
    let id = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
    id.map(Some).ok_or_else(|| {
        let text = format!(
            "{field}: not an id that begins with {prefix}_; nothing was recorded: correct it"
        );
        invalid_request(py, text)
    })
}

pub fn refused(py: Python<'_>, Refusal { field, allowed }: Refusal) -> PyErr {
    invalid_request(
        py,
        format!("{field}: must be {allowed}; nothing was recorded: correct it"),
    )
}

pub fn invalid_request(py: Python<'_>, text: String) -> PyErr {
    static KIND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let kind = KIND.get_or_try_init(py, || -> PyResult<_> {
        Ok(py
            .import("pycore.errors")?
            .getattr("InvalidRequestError")?
            .unbind())
    });
    match kind.and_then(|kind| kind.call1(py, (text,))) {
        Ok(error) => PyErr::from_value(error.into_bound(py)),
        Err(error) => error,
    }
}

pub fn malformed(error: prost::DecodeError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
