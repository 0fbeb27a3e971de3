//! A payment on its way.

use pycore_engine::{CreateTransferStatus, Transfer, transfer_flags};

use crate::check::{Doubt, Refusal, is_visible};
use crate::fingerprint::{claim, fingerprint};
use crate::request::{CaptureMethod, CreatePayment, PaymentMethod, named};

const SECOND_NS: i64 = 1_000_000_000;
/// The channel that is our own ledger.
pub(crate) const BALANCE: &str = "balance";
/// `TransferCode.PAYMENT`.
const PAYMENT_CODE: u16 = 1;

/// Whose data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The merchant.
    pub merchant_id: u128,
    /// Whether real money moves.
    pub live: bool,
}

named!(
    /// How far a new payment is.
    PaymentStatus {
        /// Nobody was asked to pay yet.
        Created = "created",
        /// The money is held.
        Authorized = "authorized",
        /// The money is the merchant's.
        Succeeded = "succeeded",
        /// It is certain that nothing was paid.
        Failed = "failed",
    }
);

/// A payment on its way: what was asked, and what has become of it so far.
pub struct NewPayment {
    /// Its id.
    pub id: u128,
    /// Whose it is.
    pub tenant: Tenant,
    /// The caller's name for the request.
    pub key: String,
    /// What was asked.
    pub request: CreatePayment,
    /// What tells the request apart from others.
    pub fingerprint: [u8; 16],
    /// Nanoseconds since 1970.
    pub created_at: i64,
    /// How far it is.
    pub status: PaymentStatus,
    /// Why it failed, in one stable word.
    pub failure_code: Option<&'static str>,
    /// What no other request under way may share: its key, its reference.
    pub claims: [u128; 2],
}

impl NewPayment {
    /// Returns the payment asked for, and what the caller must look at.
    pub fn new(
        id: u128,
        tenant: Tenant,
        key: String,
        mut request: CreatePayment,
        created_at: i64,
    ) -> Result<(Self, Doubt), Refusal> {
        let doubt = request.check(&key)?;
        // Their order is nothing that is asked for.
        request.metadata.sort();
        let fingerprint = fingerprint(&request);
        let claims = [claim("key", tenant, &key), claim("reference", tenant, &request.merchant_reference)];
        let status = PaymentStatus::Created;
        Ok((Self { id, tenant, key, request, fingerprint, created_at, status, failure_code: None, claims }, doubt))
    }

    /// Returns whether a text may be an idempotency key.
    pub fn is_key(text: &str) -> bool {
        is_visible(text, 255)
    }

    /// Returns whether the ledger decides at once.
    pub fn is_paid_from_balance(&self) -> bool {
        self.request.confirm && self.request.method == Some(PaymentMethod::Balance)
    }

    /// Returns whether the money is the merchant's, or held.
    pub fn is_paid(&self) -> bool {
        matches!(self.status, PaymentStatus::Succeeded | PaymentStatus::Authorized)
    }

    /// Returns when it ends unpaid, in nanoseconds since 1970.
    pub fn expires_at(&self) -> i64 {
        self.created_at + self.request.expires_in_seconds * SECOND_NS
    }

    /// Returns through whom it is paid.
    pub fn channel(&self) -> Option<&str> {
        let is_asked = self.status == PaymentStatus::Created;
        if is_asked { self.request.channel.as_deref() } else { Some(BALANCE) }
    }

    /// Returns what the merchant got.
    pub fn amount_captured(&self) -> i64 {
        if self.status == PaymentStatus::Succeeded { self.request.amount } else { 0 }
    }

    /// Returns the ledger's hold.
    pub fn hold_id(&self) -> Option<u128> {
        (self.status == PaymentStatus::Authorized).then_some(self.id)
    }

    /// Returns what its merchant may do with it now.
    pub fn allowed_actions(&self) -> &'static [&'static str] {
        match self.status {
            PaymentStatus::Created => &["confirm", "cancel"],
            PaymentStatus::Authorized => &["capture", "cancel"],
            PaymentStatus::Succeeded => &["refund"],
            PaymentStatus::Failed => &[],
        }
    }

    /// Returns the transfer from the payer's balance to the receiver; its id is the payment's: a payment is taken from a
    /// balance once.
    pub fn transfer(&self, payer: u128, receiver: u128, ledger: u32) -> Transfer {
        let held = self.request.capture_method == CaptureMethod::Manual;
        let seconds = u32::try_from(self.request.expires_in_seconds).expect("30 days at most");
        Transfer {
            id: self.id,
            debit_account_id: payer,
            credit_account_id: receiver,
            amount: u128::from(self.request.amount.cast_unsigned()),
            pending_id: 0,
            user_data_128: self.id,
            user_data_64: 0,
            user_data_32: 0,
            timeout: if held { seconds } else { 0 },
            ledger,
            code: PAYMENT_CODE,
            flags: if held { transfer_flags::PENDING } else { 0 },
            timestamp: 0,
        }
    }

    /// Takes that the transfer will be made.
    pub fn expect(&mut self) {
        let held = self.request.capture_method == CaptureMethod::Manual;
        self.status = if held { PaymentStatus::Authorized } else { PaymentStatus::Succeeded };
        self.failure_code = None;
    }

    /// Takes what became of the transfer, and returns whether it is decided otherwise than it was. It may be judged again,
    /// after another call's rows were refused: nothing of the first time stays. Fails for what cannot be; nothing of it
    /// is then written.
    pub fn decide(&mut self, status: u32) -> Result<bool, u32> {
        let before = (self.status, self.failure_code);
        if status == CreateTransferStatus::Created as u32 {
            self.expect();
        } else if status == CreateTransferStatus::ExceedsCredits as u32 {
            self.refuse("insufficient_balance");
        } else {
            return Err(status);
        }
        Ok(before != (self.status, self.failure_code))
    }

    /// Takes back what was decided, to decide anew: nothing of it was recorded.
    pub fn begin(&mut self) {
        (self.status, self.failure_code) = (PaymentStatus::Created, None);
    }

    /// Lets it fail before any money was asked for, for a reason that is one of ours.
    pub fn refuse(&mut self, reason: &'static str) {
        (self.status, self.failure_code) = (PaymentStatus::Failed, Some(reason));
    }
}
