//! Keys over time: made, stored, rotated, restricted, shredded.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::aead::Algorithm;
use crate::context::{Context, Owner};
use crate::error::{KeyringError, OpenError, SealError};
use crate::keyring::Keyring;
use crate::randomness::Randomness;
use crate::sealed::{OVERHEAD, PLAINTEXT_MAX};
use crate::secret::Secret;
use crate::subject_key::Purpose;
use crate::testing::{Counting, keyring};
use crate::wrapped_key::{KeyKind, KeyState, WrappedKey};

const PLACE: Context<'_> = Context { tenant: "merchant 1", field: "payer_name", record: "payment 1" };
const PERSON: Owner<'_> = Owner { tenant: "merchant 1", subject: "customer 1" };

fn secret(byte: u8) -> Secret {
    Secret::from_slice(&[byte; 32]).unwrap()
}

fn under(key_encryption_keys: &[u8], random: &dyn Randomness) -> Keyring {
    let secrets = key_encryption_keys.iter().map(|byte| secret(*byte)).collect();
    Keyring::new(secrets, Algorithm::Aes256Gcm, random).unwrap()
}

#[test]
fn a_stored_key_opens_what_another_process_sealed() {
    let random = Counting::new();
    for algorithm in Algorithm::ALL {
        let first = Keyring::new(vec![secret(1)], algorithm, &random).unwrap();
        let stored = first.create_data_key(10, &random).to_bytes();
        first.activate(10).unwrap();
        let sealed = first.seal("张三".as_bytes(), &PLACE, &random).unwrap();
        let second = under(&[1], &random);
        let wrapped = WrappedKey::from_bytes(&stored).unwrap();
        assert_eq!((wrapped.kind(), wrapped.algorithm(), wrapped.id()), (KeyKind::Data, algorithm, 10));
        second.add_data_key(&wrapped).unwrap();
        assert_eq!(*second.open(&sealed, &PLACE).unwrap(), "张三".as_bytes());
    }
}

#[test]
fn nothing_is_sealed_before_a_key_is_active() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    assert_eq!(keyring.seal(b"value", &PLACE, &random), Err(SealError::NoActiveKey));
    assert_eq!(keyring.activate(10), Err(KeyringError::UnknownKey));
    keyring.create_data_key(10, &random);
    assert_eq!(keyring.seal(b"value", &PLACE, &random), Err(SealError::NoActiveKey));
    keyring.activate(10).unwrap();
    assert!(keyring.seal(b"value", &PLACE, &random).is_ok());
    assert_eq!(keyring.active_id(), Some(10));
    assert!(matches!(Keyring::new(vec![], Algorithm::Sm4Gcm, &random), Err(KeyringError::NoKeyEncryptionKey)));
}

#[test]
fn the_longest_value_is_a_field_not_a_file() {
    let random = Counting::new();
    let (keyring, _) = keyring(Algorithm::Aes256Gcm, &random);
    let longest = vec![1; PLAINTEXT_MAX];
    let sealed = keyring.seal(&longest, &PLACE, &random).unwrap();
    assert_eq!(sealed.len(), PLAINTEXT_MAX + OVERHEAD);
    assert_eq!(*keyring.open(&sealed, &PLACE).unwrap(), longest);
    assert_eq!(keyring.seal(&[longest, vec![1]].concat(), &PLACE, &random), Err(SealError::TooLong));
    assert_eq!(keyring.open(&[1; 2 * PLAINTEXT_MAX], &PLACE), Err(OpenError));
    let empty = keyring.seal(b"", &PLACE, &random).unwrap();
    assert_eq!(*keyring.open(&empty, &PLACE).unwrap(), b"");
}

