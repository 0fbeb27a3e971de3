//! Card numbers inside other text: a name, a memo, a log line.

use std::borrow::Cow;
use std::ops::Range;

use crate::card_number::{DIGITS_MAX, DIGITS_MIN, is_shown, passes_luhn};

/// The most separators in a row inside one number, as in `4111 - 1111`.
const SEPARATORS_MAX: usize = 3;

/// The zeros of the scripts whose digits people type; one to nine follow each of them.
const ZEROS: [char; 7] = ['0', '０', '٠', '۰', '०', '০', '๐'];
/// Five styles of digits for formulas, ten each.
const MATHEMATICAL: std::ops::RangeInclusive<u32> = 0x1d7ce..=0x1d7ff;

/// Returns where (in bytes) a text holds card numbers: 13 to 19 digits with a right check digit.
///
/// Digits may stand in groups with spaces or dashes between them and may be those of other scripts. A longer run of
/// digits without a gap is no card number; one in ten other numbers of such length is taken for one.
pub fn find_card_numbers(text: &str) -> Vec<Range<usize>> {
    let digits = digits(text);
    let byte_range = |found: Range<usize>| digits[found.start].bytes.start..digits[found.end - 1].bytes.end;
    find(&digits).into_iter().map(byte_range).collect()
}

/// Returns the text with every card number masked: its issuer's number and last four digits stay.
pub fn mask_card_numbers(text: &str) -> Cow<'_, str> {
    let digits = digits(text);
    let found = find(&digits);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    for number in found {
        for (place, digit) in digits[number.clone()].iter().enumerate() {
            if !is_shown(place, number.len()) {
                masked.push_str(&text[copied..digit.bytes.start]);
                masked.push('*');
                copied = digit.bytes.end;
            }
        }
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

struct Digit {
    value: u8,
    bytes: Range<usize>,
    /// How it follows the digit before it.
    joint: Joint,
}

#[derive(PartialEq)]
enum Joint {
    /// At once: the same group.
    None,
    /// After a few separators: the next group.
    Gap,
    /// After other text.
    Break,
}

fn digits(text: &str) -> Vec<Digit> {
    let mut digits: Vec<Digit> = Vec::new();
    let mut separators = Some(0);
    for (start, letter) in text.char_indices() {
        if let Some(value) = digit_value(letter) {
            let joint = match separators {
                _ if digits.is_empty() => Joint::Break,
                Some(0) => Joint::None,
                Some(1..=SEPARATORS_MAX) => Joint::Gap,
                _ => Joint::Break,
            };
            digits.push(Digit { value, bytes: start..start + letter.len_utf8(), joint });
            separators = Some(0);
        } else {
            separators = separators.filter(|_| is_separator(letter)).map(|count: usize| count + 1);
        }
    }
    digits
}

/// Returns the card numbers, as ranges of `digits`: of whole groups, leftmost first, the longest at each place.
fn find(digits: &[Digit]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut first = 0;
    while first + DIGITS_MIN <= digits.len() {
        let number = if digits[first].joint == Joint::None { None } else { longest(digits, first) };
        first = match number {
            Some(end) => {
                found.push(first..end);
                end
            }
            None => first + 1,
        };
    }
    found
}

/// Returns the end of the longest card number that begins at `first`.
fn longest(digits: &[Digit], first: usize) -> Option<usize> {
    let reach = digits.len().min(first + DIGITS_MAX);
    let run = digits[first + 1..reach].iter().take_while(|digit| digit.joint != Joint::Break).count() + 1;
    let ends_group = |end: usize| digits.get(end).is_none_or(|digit| digit.joint != Joint::None);
    (first + DIGITS_MIN..=first + run)
        .rev()
        .find(|&end| ends_group(end) && passes_luhn(digits[first..end].iter().map(|digit| digit.value)))
}

fn digit_value(letter: char) -> Option<u8> {
    if letter.is_ascii() {
        return letter.is_ascii_digit().then(|| letter as u8 - b'0');
    }
    let code = u32::from(letter);
    if MATHEMATICAL.contains(&code) {
        return Some(((code - MATHEMATICAL.start()) % 10) as u8);
    }
    let distance = ZEROS.iter().filter_map(|zero| code.checked_sub(u32::from(*zero))).min()?;
    (distance < 10).then_some(distance as u8)
}

/// Returns whether people put it between the groups of a number: a space or a dash of any width.
fn is_separator(letter: char) -> bool {
    matches!(letter,
        ' ' | '\t' | '-' | '\u{a0}' | '\u{ad}' | '\u{2000}'..='\u{200d}' | '\u{2010}'..='\u{2015}' | '\u{202f}'
        | '\u{2060}' | '\u{2212}' | '\u{3000}' | '\u{feff}' | '\u{ff0d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Range<usize> {
        let found = find_card_numbers(text);
        assert_eq!(found.len(), 1, "{text}");
        found[0].clone()
    }

    #[test]
    fn numbers_are_masked_where_they_stand() {
        for (text, masked) in [
            ("4111111111111111", "41111111****1111"),
            ("card 4111 1111 1111 1111, thanks", "card 4111 1111 **** 1111, thanks"),
            ("卡号4111-1111-1111-1111。", "卡号4111-1111-****-1111。"),
            ("a4111111111111111b", "a41111111****1111b"),
            ("4111 - 1111 - 1111 - 1111", "4111 - 1111 - **** - 1111"),
            ("4111\u{a0}1111\u{2009}1111\u{3000}1111", "4111\u{a0}1111\u{2009}****\u{3000}1111"),
            ("amex 3782 822463 10005!", "amex 3782 82**** *0005!"),
            ("６２０５５００００００００００００４", "６２０５５００００００００００００４"),
            ("４１１１１１１１１１１１１１１１", "４１１１１１１１****１１１１"),
            ("20231122 4111111111111111 88", "20231122 41111111****1111 88"),
            ("4111111111111111 5555555555554444", "41111111****1111 55555555****4444"),
            ("4222222222222", "422222***2222"),
            ("6205500000000000004", "62055000*******0004"),
        ] {
            assert_eq!(mask_card_numbers(text), masked);
        }
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "",
            "no digits",
            "4111111111111112",
            "411111111111",
            "41111111111111111111",
            "4111 x 1111 1111 1111",
            "4111    1111 1111 1111",
            "4111.1111",
            "张三 13812345678",
            "2026-11-22 11:22:33",
            "4111/1111/1111/1111",
        ] {
            assert_eq!(find_card_numbers(text), [], "{text}");
            assert!(matches!(mask_card_numbers(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn the_place_is_given_in_bytes() {
        let text = "卡 4111 1111 1111 1111 好";
        assert_eq!(only(text), 4..23);
        assert_eq!(&text[4..23], "4111 1111 1111 1111");
    }

    #[test]
    fn digits_of_other_scripts_count() {
        for zero in ZEROS {
            let digit = |value: u8| char::from_u32(u32::from(zero) + u32::from(value - b'0')).unwrap();
            let text: String = "5555555555554444".bytes().map(digit).collect();
            assert_eq!(only(&text), 0..text.len());
        }
        for style in 0..5 {
            let digit = |value: u8| char::from_u32(0x1d7ce + style * 10 + u32::from(value - b'0')).unwrap();
            let text: String = "5555555555554444".bytes().map(digit).collect();
            assert_eq!(only(&text), 0..text.len());
        }
    }
}
