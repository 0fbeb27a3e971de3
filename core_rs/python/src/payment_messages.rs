//! The messages of `pycore.payments.v1` that are too many to become Python objects.
//!
//! Field numbers are those of `api/proto/pycore/payments/v1/payments.proto`; a test encodes with the generated stubs and
//! decodes here, and back.

use std::collections::BTreeMap;

use prost::Message;
use pycore_payments::{CaptureMethod, NewPayment, PaymentMethod, PaymentStatus, Purpose};

/// What is known of the payer.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Payer {
    #[prost(string, tag = "1")]
    pub auth_code: String,
    #[prost(string, tag = "2")]
    pub open_id: String,
    #[prost(string, tag = "3")]
    pub client_ip: String,
}

/// A payment to ask for.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CreatePaymentRequest {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(string, tag = "2")]
    pub merchant_reference: String,
    #[prost(int64, tag = "3")]
    pub amount: i64,
    #[prost(string, tag = "4")]
    pub currency: String,
    #[prost(string, tag = "5")]
    pub subject: String,
    #[prost(int32, tag = "6")]
    pub purpose: i32,
    #[prost(int32, tag = "7")]
    pub capture_method: i32,
    #[prost(int32, tag = "8")]
    pub method: i32,
    #[prost(string, tag = "9")]
    pub channel: String,
    #[prost(string, tag = "10")]
    pub customer_id: String,
    #[prost(string, tag = "11")]
    pub store_id: String,
    #[prost(bool, tag = "12")]
    pub confirm: bool,
    #[prost(message, optional, tag = "13")]
    pub payer: Option<Payer>,
    #[prost(int32, optional, tag = "14")]
    pub expires_in_seconds: Option<i32>,
    #[prost(string, tag = "15")]
    pub return_url: String,
    #[prost(btree_map = "string, string", tag = "16")]
    pub metadata: BTreeMap<String, String>,
    #[prost(int32, tag = "17")]
    pub authentication: i32,
}

/// `SubmitPaymentsRequest`, and `StreamPaymentsRequest`, which has only one.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PaymentRequests {
    #[prost(message, repeated, tag = "1")]
    pub requests: Vec<CreatePaymentRequest>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A payment, without the fields a new one never has.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Payment {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub merchant_reference: String,
    #[prost(bool, tag = "3")]
    pub live: bool,
    #[prost(int32, tag = "4")]
    pub status: i32,
    #[prost(int32, tag = "5")]
    pub purpose: i32,
    #[prost(int64, tag = "6")]
    pub amount: i64,
    #[prost(string, tag = "7")]
    pub currency: String,
    #[prost(int64, tag = "8")]
    pub amount_captured: i64,
    #[prost(int32, tag = "10")]
    pub capture_method: i32,
    #[prost(int32, tag = "11")]
    pub method: i32,
    #[prost(string, tag = "12")]
    pub channel: String,
    #[prost(string, tag = "13")]
    pub customer_id: String,
    #[prost(string, tag = "14")]
    pub store_id: String,
    #[prost(string, tag = "15")]
    pub subject: String,
    #[prost(string, tag = "17")]
    pub failure_code: String,
    #[prost(string, tag = "18")]
    pub return_url: String,
    #[prost(btree_map = "string, string", tag = "19")]
    pub metadata: BTreeMap<String, String>,
    #[prost(string, repeated, tag = "20")]
    pub allowed_actions: Vec<String>,
    #[prost(message, optional, tag = "21")]
    pub created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "22")]
    pub expires_at: Option<Timestamp>,
    #[prost(message, optional, tag = "23")]
    pub updated_at: Option<Timestamp>,
}

/// `CreatePaymentResponse`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct CreatePaymentResponse {
    #[prost(message, optional, tag = "1")]
    pub payment: Option<Payment>,
}

/// What became of one of several requests: a payment.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PaymentResult {
    #[prost(string, tag = "1")]
    pub request_id: String,
    #[prost(message, optional, tag = "2")]
    pub payment: Option<Payment>,
}

/// `SubmitPaymentsResponse` and `StreamPaymentsResponse`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PaymentResults {
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<PaymentResult>,
}

/// The wire's numbers of what a new payment can be, in the order of `PaymentStatus::ALL`.
const STATUSES_ON_WIRE: [i32; 4] = [1, 4, 5, 6];

/// Returns a new payment's message.
pub fn message_of(payment: &NewPayment) -> Payment {
    let request = &payment.request;
    let id = |prefix: &str, id: Option<u128>| {
        id.map_or_else(String::new, |id| format!("{prefix}_{id:032x}"))
    };
    let created_at = Some(timestamp(payment.created_at));
    Payment {
        id: id("pay", Some(payment.id)),
        merchant_reference: request.merchant_reference.clone(),
        live: payment.tenant.live,
        status: STATUSES_ON_WIRE[place(PaymentStatus::ALL, payment.status)],
        purpose: number(Purpose::ALL, request.purpose),
        amount: request.amount,
        currency: request.currency.clone(),
        amount_captured: payment.amount_captured(),
        capture_method: number(CaptureMethod::ALL, request.capture_method),
        method: request
            .method
            .map_or(0, |method| number(PaymentMethod::ALL, method)),
        channel: payment.channel().unwrap_or_default().to_owned(),
        customer_id: id("cus", request.customer_id),
        store_id: id("sto", request.store_id),
        subject: request.subject.clone(),
        failure_code: payment.failure_code.unwrap_or_default().to_owned(),
        return_url: request.return_url.clone().unwrap_or_default(),
        metadata: request.metadata.iter().cloned().collect(),
        allowed_actions: payment
            .allowed_actions()
            .iter()
            .map(|&action| action.to_owned())
            .collect(),
        created_at,
        expires_at: Some(timestamp(payment.expires_at())),
        updated_at: created_at,
    }
}

fn place<T: PartialEq>(values: &[T], value: T) -> usize {
    values
        .iter()
        .position(|each| *each == value)
        .expect("one of its values")
}

/// Returns the number on the wire.
fn number<T: PartialEq>(values: &[T], value: T) -> i32 {
    i32::try_from(place(values, value) + 1).expect("a few values")
}

/// Returns a time in whole microseconds, as everywhere outside.
#[allow(clippy::cast_possible_truncation)] // less than a second
fn timestamp(time_ns: i64) -> Timestamp {
    Timestamp {
        seconds: time_ns.div_euclid(1_000_000_000),
        nanos: (time_ns.rem_euclid(1_000_000_000) / 1000 * 1000) as i32,
    }
}
