//! Where a sealed value belongs.

/// Tenant, field and record of a sealed value.
///
/// They are bound to it and not stored in it: a ciphertext that is moved to another tenant, field or record cannot be
/// opened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Whose value it is, for example a merchant's id.
    pub tenant: &'a str,
    /// Which field, for example `payer_phone`.
    pub field: &'a str,
    /// Which record, for example a payment's id.
    pub record: &'a str,
}

impl<'a> Context<'a> {
    /// Returns the parts that are bound.
    pub(crate) fn parts(&self) -> [&'a [u8]; 3] {
        [self.tenant.as_bytes(), self.field.as_bytes(), self.record.as_bytes()]
    }
}

/// Whose a subject's key is; bound to the wrapped key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The tenant that keeps the subject's data.
    pub tenant: &'a str,
    /// The person, for example a customer's id.
    pub subject: &'a str,
}
