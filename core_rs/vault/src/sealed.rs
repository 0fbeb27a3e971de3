//! The bytes of a sealed value, format version 1. Numbers are big-endian.
//!
//! ```text
//!  0   1  version                 1
//!  1   1  algorithm               1 AES-256-GCM, 2 SM4-GCM
//!  2  16  id of the key
//! 18  16  salt of the session     the cipher's key is derived from key and salt
//! 34  12  nonce
//! 46   n  ciphertext
//! 46+n 16 tag
//! ```
//!
//! The associated data are bytes 0 to 33, then each part of the context as a 32-bit length and its bytes.

use crate::aead::{Algorithm, NONCE_SIZE, TAG_SIZE};

/// The longest value that is sealed, in bytes: a field, not a file.
pub const PLAINTEXT_MAX: usize = 65_536;
/// How many bytes a sealed value is longer than the value.
pub const OVERHEAD: usize = HEADER_SIZE + TAG_SIZE;

pub(crate) const SALT_SIZE: usize = 16;
pub(crate) const HEADER_SIZE: usize = BOUND_SIZE + NONCE_SIZE;

const VERSION: u8 = 1;
/// What of the header is bound as associated data; the nonce is bound by the cipher itself.
const BOUND_SIZE: usize = 2 + 16 + SALT_SIZE;

pub(crate) type Salt = [u8; SALT_SIZE];

/// What is before the ciphertext.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub algorithm: Algorithm,
    pub key_id: u128,
    pub salt: Salt,
    pub nonce: [u8; NONCE_SIZE],
}

impl Header {
    /// Returns the header and what follows it, or `None` where the bytes cannot be a sealed value.
    pub fn read(sealed: &[u8]) -> Option<(Self, &[u8])> {
        if !(OVERHEAD..=OVERHEAD + PLAINTEXT_MAX).contains(&sealed.len()) || sealed[0] != VERSION {
            return None;
        }
        let (header, body) = sealed.split_first_chunk::<HEADER_SIZE>()?;
        let header = Self {
            algorithm: Algorithm::from_code(header[1])?,
            key_id: u128::from_be_bytes(header[2..18].try_into().expect("16 bytes")),
            salt: header[18..34].try_into().expect("16 bytes"),
            nonce: header[BOUND_SIZE..].try_into().expect("12 bytes"),
        };
        Some((header, body))
    }

    /// Returns the header as bytes.
    pub fn bytes(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[0] = VERSION;
        bytes[1] = self.algorithm as u8;
        bytes[2..18].copy_from_slice(&self.key_id.to_be_bytes());
        bytes[18..34].copy_from_slice(&self.salt);
        bytes[BOUND_SIZE..].copy_from_slice(&self.nonce);
        bytes
    }

    /// Returns the associated data: the header's bound part and the parts of the context, none of which can be
    /// mistaken for another.
    pub fn associated(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut associated = self.bytes()[..BOUND_SIZE].to_vec();
        associated.reserve(parts.iter().map(|part| 4 + part.len()).sum());
        append_parts(&mut associated, parts);
        associated
    }
}

/// Appends each part as a 32-bit length and its bytes.
pub(crate) fn append_parts(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        let length = u32::try_from(part.len()).expect("the parts of a context are short");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
}
