//! The ciphers against vectors that others published, so that what we seal is what the standards say.

use aws_lc_rs::hmac;

use crate::aead::{Aead, Aes256Gcm, Sm4Gcm};
use crate::blind_index::BlindIndex;
use crate::secret::Secret;

struct Vector {
    key: &'static str,
    nonce: &'static str,
    associated: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

/// AES-256-GCM: test cases 13 to 16 of the mode's submission to NIST (McGrew, Viega, "The Galois/Counter Mode of
/// Operation", appendix B), then the first of three groups of NIST CAVP `gcmEncryptExtIV256.rsp`.
const AES_256_GCM: [Vector; 7] = [
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        associated: "",
        plaintext: "",
        ciphertext: "",
        tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        associated: "",
        plaintext: "00000000000000000000000000000000",
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        associated: "",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        tag: "b094dac5d93471bdec1a502270e3cc6c",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        key: "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
        nonce: "516c33929df5a3284ff463d7",
        associated: "",
        plaintext: "",
        ciphertext: "",
        tag: "bdc1ac884d332457a1d2664f168c76f0",
    },
    Vector {
        key: "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
        nonce: "0d18e06c7c725ac9e362e1ce",
        associated: "",
        plaintext: "2db5168e932556f8089a0622981d017d",
        ciphertext: "fa4362189661d163fcd6a56d8bf0405a",
        tag: "d636ac1bbedd5cc3ee727dc2ab4a9489",
    },
    Vector {
        key: "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b",
        nonce: "ac93a1a6145299bde902f21a",
        associated: "1e0889016f67601c8ebea4943bc23ad6",
        plaintext: "2d71bcfa914e4ac045b2aa60955fad24",
        ciphertext: "8995ae2e6df3dbf96fac7b7137bae67f",
        tag: "eca5aa77d51d4a0a14d9c51e1da474ab",
    },
];

/// SM4-GCM: RFC 8998 appendix A.1.
const SM4_GCM: Vector = Vector {
    key: "0123456789abcdeffedcba9876543210",
    nonce: "00001234567800000000abcd",
    associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plaintext: "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
                eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
    ciphertext: "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
                 d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
    tag: "83de3541e4c2b58177e065a9bf7b62ec",
};

/// HMAC-SHA-256: key, data and result of RFC 4231 test cases 1 to 4, 6 and 7.
const HMAC_SHA_256: [(&str, &str, &str); 6] = [
    (
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "4869205468657265",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        "4a656665",
        "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        LONG_KEY,
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        LONG_KEY,
        "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e6420\
         61206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173\
         686564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
];
const LONG_KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
                        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
                        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hexadecimal.as_bytes().chunks(2).map(byte).collect()
}

fn array<const SIZE: usize>(hexadecimal: &str) -> [u8; SIZE] {
    bytes(hexadecimal).try_into().unwrap()
}

fn check(cipher: &dyn Aead, vector: &Vector) {
    let (nonce, associated, plaintext) = (array(vector.nonce), bytes(vector.associated), bytes(vector.plaintext));
    let mut text = plaintext.clone();
    assert_eq!(cipher.seal(&nonce, &associated, &mut text), array(vector.tag));
    assert_eq!(text, bytes(vector.ciphertext));
    text.extend(bytes(vector.tag));
    let sealed = text.clone();
    cipher.open(&nonce, &associated, &mut text).unwrap();
    assert_eq!(text[..plaintext.len()], plaintext);
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(cipher.open(&nonce, &associated, &mut changed).is_err());
    }
    for shorter in 0..sealed.len() {
        assert!(cipher.open(&nonce, &associated, &mut sealed[..shorter].to_vec()).is_err());
    }
}

#[test]
fn aes_256_gcm_is_nists() {
    for vector in &AES_256_GCM {
        check(&Aes256Gcm::new(&array(vector.key)), vector);
    }
}

#[test]
fn sm4_gcm_is_rfc_8998s() {
    check(&Sm4Gcm::new(&array(SM4_GCM.key)), &SM4_GCM);
}

#[test]
fn hmac_sha_256_is_rfc_4231s() {
    for (key, data, expected) in HMAC_SHA_256 {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes(key));
        assert_eq!(hmac::sign(&key, &bytes(data)).as_ref(), bytes(expected));
    }
}

/// Computed with Python's `hmac`: the key is HKDF-Expand of the secret, the message has lengths before its parts. Stored
/// indexes stay findable only while this holds.
#[test]
fn the_blind_index_stays_what_it_is() {
    let index = BlindIndex::new(&Secret::from_slice(&[7; 32]).unwrap());
    let found = index.index("merchant 7", "payer_phone", b"+8613812345678");
    assert_eq!(found, array::<32>("c2849eb8d7ce0276dbcea16fd437ce6040c0767adb2e6a2885337494365073f1"));
}
