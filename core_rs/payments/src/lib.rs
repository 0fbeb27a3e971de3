//! New payments, from what is asked to the rows that are kept: no I/O, no clock, no randomness.
//!
//! What most payments need is decided here. What few do (text in scripts whose printable characters only a table knows,
//! a closer look for secrets, a foreign currency) is left to the caller, who asks [`CreatePayment::check`].

mod balance_limits;
mod check;
mod claims;
mod fingerprint;
mod json;
mod new_payment;
mod request;
mod rows;

pub use balance_limits::{BalanceLimits, Decision, Limits, Usage};
pub use check::{Doubt, Refusal, check_confirmation};
pub use claims::Claims;
pub use new_payment::{NewPayment, PaymentStatus, Tenant};
pub use request::{Authentication, CaptureMethod, CreatePayment, Payer, PaymentMethod, Purpose};
pub use rows::{put_event, put_payment};
