//! The keys of a process: key-encryption keys from outside, data keys wrapped under them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use zeroize::Zeroizing;

use crate::aead::{Aead, Algorithm, TAG_SIZE};
use crate::blind_index::BlindIndex;
use crate::context::{Context, Owner};
use crate::error::{KeyringError, OpenError, SealError};
use crate::key::{Key, read};
use crate::randomness::Randomness;
use crate::sealed::{Header, PLAINTEXT_MAX};
use crate::secret::Secret;
use crate::subject_key::SubjectKey;
use crate::wrapped_key::{KeyKind, KeyState, WrappedKey};

/// The keys a process holds: one data key seals, all of them open.
///
/// Safe to share between threads. Adding, activating and re-wrapping keys disturbs nobody who seals or opens meanwhile.
pub struct Keyring {
    algorithm: Algorithm,
    keys: RwLock<Keys>,
    /// Does the work of opening where there is no key for it, so that the time taken does not tell either.
    decoy: Arc<dyn Aead>,
}

struct Keys {
    /// The current one first.
    encrypting_keys: Vec<Key>,
    data: HashMap<u128, Arc<Key>>,
    active: Option<Arc<Key>>,
}

impl Keyring {
    /// Returns a keyring without data keys.
    ///
    /// New keys are wrapped under the first of the `key_encryption_keys` and seal with `algorithm`; the others still
    /// unwrap what was wrapped under them.
    pub fn new(
        key_encryption_keys: Vec<Secret>,
        algorithm: Algorithm,
        random: &dyn Randomness,
    ) -> Result<Self, KeyringError> {
        let encrypting_keys = encrypting_keys(key_encryption_keys, algorithm)?;
        Ok(Self {
            algorithm,
            keys: RwLock::new(Keys { encrypting_keys, data: HashMap::new(), active: None }),
            decoy: algorithm.derive(&Secret::random(random), &[]),
        })
    }

    /// Puts other key-encryption keys in the place of the present ones; data keys already added stay usable.
    pub fn replace_key_encryption_keys(&self, secrets: Vec<Secret>) -> Result<(), KeyringError> {
        let encrypting_keys = encrypting_keys(secrets, self.algorithm)?;
        self.write().encrypting_keys = encrypting_keys;
        Ok(())
    }

    // -- data keys

    /// Returns a new data key. It opens at once; store it, add it wherever values are opened, then activate it.
    pub fn create_data_key(&self, id: u128, random: &dyn Randomness) -> WrappedKey {
        let secret = Secret::random(random);
        let wrapped = self.wrap(KeyKind::Data, id, &secret, None, random);
        self.write().data.insert(id, Arc::new(Key::new(id, self.algorithm, secret)));
        wrapped
    }

    /// Adds a stored data key, to open with.
    pub fn add_data_key(&self, wrapped: &WrappedKey) -> Result<(), OpenError> {
        let secret = self.unwrap(wrapped, KeyKind::Data, None)?;
        let key = Arc::new(Key::new(wrapped.id(), wrapped.algorithm(), secret));
        self.write().data.entry(wrapped.id()).or_insert(key);
        Ok(())
    }

    /// Seals with this data key from now on.
    pub fn activate(&self, id: u128) -> Result<(), KeyringError> {
        let mut keys = self.write();
        let key = keys.data.get(&id).cloned().ok_or(KeyringError::UnknownKey)?;
        keys.active = Some(key);
        Ok(())
    }

    /// Forgets a data key: what it sealed cannot be opened here any more.
    pub fn remove(&self, id: u128) -> Result<(), KeyringError> {
        let mut keys = self.write();
        if keys.active.as_ref().is_some_and(|key| key.id == id) {
            return Err(KeyringError::KeyIsActive);
        }
        keys.data.remove(&id).map(|_| ()).ok_or(KeyringError::UnknownKey)
    }

    /// Returns the id of the data key that seals.
    pub fn active_id(&self) -> Option<u128> {
        read(&self.keys).active.as_ref().map(|key| key.id)
    }

    /// Returns the id of the key-encryption key that wraps.
    pub fn key_encryption_key_id(&self) -> u128 {
        read(&self.keys).encrypting_keys[0].id
    }

    /// Returns the same key wrapped under the current key-encryption key. Subjects' keys have an owner.
    pub fn rewrap(
        &self,
        wrapped: &WrappedKey,
        owner: Option<Owner<'_>>,
        random: &dyn Randomness,
    ) -> Result<WrappedKey, OpenError> {
        let keys = read(&self.keys);
        let secret = wrapped.unwrap(owner, &keys.encrypting_keys)?;
        Ok(wrapped.in_state(wrapped.state(), &secret, owner, &keys.encrypting_keys[0], random))
    }

    // -- sealing and opening