/// All refusals are the same, whatever is wrong.
#[test]
fn a_refusal_does_not_tell_why() {
    let random = Counting::new();
    let (keyring, _) = keyring(Algorithm::Aes256Gcm, &random);
    let sealed = keyring.seal(b"value", &PLACE, &random).unwrap();
    let changed = |place: usize, byte: u8| {
        let mut changed = sealed.clone();
        changed[place] = byte;
        keyring.open(&changed, &PLACE)
    };
    assert_eq!(changed(0, 2), Err(OpenError), "unknown version");
    assert_eq!(changed(1, 3), Err(OpenError), "unknown algorithm");
    assert_eq!(changed(1, 2), Err(OpenError), "other algorithm");
    assert_eq!(changed(2, 0xff), Err(OpenError), "unknown key");
    assert_eq!(keyring.open(&sealed[..sealed.len() - 1], &PLACE), Err(OpenError), "cut tag");
    assert_eq!(keyring.open(&sealed[..OVERHEAD - 1], &PLACE), Err(OpenError), "too short");
    assert_eq!(keyring.open(b"", &PLACE), Err(OpenError), "nothing");
    for elsewhere in [
        Context { tenant: "merchant 2", ..PLACE },
        Context { field: "payer_phone", ..PLACE },
        Context { record: "payment 2", ..PLACE },
        Context { tenant: "merchant 1payer_name", field: "", ..PLACE },
        Context { tenant: "", field: "merchant 1", record: "payer_namepayment 1" },
    ] {
        assert_eq!(keyring.open(&sealed, &elsewhere), Err(OpenError), "{elsewhere:?}");
    }
}

#[test]
fn a_removed_key_opens_nothing() {
    let random = Counting::new();
    let (keyring, _) = keyring(Algorithm::Aes256Gcm, &random);
    let sealed = keyring.seal(b"value", &PLACE, &random).unwrap();
    assert_eq!(keyring.remove(1), Err(KeyringError::KeyIsActive));
    keyring.create_data_key(2, &random);
    keyring.activate(2).unwrap();
    keyring.remove(1).unwrap();
    assert_eq!(keyring.remove(1), Err(KeyringError::UnknownKey));
    assert_eq!(keyring.open(&sealed, &PLACE), Err(OpenError));
}

#[test]
fn a_key_moves_under_a_new_key_encryption_key() {
    let random = Counting::new();
    let old = under(&[1], &random);
    let data = old.create_data_key(10, &random);
    let person = old.create_subject_key(11, PERSON, &random);
    let both = under(&[2, 1], &random);
    let moved = both.rewrap(&data, None, &random).unwrap();
    let moved_person = both.rewrap(&person, Some(PERSON), &random).unwrap();
    assert_eq!(moved.wrapped_under(), Some(both.key_encryption_key_id()));
    assert_ne!(moved.wrapped_under(), data.wrapped_under());
    let new = under(&[2], &random);
    assert_eq!(new.add_data_key(&data), Err(OpenError));
    new.add_data_key(&moved).unwrap();
    assert!(new.subject_key(&moved_person, PERSON).is_ok());
    assert_eq!(new.rewrap(&data, None, &random), Err(OpenError));
}

