//! The bytes every key is derived from.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use zeroize::{Zeroize, Zeroizing};

use crate::randomness::Randomness;

/// Bytes of a secret.
pub const SECRET_SIZE: usize = 32;

/// 32 unpredictable bytes, wiped when dropped; printing them shows a mask.
///
/// They are on the heap: moving an array would leave copies behind that nobody wipes.
pub struct Secret(Box<[u8; SECRET_SIZE]>);

impl Secret {
    /// Returns the secret of these bytes, or `None` where they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != SECRET_SIZE {
            return None;
        }
        let mut secret = Self(Box::new([0; SECRET_SIZE]));
        secret.0.copy_from_slice(bytes);
        Some(secret)
    }

    /// Returns a new secret.
    pub fn random(random: &dyn Randomness) -> Self {
        let mut secret = Self(Box::new([0; SECRET_SIZE]));
        random.fill(secret.0.as_mut_slice());
        secret
    }

    /// Returns the bytes, to be wrapped.
    pub(crate) fn bytes(&self) -> &[u8; SECRET_SIZE] {
        &self.0
    }

    /// Returns the key for one purpose and salt (HKDF-Expand with SHA-256, RFC 5869 section 2.3).
    ///
    /// `purpose` is one of our few labels, none of which begins another, so purpose and salt cannot run together.
    pub(crate) fn derive<const SIZE: usize>(&self, purpose: &[u8], salt: &[u8]) -> Zeroizing<[u8; SIZE]> {
        let mut key = Zeroizing::new([0; SIZE]);
        Prk::new_less_safe(HKDF_SHA256, self.0.as_slice())
            .expand(&[b"pycore vault 1 ", purpose, salt], KeySize(SIZE))
            .and_then(|derived| derived.fill(key.as_mut_slice()))
            .expect("keys are shorter than the function's limit");
        key
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

struct KeySize(usize);

impl KeyType for KeySize {
    fn len(&self) -> usize {
        self.0
    }
}
