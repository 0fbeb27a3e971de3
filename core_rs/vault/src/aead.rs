//! Authenticated encryption behind one trait, so that a hardware module can take a cipher's place.

use std::sync::Arc;

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sm4::Sm4;

use crate::error::OpenError;
use crate::secret::Secret;

/// Bytes of a nonce.
pub(crate) const NONCE_SIZE: usize = 12;
/// Bytes of an authentication tag; never shortened.
pub(crate) const TAG_SIZE: usize = 16;

const AES_256_KEY_SIZE: usize = 32;
const SM4_KEY_SIZE: usize = 16;

/// A cipher with its key already expanded.
pub(crate) trait Aead: Send + Sync {
    /// Encrypts `text` in place and returns its tag.
    fn seal(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text: &mut [u8]) -> [u8; TAG_SIZE];

    /// Decrypts in place what is before the tag at the end of `text_and_tag`.
    ///
    /// After an error the bytes mean nothing and must not be used.
    fn open(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text_and_tag: &mut [u8]) -> Result<(), OpenError>;
}

/// Which cipher; the number is stored with every sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    /// AES-256 in Galois/Counter Mode (NIST SP 800-38D).
    Aes256Gcm = 1,
    /// SM4 (GB/T 32907) in Galois/Counter Mode (RFC 8998 section 3.2).
    Sm4Gcm = 2,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::Sm4Gcm];

    /// Returns the algorithm of a stored number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| *algorithm as u8 == code)
    }

    /// Returns the cipher with the key that `secret` gives for this algorithm and `salt`.
    pub(crate) fn derive(self, secret: &Secret, salt: &[u8]) -> Arc<dyn Aead> {
        match self {
            Self::Aes256Gcm => Arc::new(Aes256Gcm::new(&secret.derive::<AES_256_KEY_SIZE>(b"aes-256-gcm", salt))),
            Self::Sm4Gcm => Arc::new(Sm4Gcm::new(&secret.derive::<SM4_KEY_SIZE>(b"sm4-gcm", salt))),
        }
    }
}

/// AES-256-GCM of AWS-LC, which wipes the key when it is freed.
pub(crate) struct Aes256Gcm(LessSafeKey);

impl Aes256Gcm {
    pub fn new(key: &[u8; AES_256_KEY_SIZE]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has the right size")))
    }
}

impl Aead for Aes256Gcm {
    fn seal(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text: &mut [u8]) -> [u8; TAG_SIZE] {
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), text)
            .expect("fields are far shorter than the cipher's limit");
        tag.as_ref().try_into().expect("the whole tag")
    }

    fn open(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text_and_tag: &mut [u8]) -> Result<(), OpenError> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), text_and_tag)
            .map(|_| ())
            .map_err(|_| OpenError)
    }
}

/// SM4 in the Galois/Counter Mode of RustCrypto, which is written for any cipher of 128-bit blocks.
pub(crate) struct Sm4Gcm(AesGcm<Sm4, U12>);

impl Sm4Gcm {
    pub fn new(key: &[u8; SM4_KEY_SIZE]) -> Self {
        Self(AesGcm::new(key.into()))
    }
}

impl Aead for Sm4Gcm {
    fn seal(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text: &mut [u8]) -> [u8; TAG_SIZE] {
        self.0
            .encrypt_inout_detached(nonce.into(), associated, text.into())
            .expect("fields are far shorter than the cipher's limit")
            .into()
    }

    fn open(&self, nonce: &[u8; NONCE_SIZE], associated: &[u8], text_and_tag: &mut [u8]) -> Result<(), OpenError> {
        let (text, tag) = text_and_tag.split_last_chunk_mut::<TAG_SIZE>().ok_or(OpenError)?;
        let tag: &[u8; TAG_SIZE] = tag;
        self.0.decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into()).map_err(|_| OpenError)
    }
}
