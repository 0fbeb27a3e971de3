//! A key and the ciphers derived from it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::aead::{Aead, Algorithm, TAG_SIZE};
use crate::error::OpenError;
use crate::randomness::{Randomness, random_bytes};
use crate::sealed::{Header, OVERHEAD, Salt};
use crate::secret::Secret;

/// Messages sealed with one cipher key and random 96-bit nonces: at most 2^32 (NIST SP 800-38D section 8.3).
///
/// A key never encrypts by itself. Each process derives a cipher key of its own from it and a random salt, counts
/// what it seals with that, and derives the next one at the limit. So the limit holds for any number of processes and
/// restarts, without a counter to be stored.
pub const MESSAGES_MAX: u64 = 1 << 32;

/// Derived cipher keys remembered per key; one is made per process that seals, so this is months of restarts.
const REMEMBERED_MAX: usize = 1_024;

/// The cipher key this process seals with.
struct Session {
    salt: Salt,
    cipher: Arc<dyn Aead>,
    /// Messages begun.
    messages: AtomicU64,
}

/// A key of the vault: a secret, and the ciphers derived from it, expanded once.
pub(crate) struct Key {
    pub id: u128,
    pub algorithm: Algorithm,
    secret: Secret,
    messages_max: u64,
    sealing: RwLock<Option<Arc<Session>>>,
    opening: RwLock<HashMap<(u8, Salt), Arc<dyn Aead>>>,
}

impl Key {
    pub fn new(id: u128, algorithm: Algorithm, secret: Secret) -> Self {
        Self {
            id,
            algorithm,
            secret,
            messages_max: MESSAGES_MAX,
            sealing: RwLock::new(None),
            opening: RwLock::new(HashMap::new()),
        }
    }

    /// Returns the key-encryption key of a secret; its id is derived, so that keys need no list of names.
    pub fn encrypting_keys(algorithm: Algorithm, secret: Secret) -> Self {
        let id = u128::from_be_bytes(*secret.derive(b"id", &[]));
        Self::new(id, algorithm, secret)
    }

    /// Returns `plaintext` sealed for a context.
    pub fn seal(&self, plaintext: &[u8], parts: &[&[u8]], random: &dyn Randomness) -> Vec<u8> {
        let session = self.session(random);
        let nonce = random_bytes(random);
        let header = Header { algorithm: self.algorithm, key_id: self.id, salt: session.salt, nonce };
        let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
        sealed.extend_from_slice(&header.bytes());
        let text = sealed.len();
        sealed.extend_from_slice(plaintext);
        let tag = session.cipher.seal(&nonce, &header.associated(parts), &mut sealed[text..]);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Returns what was sealed, wiped when dropped.
    pub fn open(&self, header: &Header, body: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let place = (header.algorithm as u8, header.salt);
        let known = read(&self.opening).get(&place).cloned();
        let cipher = known.clone().unwrap_or_else(|| header.algorithm.derive(&self.secret, &header.salt));
        let mut text = Zeroizing::new(body.to_vec());
        cipher.open(&header.nonce, &header.associated(parts), &mut text)?;
        text.truncate(body.len() - TAG_SIZE);
        if known.is_none() {
            self.remember(place, cipher);
        }
        Ok(text)
    }

    /// Returns the session for one more message.
    fn session(&self, random: &dyn Randomness) -> Arc<Session> {
        loop {
            let current = read(&self.sealing).clone();
            match current {
                Some(session) if session.messages.fetch_add(1, Ordering::Relaxed) < self.messages_max => {
                    return session;
                }
                spent => self.renew(spent, random),
            }
        }
    }

    /// Puts a new session in the place of the spent one, unless another thread has done so.
    fn renew(&self, spent: Option<Arc<Session>>, random: &dyn Randomness) {
        let mut sealing = self.sealing.write().unwrap_or_else(PoisonError::into_inner);
        if spent.as_ref().map(Arc::as_ptr) != sealing.as_ref().map(Arc::as_ptr) {
            return;
        }
        let salt = random_bytes(random);
        let cipher = self.algorithm.derive(&self.secret, &salt);
        self.remember((self.algorithm as u8, salt), Arc::clone(&cipher));
        *sealing = Some(Arc::new(Session { salt, cipher, messages: AtomicU64::new(0) }));
    }

    /// Keeps a cipher; only such as have opened something, else forged salts would fill the memory.
    fn remember(&self, place: (u8, Salt), cipher: Arc<dyn Aead>) {
        let mut opening = self.opening.write().unwrap_or_else(PoisonError::into_inner);
        if opening.len() >= REMEMBERED_MAX {
            opening.clear();
        }
        opening.insert(place, cipher);
    }

    #[cfg(test)]
    pub fn with_messages_max(mut self, messages_max: u64) -> Self {
        self.messages_max = messages_max;
        self
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({:032x}, …)", self.id)
    }
}

/// Returns the lock's content; a thread that panicked has changed none of it halfway.
pub(crate) fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;

