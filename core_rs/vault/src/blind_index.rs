//! Finding a sealed value by its content, without opening anything.

use std::fmt;

use aws_lc_rs::hmac;

use crate::sealed::append_parts;
use crate::secret::Secret;

/// Bytes of an index.
pub const INDEX_SIZE: usize = 32;

/// A keyed hash (HMAC-SHA-256, RFC 2104) that is equal for equal values of one tenant and field, and says nothing else.
pub struct BlindIndex(hmac::Key);

impl BlindIndex {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.derive::<32>(b"blind index", &[]).as_slice()))
    }

    /// Returns the index of a value, which the caller has brought into its one normal form.
    ///
    /// The same value under another tenant or field has an unrelated index.
    pub fn index(&self, tenant: &str, field: &str, normal: &[u8]) -> [u8; INDEX_SIZE] {
        let mut message = zeroize::Zeroizing::new(Vec::with_capacity(12 + tenant.len() + field.len() + normal.len()));
        append_parts(&mut message, &[tenant.as_bytes(), field.as_bytes(), normal]);
        hmac::sign(&self.0, &message).as_ref().try_into().expect("the hash has 32 bytes")
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BlindIndex(…)")
    }
}
