//! Why something was refused. What could help an attacker is not told.

use std::fmt;

/// A sealed value or a wrapped key cannot be opened.
///
/// There is one such error on purpose: whether the key, the tenant, the record, the algorithm or a byte was wrong is
/// not told to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cannot be opened")
    }
}

impl std::error::Error for OpenError {}

/// A value was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// No data key was activated.
    NoActiveKey,
    /// The value has more than [`PLAINTEXT_MAX`](crate::PLAINTEXT_MAX) bytes.
    TooLong,
    /// The subject's key is restricted: what it sealed is kept for the law, and nothing is added.
    Restricted,
}

impl fmt::Display for SealError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoActiveKey => "no data key is active: activate one",
            Self::TooLong => "the value has more than 65,536 bytes: the vault seals fields, not files",
            Self::Restricted => "the subject's key is restricted: nothing may be sealed with it",
        })
    }
}

impl std::error::Error for SealError {}

/// The keyring was asked for what it cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// A keyring needs one key-encryption key or more.
    NoKeyEncryptionKey,
    /// There is no data key of this id in the keyring.
    UnknownKey,
    /// The active data key cannot be removed.
    KeyIsActive,
}

impl fmt::Display for KeyringError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoKeyEncryptionKey => "there is no key-encryption key",
            Self::UnknownKey => "there is no data key of this id in the keyring: add it first",
            Self::KeyIsActive => "the active data key cannot be removed: activate another first",
        })
    }
}

impl std::error::Error for KeyringError {}