#[test]
fn reads_never_fail_while_keys_change() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    let mut stored = vec![keyring.create_data_key(0, &random)];
    keyring.activate(0).unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut kept = Vec::new();
                while !done.load(Ordering::Relaxed) || kept.len() < 50 {
                    kept.push(keyring.seal(b"value", &PLACE, &random).unwrap());
                    for sealed in kept.iter().rev().take(20).chain(&kept[..1]) {
                        assert_eq!(*keyring.open(sealed, &PLACE).unwrap(), b"value");
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for round in 1..=40 {
            let key = keyring.create_data_key(round, &random);
            keyring.activate(round).unwrap();
            stored.push(key);
            keyring.replace_key_encryption_keys(vec![secret(round as u8 + 1), secret(round as u8)]).unwrap();
            stored = stored.iter().map(|key| keyring.rewrap(key, None, &random).unwrap()).collect();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(reads.into_inner() > 1_000);
    let restarted = under(&[41], &random);
    for key in &stored {
        restarted.add_data_key(key).unwrap();
    }
}

#[test]
fn a_persons_key_goes_from_active_to_restricted_to_shredded() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    let stored = keyring.create_subject_key(11, PERSON, &random);
    let active = keyring.subject_key(&stored, PERSON).unwrap();
    let sealed = active.seal(b"value", &PLACE, &random).unwrap();
    assert_eq!(*active.open(&sealed, &PLACE, Purpose::Service).unwrap(), b"value");

    let stored = keyring.restrict(&stored, PERSON, &random).unwrap();
    assert_eq!(stored.state(), KeyState::Restricted);
    let restricted = keyring.subject_key(&stored, PERSON).unwrap();
    assert_eq!(restricted.seal(b"value", &PLACE, &random), Err(SealError::Restricted));
    assert_eq!(restricted.open(&sealed, &PLACE, Purpose::Service), Err(OpenError));
    assert_eq!(*restricted.open(&sealed, &PLACE, Purpose::LegalDuty).unwrap(), b"value");

    let stored = Keyring::shred(&stored).unwrap();
    assert_eq!((stored.state(), stored.id(), stored.wrapped_under()), (KeyState::Shredded, 11, None));
    let stored = WrappedKey::from_bytes(&stored.to_bytes()).unwrap();
    assert!(keyring.subject_key(&stored, PERSON).is_err());
    assert!(keyring.restrict(&stored, PERSON, &random).is_err());
    assert!(keyring.rewrap(&stored, Some(PERSON), &random).is_err());
    assert_eq!(keyring.open(&sealed, &PLACE), Err(OpenError));
}

#[test]
fn a_persons_key_is_nobody_elses() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    let stored = keyring.create_subject_key(11, PERSON, &random);
    for other in [Owner { tenant: "merchant 2", ..PERSON }, Owner { subject: "customer 2", ..PERSON }] {
        assert!(keyring.subject_key(&stored, other).is_err());
    }
    let one = keyring.subject_key(&stored, PERSON).unwrap();
    let other = keyring.subject_key(&keyring.create_subject_key(12, PERSON, &random), PERSON).unwrap();
    let sealed = one.seal(b"value", &PLACE, &random).unwrap();
    assert_eq!(other.open(&sealed, &PLACE, Purpose::LegalDuty), Err(OpenError));
    assert_eq!(one.open(&sealed[..20], &PLACE, Purpose::LegalDuty), Err(OpenError));
}

#[test]
fn a_stored_key_cannot_be_changed_unnoticed() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    let restricted =
        keyring.restrict(&keyring.create_subject_key(11, PERSON, &random), PERSON, &random).unwrap().to_bytes();
    for place in 0..restricted.len() {
        for flip in [1, 2, 3, 0x80] {
            let mut changed = restricted.clone();
            changed[place] ^= flip;
            let opened = WrappedKey::from_bytes(&changed).and_then(|key| keyring.subject_key(&key, PERSON));
            assert!(opened.is_err(), "byte {place}");
        }
    }
    for shorter in 0..restricted.len() {
        let opened = WrappedKey::from_bytes(&restricted[..shorter]).and_then(|key| keyring.subject_key(&key, PERSON));
        assert!(opened.is_err());
    }
}

#[test]
fn each_kind_of_key_is_for_its_own_use() {
    let random = Counting::new();
    let keyring = under(&[1], &random);
    let data = keyring.create_data_key(10, &random);
    let person = keyring.create_subject_key(11, PERSON, &random);
    let index = keyring.create_index_key(12, &random);
    assert!(keyring.add_data_key(&person).is_err() && keyring.add_data_key(&index).is_err());
    assert!(keyring.subject_key(&data, PERSON).is_err() && keyring.subject_key(&index, PERSON).is_err());
    assert!(keyring.blind_index(&data).is_err() && keyring.blind_index(&person).is_err());
    assert!(Keyring::shred(&data).is_err() && Keyring::shred(&index).is_err());
    assert!(keyring.restrict(&data, PERSON, &random).is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let random = Counting::new();
    let (keyring, index) = keyring(Algorithm::Aes256Gcm, &random);
    let person = keyring.subject_key(&keyring.create_subject_key(11, PERSON, &random), PERSON).unwrap();
    let printed = format!("{:?} {keyring:?} {index:?} {person:?}", secret(0xab));
    assert_eq!(
        printed,
        "Secret(…) Keyring(1 data keys, …) BlindIndex(…) \
         SubjectKey(Active, Key(0000000000000000000000000000000b, …))"
    );
}