    /// Returns `plaintext` sealed with the active data key.
    pub fn seal(&self, plaintext: &[u8], context: &Context<'_>, random: &dyn Randomness) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > PLAINTEXT_MAX {
            return Err(SealError::TooLong);
        }
        let key = read(&self.keys).active.clone().ok_or(SealError::NoActiveKey)?;
        Ok(key.seal(plaintext, &context.parts(), random))
    }

    /// Returns what was sealed for this context, wiped when dropped.
    pub fn open(&self, sealed: &[u8], context: &Context<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let parts = context.parts();
        let read_header = Header::read(sealed);
        let key = read_header.and_then(|(header, _)| read(&self.keys).data.get(&header.key_id).cloned());
        match (read_header, key) {
            (Some((header, body)), Some(key)) => key.open(&header, body, &parts),
            (Some((header, body)), None) => refuse(&*self.decoy, &header, body, &parts),
            (None, _) => {
                let header = Header { algorithm: self.algorithm, key_id: 0, salt: [0; 16], nonce: [0; 12] };
                let body = &sealed[..sealed.len().min(PLAINTEXT_MAX)];
                let body = if body.len() < TAG_SIZE { &[0; TAG_SIZE] } else { body };
                refuse(&*self.decoy, &header, body, &parts)
            }
        }
    }

    // -- subjects' keys

    /// Returns a new key for one person's data.
    pub fn create_subject_key(&self, id: u128, owner: Owner<'_>, random: &dyn Randomness) -> WrappedKey {
        self.wrap(KeyKind::Subject, id, &Secret::random(random), Some(owner), random)
    }

    /// Returns a person's key, to seal and open with.
    pub fn subject_key(&self, wrapped: &WrappedKey, owner: Owner<'_>) -> Result<SubjectKey, OpenError> {
        let secret = self.unwrap(wrapped, KeyKind::Subject, Some(owner))?;
        Ok(SubjectKey::new(Key::new(wrapped.id(), wrapped.algorithm(), secret), wrapped.state()))
    }

    /// Returns a person's key for storage in the next state: kept for the law, nothing more.
    pub fn restrict(
        &self,
        wrapped: &WrappedKey,
        owner: Owner<'_>,
        random: &dyn Randomness,
    ) -> Result<WrappedKey, OpenError> {
        let secret = self.unwrap(wrapped, KeyKind::Subject, Some(owner))?;
        let keys = read(&self.keys);
        Ok(wrapped.in_state(KeyState::Restricted, &secret, Some(owner), &keys.encrypting_keys[0], random))
    }

    /// Returns what is stored in the place of a person's key that is shredded: everything it sealed stays unreadable
    /// for ever, once no copy of the key (in a backup) or no key-encryption key of that copy is left.
    pub fn shred(wrapped: &WrappedKey) -> Result<WrappedKey, OpenError> {
        if wrapped.kind() == KeyKind::Subject { Ok(wrapped.shredded()) } else { Err(OpenError) }
    }

    // -- the blind index

    /// Returns a new key for blind indexes.
    pub fn create_index_key(&self, id: u128, random: &dyn Randomness) -> WrappedKey {
        self.wrap(KeyKind::Index, id, &Secret::random(random), None, random)
    }

    /// Returns the blind index of a stored key.
    pub fn blind_index(&self, wrapped: &WrappedKey) -> Result<BlindIndex, OpenError> {
        Ok(BlindIndex::new(&self.unwrap(wrapped, KeyKind::Index, None)?))
    }

    fn wrap(
        &self,
        kind: KeyKind,
        id: u128,
        secret: &Secret,
        owner: Option<Owner<'_>>,
        random: &dyn Randomness,
    ) -> WrappedKey {
        WrappedKey::wrap((kind, id), secret, owner, &read(&self.keys).encrypting_keys[0], random)
    }

    fn unwrap(&self, wrapped: &WrappedKey, kind: KeyKind, owner: Option<Owner<'_>>) -> Result<Secret, OpenError> {
        if wrapped.kind() != kind {
            return Err(OpenError);
        }
        wrapped.unwrap(owner, &read(&self.keys).encrypting_keys)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keyring({} data keys, …)", read(&self.keys).data.len())
    }
}

fn encrypting_keys(secrets: Vec<Secret>, algorithm: Algorithm) -> Result<Vec<Key>, KeyringError> {
    let keys: Vec<_> = secrets.into_iter().map(|secret| Key::encrypting_keys(algorithm, secret)).collect();
    if keys.is_empty() { Err(KeyringError::NoKeyEncryptionKey) } else { Ok(keys) }
}

/// Refuses, and takes the time of a refusal by the cipher.
fn refuse(decoy: &dyn Aead, header: &Header, body: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let opened = decoy.open(&header.nonce, &header.associated(parts), &mut body.to_vec());
    std::hint::black_box(opened).and(Err(OpenError))
}
