//! Whatever is sealed comes back, whatever was touched does not.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::aead::Algorithm;
use crate::blind_index::BlindIndex;
use crate::card_detector::{find_card_numbers, find_possible_card_numbers, mask_card_numbers};
use crate::card_number::{CardNumber, passes_luhn};
use crate::context::Context;
use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::randomness::Randomness;
use crate::testing::{Counting, keyring};

static RANDOM: LazyLock<Counting> = LazyLock::new(Counting::new);
static KEYRINGS: LazyLock<[(Keyring, BlindIndex); 2]> =
    LazyLock::new(|| Algorithm::ALL.map(|algorithm| keyring(algorithm, &*RANDOM)));

fn keyring_of(which: usize) -> &'static Keyring {
    &KEYRINGS[which].0
}

fn place() -> impl Strategy<Value = (String, String, String)> {
    ("\\PC{0,12}", "[a-z_]{0,12}", "\\PC{0,40}")
}

fn context((tenant, field, record): &(String, String, String)) -> Context<'_> {
    Context { tenant, field, record }
}

/// Card numbers of the networks whose ranges hold little else, with their check digit.
fn card_digits() -> impl Strategy<Value = String> {
    let beginnings = [("4", 13), ("4", 16), ("53", 16), ("37", 15), ("36", 14), ("62", 17), ("62", 19), ("3530", 16)];
    prop::sample::select(beginnings.to_vec())
        .prop_flat_map(|(beginning, length)| {
            let rest = prop::collection::vec(0..10u8, length - beginning.len() - 1);
            rest.prop_map(move |rest| beginning.bytes().map(|byte| byte - b'0').chain(rest).collect::<Vec<_>>())
        })
        .prop_map(|mut digits| {
            digits.push(0);
            while !passes_luhn(digits.iter().copied()) {
                *digits.last_mut().unwrap() += 1;
            }
            digits.into_iter().map(|digit| char::from(b'0' + digit)).collect()
        })
}

proptest! {
    #[test]
    fn what_is_sealed_comes_back(which in 0..2usize, place in place(), value in prop::collection::vec(any::<u8>(), 0..600)) {
        let keyring = keyring_of(which);
        let sealed = keyring.seal(&value, &context(&place), &*RANDOM).unwrap();
        prop_assert_eq!(&*keyring.open(&sealed, &context(&place)).unwrap(), &value);
        let again = keyring.seal(&value, &context(&place), &*RANDOM).unwrap();
        prop_assert_ne!(again, sealed, "equal values look different");
    }

    #[test]
    fn any_changed_byte_is_refused(which in 0..2usize, place in place(), value in prop::collection::vec(any::<u8>(), 0..60), flip in 1..=255u8) {
        let keyring = keyring_of(which);
        let sealed = keyring.seal(&value, &context(&place), &*RANDOM).unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= flip;
            prop_assert_eq!(keyring.open(&changed, &context(&place)), Err(OpenError));
        }
    }

    #[test]
    fn another_place_is_refused(which in 0..2usize, one in place(), other in place()) {
        prop_assume!(one != other);
        let sealed = keyring_of(which).seal(b"value", &context(&one), &*RANDOM).unwrap();
        prop_assert_eq!(keyring_of(which).open(&sealed, &context(&other)), Err(OpenError));
    }

    #[test]
    fn other_bytes_are_refused(which in 0..2usize, bytes in prop::collection::vec(any::<u8>(), 0..300), place in place()) {
        prop_assert_eq!(keyring_of(which).open(&bytes, &context(&place)), Err(OpenError));
        prop_assert_eq!(keyring_of(1 - which).open(&bytes, &context(&place)), Err(OpenError));
    }

    #[test]
    fn indexes_are_equal_for_equal_values_of_one_place_only(one in place(), other in place()) {
        let index = |(tenant, field, value): &(String, String, String)| KEYRINGS[0].1.index(tenant, field, value.as_bytes());
        prop_assert_eq!(index(&one), index(&one.clone()));
        prop_assert_eq!(index(&one) == index(&other), one == other);
    }

    #[test]
    fn a_card_number_in_any_text_is_masked(
        digits in card_digits(), separator in "[ -]{0,3}", group in 3..7usize, before in "[^0-9]{0,20}x", after in "x\\PC{0,20}",
    ) {
        prop_assert!(CardNumber::parse(&digits).is_ok());
        let groups: Vec<_> = digits.as_bytes().chunks(group).map(|group| std::str::from_utf8(group).unwrap()).collect();
        let text = format!("{before}{}{after}", groups.join(&separator));
        prop_assert!(!find_possible_card_numbers(&text).is_empty());
        prop_assert!(digits.len() == 13 || !find_card_numbers(&text).is_empty());
        let masked = mask_card_numbers(&text);
        let left: String = masked.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(!left.contains(&digits));
        prop_assert!(masked.contains('*'));
    }

    #[test]
    fn places_are_within_the_text_and_masking_ends(text in "[0-9 １２-]{0,60}|\\PC{0,60}") {
        let possible = find_possible_card_numbers(&text);
        for found in find_card_numbers(&text).into_iter().chain(possible) {
            prop_assert!(text.get(found).is_some());
        }
        let masked = mask_card_numbers(&text).into_owned();
        prop_assert_eq!(masked.chars().count(), text.chars().count());
    }
}

#[test]
fn the_tests_source_does_not_repeat_itself() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10_000 {
        let mut bytes = [0; 12];
        RANDOM.fill(&mut bytes);
        assert!(seen.insert(bytes));
    }
}