    fn salt(sealed: &[u8]) -> Salt {
        Header::read(sealed).unwrap().0.salt
    }

    #[test]
    fn a_spent_cipher_key_is_followed_by_another() {
        let random = Counting::new();
        let key = Key::new(7, Algorithm::Aes256Gcm, Secret::random(&random)).with_messages_max(3);
        let sealed: Vec<_> = (0..7).map(|_| key.seal(b"value", &[b"place"], &random)).collect();
        let salts: Vec<_> = sealed.iter().map(|each| salt(each)).collect();
        assert!(salts[..3].iter().all(|each| *each == salts[0]));
        assert!(salts[3..6].iter().all(|each| *each == salts[3]));
        assert!(salts[0] != salts[3] && salts[3] != salts[6]);
        for each in &sealed {
            let (header, body) = Header::read(each).unwrap();
            assert_eq!(*key.open(&header, body, &[b"place"]).unwrap(), b"value");
        }
    }

    #[test]
    fn threads_together_keep_the_limit() {
        let random = Counting::new();
        let key = Key::new(7, Algorithm::Aes256Gcm, Secret::random(&random)).with_messages_max(10);
        let sealed = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let own: Vec<_> = (0..100).map(|_| salt(&key.seal(b"value", &[], &random))).collect();
                    sealed.lock().unwrap().extend(own);
                });
            }
        });
        let mut messages: HashMap<Salt, u64> = HashMap::new();
        for salt in sealed.into_inner().unwrap() {
            *messages.entry(salt).or_default() += 1;
        }
        assert!(messages.values().all(|count| *count <= 10));
        assert_eq!(messages.values().sum::<u64>(), 400);
    }

    #[test]
    fn forged_salts_leave_nothing_in_memory() {
        let random = Counting::new();
        let key = Key::new(7, Algorithm::Sm4Gcm, Secret::random(&random));
        let sealed = key.seal(b"value", &[], &random);
        let (mut header, body) = Header::read(&sealed).unwrap();
        for forged in 1..=100 {
            header.salt = salt(&sealed);
            header.salt[0] ^= forged;
            assert_eq!(key.open(&header, body, &[]), Err(OpenError));
        }
        assert_eq!(read(&key.opening).len(), 1);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let random = Counting::new();
        let key = Key::new(7, Algorithm::Aes256Gcm, Secret::random(&random)).with_messages_max(1);
        let first = key.seal(b"value", &[], &random);
        for _ in 0..2 * REMEMBERED_MAX {
            key.seal(b"value", &[], &random);
        }
        assert!(read(&key.opening).len() <= REMEMBERED_MAX);
        let (header, body) = Header::read(&first).unwrap();
        assert!(key.open(&header, body, &[]).is_ok(), "what was forgotten is derived again");
    }
}
