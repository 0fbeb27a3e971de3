//! Sealed fields, keys and card numbers: no I/O, no clock, randomness only from the caller's source.
//!
//! A key-encryption key from outside wraps data keys, data keys seal fields, and each sealed value is bound to its
//! tenant, field and record:
//!
//! ```
//! use pycore_vault::{Algorithm, Context, Keyring, OpenError, Secret, SystemRandom};
//!
//! let random = SystemRandom::new();
//! let key_encryption_key = Secret::random(&random); // from a file, the environment or a key service
//! let keyring = Keyring::new(vec![key_encryption_key], Algorithm::Aes256Gcm, &random).unwrap();
//! let wrapped = keyring.create_data_key(1, &random); // store it, then:
//! keyring.activate(wrapped.id()).unwrap();
//!
//! let context = Context { tenant: "merchant 7", field: "payer_phone", record: "payment 42" };
//! let sealed = keyring.seal(b"13812345678", &context, &random).unwrap();
//! assert_eq!(*keyring.open(&sealed, &context).unwrap(), b"13812345678");
//!
//! let elsewhere = Context { record: "payment 43", ..context };
//! assert_eq!(keyring.open(&sealed, &elsewhere), Err(OpenError));
//! ```
//!
//! Every type that holds a key or a card number is wiped when dropped and prints a mask.

mod aead;
mod blind_index;
mod card_detector;
mod card_network;
mod card_number;
mod card_token;
mod context;
mod digit;
mod error;
mod key;
mod keyring;
mod randomness;
mod sealed;
mod secret;
mod subject_key;
mod verification_value;
mod wrapped_key;

#[cfg(test)]
mod keyring_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;

pub use aead::Algorithm;
pub use aws_lc_rs::rand::SystemRandom;
pub use blind_index::{BlindIndex, INDEX_SIZE};
pub use card_detector::{find_card_numbers, find_possible_card_numbers, mask_card_numbers};
pub use card_number::{CardNumber, CardNumberError};
pub use card_token::{CardToken, TokenisedCard, card_index, detokenise, tokenise};
pub use context::{Context, Owner};
pub use error::{KeyringError, OpenError, SealError};
pub use key::MESSAGES_MAX;
pub use keyring::Keyring;
pub use randomness::Randomness;
pub use sealed::{OVERHEAD, PLAINTEXT_MAX};
pub use secret::{SECRET_SIZE, Secret};
pub use subject_key::{Purpose, SubjectKey};
pub use verification_value::{VerificationValue, VerificationValueError};
pub use wrapped_key::{KeyKind, KeyState, WrappedKey};
