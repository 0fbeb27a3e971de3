//! A key as it is stored: sealed under a key-encryption key. Format version 1.
//!
//! ```text
//!  0   1  version      1
//!  1   1  kind         1 data, 2 subject, 3 blind index
//!  2   1  algorithm    what the key seals with: 1 AES-256-GCM, 2 SM4-GCM
//!  3   1  state        1 active, 2 restricted, 3 shredded
//!  4  16  id           big-endian
//! 20   …  the key, a sealed value whose key id is the key-encryption key's; nothing once shredded
//! ```
//!
//! Bytes 0 to 19 and the owner are bound to the sealed key: no column of the table that keeps it can be changed or
//! exchanged unnoticed.

use crate::aead::Algorithm;
use crate::context::Owner;
use crate::error::OpenError;
use crate::key::Key;
use crate::randomness::Randomness;
use crate::sealed::Header;
use crate::secret::Secret;

const VERSION: u8 = 1;
const LABEL_SIZE: usize = 20;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyKind {
    /// Seals fields of any record.
    Data = 1,
    /// Seals the fields of one person, and goes when that person is forgotten.
    Subject = 2,
    /// Makes blind indexes.
    Index = 3,
}

/// What may still be done with a key; it only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyState {
    /// Seals and opens.
    Active = 1,
    /// Kept because a law demands it: opens for that purpose only.
    Restricted = 2,
    /// Gone, and with it everything it sealed.
    Shredded = 3,
}

/// A key that can be stored anywhere: without its key-encryption key it is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    kind: KeyKind,
    algorithm: Algorithm,
    state: KeyState,
    id: u128,
    sealed: Vec<u8>,
}

impl WrappedKey {
    /// Returns what the key is for.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns what the key seals with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns what may still be done with it.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Returns the key's id.
    pub fn id(&self) -> u128 {
        self.id
    }

    /// Returns the id of the key-encryption key it is wrapped under, or `None` where it is shredded.
    pub fn wrapped_under(&self) -> Option<u128> {
        Header::read(&self.sealed).map(|(header, _)| header.key_id)
    }

    /// Returns the key as bytes, to be stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.label()[..], &self.sealed].concat()
    }

    /// Returns the key of stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        let (label, sealed) = bytes.split_first_chunk::<LABEL_SIZE>().ok_or(OpenError)?;
        let [VERSION, kind, algorithm, state, id @ ..] = label else { return Err(OpenError) };
        let state = match state {
            1 => KeyState::Active,
            2 => KeyState::Restricted,
            3 => KeyState::Shredded,
            _ => return Err(OpenError),
        };
        if (state == KeyState::Shredded) != sealed.is_empty() {
            return Err(OpenError);
        }
        Ok(Self {
            kind: match kind {
                1 => KeyKind::Data,
                2 => KeyKind::Subject,
                3 => KeyKind::Index,
                _ => return Err(OpenError),
            },
            algorithm: Algorithm::from_code(*algorithm).ok_or(OpenError)?,
            state,
            id: u128::from_be_bytes(*id),
            sealed: sealed.to_vec(),
        })
    }

    /// Returns a new active key, wrapped.
    pub(crate) fn wrap(
        (kind, id): (KeyKind, u128),
        secret: &Secret,
        owner: Option<Owner<'_>>,
        under: &Key,
        random: &dyn Randomness,
    ) -> Self {
        let key = Self { kind, algorithm: under.algorithm, state: KeyState::Active, id, sealed: Vec::new() };
        key.sealing(secret, owner, under, random)
    }

    /// Returns the secret inside.
    pub(crate) fn unwrap(&self, owner: Option<Owner<'_>>, under: &[Key]) -> Result<Secret, OpenError> {
        let (header, body) = Header::read(&self.sealed).ok_or(OpenError)?;
        let key = under.iter().find(|key| key.id == header.key_id).ok_or(OpenError)?;
        let label = self.label();
        Secret::from_slice(&key.open(&header, body, &parts(&label, owner.as_ref()))?).ok_or(OpenError)
    }

    /// Returns the same key in another state, wrapped anew.
    pub(crate) fn in_state(
        &self,
        state: KeyState,
        secret: &Secret,
        owner: Option<Owner<'_>>,
        under: &Key,
        random: &dyn Randomness,
    ) -> Self {
        Self { state, ..self.clone() }.sealing(secret, owner, under, random)
    }

    /// Returns what is left of the key: that there was one.
    pub(crate) fn shredded(&self) -> Self {
        Self { state: KeyState::Shredded, sealed: Vec::new(), ..self.clone() }
    }

    fn sealing(mut self, secret: &Secret, owner: Option<Owner<'_>>, under: &Key, random: &dyn Randomness) -> Self {
        self.sealed = under.seal(secret.bytes(), &parts(&self.label(), owner.as_ref()), random);
        self
    }

    fn label(&self) -> [u8; LABEL_SIZE] {
        let mut label = [0; LABEL_SIZE];
        label[..4].copy_from_slice(&[VERSION, self.kind as u8, self.algorithm as u8, self.state as u8]);
        label[4..].copy_from_slice(&self.id.to_be_bytes());
        label
    }
}

/// Returns what is bound to a wrapped key; without an owner there are no parts for one.
fn parts<'a>(label: &'a [u8], owner: Option<&Owner<'a>>) -> Vec<&'a [u8]> {
    let owner = owner.map(|owner| [owner.tenant.as_bytes(), owner.subject.as_bytes()]);
    std::iter::once(label).chain(owner.into_iter().flatten()).collect()
}
