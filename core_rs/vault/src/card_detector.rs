//! Card numbers inside other text: a name, a memo, a log line.

use std::borrow::Cow;
use std::ops::Range;

use crate::card_network::{Standing, standing};
use crate::card_number::{DIGITS_MAX, DIGITS_MIN, is_shown, passes_luhn};
use crate::digit::digit_value;

/// The most separators in a row inside one number, as in `4111 - 1111`.
const SEPARATORS_MAX: usize = 3;
/// The fewest hexadecimal digits in a row that are one id, as 24 are in some databases' and 32 in a UUID.
const HEXADECIMAL_MIN: usize = 24;
/// The groups of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];
/// How many letters from a number, before and after it, words for a card still speak of it.
const WORD_REACH: usize = 20;
const WORDS: [&str; 13] = [
    "card",
    "creditcard",
    "debitcard",
    "bankcard",
    "mastercard",
    "maestro",
    "pan:",
    "pan=",
    "卡号",
    "银行卡",
    "信用卡",
    "借记卡",
    "储蓄卡",
];

/// Returns where (in bytes) a text holds card numbers: 13 to 19 digits with a right check digit, which begin as those
/// that a network gives out at that length.
///
/// Digits may be of any script and stand in groups: as people divide them with spaces or dashes, or evenly with another
/// mark. Ids in hexadecimal are passed over, and so are bar codes and residents' numbers with a check digit of their own.
/// Where a network's range holds more other numbers than cards, an undivided number is a card only beside a word for
/// one, or where its issuer is known.
pub fn find_card_numbers(text: &str) -> Vec<Range<usize>> {
    let text = Text::of(text);
    text.find(Text::is_card).into_iter().map(|found| text.bytes(&found)).collect()
}

/// Returns where (in bytes) there may be card numbers: also those that are more often something else.
///
/// To be masked where a text is shown; too many to be refused.
pub fn find_possible_card_numbers(text: &str) -> Vec<Range<usize>> {
    let text = Text::of(text);
    text.find(Text::may_be_card).into_iter().map(|found| text.bytes(&found)).collect()
}

/// Returns the text with every possible card number masked: its issuer's number and last four digits stay.
pub fn mask_card_numbers(text: &str) -> Cow<'_, str> {
    let read = Text::of(text);
    let found = read.find(Text::may_be_card);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    for number in found {
        for (place, digit) in read.digits[number.clone()].iter().enumerate() {
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

#[derive(Clone, Copy, PartialEq)]
enum Joint {
    /// At once: the same group.
    None,
    /// After spaces or dashes, or in another style: the next group.
    Gap,
    /// After another mark, which divides a number only where it does so evenly.
    Mark,
    /// After other text.
    Break,
}

/// A text and its digits.
struct Text<'a> {
    text: &'a str,
    digits: Vec<Digit>,
}

impl<'a> Text<'a> {
    fn of(text: &'a str) -> Self {
        let ids = hexadecimal_ids(text);
        let mut ids = ids.iter().peekable();
        let mut digits: Vec<Digit> = Vec::new();
        let (mut joint, mut separators, mut last_style) = (Joint::Break, 0, 0);
        for (start, letter) in text.char_indices() {
            while ids.next_if(|id| id.end <= start).is_some() {}
            let is_of_id = ids.peek().is_some_and(|id| id.contains(&start));
            if let Some((value, style)) = digit_value(letter).filter(|_| !is_of_id) {
                let joint = if joint == Joint::None && style != last_style { Joint::Gap } else { joint };
                digits.push(Digit { value, bytes: start..start + letter.len_utf8(), joint });
            }
            (joint, separators) = match digit_value(letter) {
                _ if is_of_id => (Joint::Break, 0),
                Some((_, style)) => {
                    last_style = style;
                    (Joint::None, 0)
                }
                None if joint == Joint::Break || separators == SEPARATORS_MAX => (Joint::Break, 0),
                None if is_separator(letter) => (if joint == Joint::Mark { joint } else { Joint::Gap }, separators + 1),
                None if is_mark(letter) => (Joint::Mark, separators + 1),
                None => (Joint::Break, 0),
            };
        }
        Self { text, digits }
    }

    fn bytes(&self, found: &Range<usize>) -> Range<usize> {
        self.digits[found.start].bytes.start..self.digits[found.end - 1].bytes.end
    }

    /// Returns the card numbers, as ranges of `digits`: of whole groups, leftmost first, the longest at each place.
    fn find(&self, is_one: fn(&Self, &Range<usize>) -> bool) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut first = 0;
        while first + DIGITS_MIN <= self.digits.len() {
            let starts_group = self.digits[first].joint != Joint::None;
            first = match self.longest(first, is_one).filter(|_| starts_group) {
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
    fn longest(&self, first: usize, is_one: fn(&Self, &Range<usize>) -> bool) -> Option<usize> {
        let reach = self.digits.len().min(first + DIGITS_MAX);
        let run = self.digits[first + 1..reach].iter().take_while(|digit| digit.joint != Joint::Break).count() + 1;
        let ends_group = |end: usize| self.digits.get(end).is_none_or(|digit| digit.joint != Joint::None);
        (first + DIGITS_MIN..=first + run).rev().find(|&end| {
            ends_group(end)
                && passes_luhn(self.digits[first..end].iter().map(|digit| digit.value))
                && is_one(self, &(first..end))
        })
    }

    fn is_card(&self, range: &Range<usize>) -> bool {
        let values = self.values(range);
        let groups = self.groups(range);
        match standing(&values) {
            Standing::NoCard => false,
            Standing::Certain if groups.len() == 1 => {
                !(is_bar_code(&values) || self.is_residents_number(range)) || self.is_beside_a_word(range)
            }
            Standing::Certain => self.is_divided_as_a_number(range, &groups),
            Standing::Doubtful => self.is_beside_a_word(range) || self.is_divided_as_on_a_card(range, &groups),
        }
    }

    fn may_be_card(&self, range: &Range<usize>) -> bool {
        standing(&self.values(range)) != Standing::NoCard && self.is_divided_as_a_number(range, &self.groups(range))
    }

    fn values(&self, range: &Range<usize>) -> Vec<u8> {
        self.digits[range.clone()].iter().map(|digit| digit.value).collect()
    }

    /// Returns how many digits each group has.
    fn groups(&self, range: &Range<usize>) -> Vec<usize> {
        let starts = || (range.start + 1..range.end).filter(|&place| self.digits[place].joint != Joint::None);
        let ends = starts().chain([range.end]);
        [range.start].into_iter().chain(starts()).zip(ends).map(|(start, end)| end - start).collect()
    }

    /// Returns whether spaces and dashes divide it, or nothing; other marks make lists of numbers, times and sums, so
    /// they count only where they are the same throughout and the groups are those of cards.
    fn is_divided_as_a_number(&self, range: &Range<usize>, groups: &[usize]) -> bool {
        let has_mark = self.digits[range.start + 1..range.end].iter().any(|digit| digit.joint == Joint::Mark);
        !has_mark || (self.is_divided_alike(range) && are_even(groups))
    }

    fn is_divided_as_on_a_card(&self, range: &Range<usize>, groups: &[usize]) -> bool {
        groups.len() > 1 && groups[0] == 4 && self.is_divided_alike(range) && are_even(groups)
    }

    /// Returns whether it is a Chinese resident's number, whose last character may be an X for ten.
    fn is_residents_number(&self, range: &Range<usize>) -> bool {
        let mut values = self.values(range);
        if values.len() == 17 && self.text[self.bytes(range).end..].starts_with(['X', 'x']) {
            values.push(10);
        }
        is_residents_number(&values)
    }

    /// Returns whether the same stands in every gap.
    fn is_divided_alike(&self, range: &Range<usize>) -> bool {
        let gaps = self.digits[range.clone()].windows(2).filter(|pair| pair[1].joint != Joint::None);
        let mut gaps = gaps.map(|pair| &self.text[pair[0].bytes.end..pair[1].bytes.start]);
        let first = gaps.next();
        gaps.all(|gap| Some(gap) == first)
    }

    fn is_beside_a_word(&self, range: &Range<usize>) -> bool {
        let bytes = self.bytes(range);
        let mut before: Vec<_> = self.text[..bytes.start].chars().rev().take(WORD_REACH).collect();
        before.reverse();
        let after = self.text[bytes.end..].chars().take(WORD_REACH);
        let beside = before.into_iter().chain([' ']).chain(after).collect::<String>().to_lowercase();
        WORDS.iter().any(|word| {
            let mut places = beside.match_indices(word);
            places.any(|(place, _)| !beside[..place].ends_with(|letter: char| letter.is_ascii_alphabetic()))
        })
    }
}

/// Returns whether groups are of 4 or of 8 but for the last, or 6 and the rest, or American Express's or Diners Club's.
fn are_even(groups: &[usize]) -> bool {
    let [first @ .., last] = groups else { return true };
    let is_even = [4, 8].iter().any(|size| last <= size && first.iter().all(|group| group == size));
    is_even || matches!(groups, [_] | [6, _] | [4, 6, 4 | 5])
}

/// Returns whether 13 digits have the check digit of a bar code (GS1 General Specifications, 7.9).
fn is_bar_code(digits: &[u8]) -> bool {
    let weighted = |(place, digit): (usize, &u8)| u32::from(*digit) * if place % 2 == 1 { 3 } else { 1 };
    digits.len() == 13 && digits.iter().enumerate().map(weighted).sum::<u32>().is_multiple_of(10)
}

/// Returns whether 18 digits are a Chinese resident's number: a date of birth and a check digit (GB 11643-1999).
fn is_residents_number(digits: &[u8]) -> bool {
    if digits.len() != 18 {
        return false;
    }
    let number = |range: Range<usize>| digits[range].iter().fold(0, |sum, digit| sum * 10 + u32::from(*digit));
    let is_born =
        matches!(number(6..8), 19 | 20) && matches!(number(10..12), 1..=12) && matches!(number(12..14), 1..=31);
    is_born && digits.iter().enumerate().map(|(place, digit)| u32::from(*digit) << (17 - place)).sum::<u32>() % 11 == 1
}

/// Returns where ids in hexadecimal stand: 24 or more digits in a row, or the groups of a UUID.
fn hexadecimal_ids(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let run = |start: usize| bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let mut ids = Vec::new();
    let mut start = 0;
    while start + HEXADECIMAL_MIN <= bytes.len() {
        let length = run(start);
        if length >= HEXADECIMAL_MIN {
            ids.push(start..start + length);
        } else if length >= UUID[0]
            && let Some(end) = uuid_end(bytes, start + length - UUID[0])
        {
            ids.push(start + length - UUID[0]..end);
            start = end;
            continue;
        }
        start += length + 1;
    }
    ids
}

fn uuid_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut place = start;
    for (number, size) in UUID.into_iter().enumerate() {
        if number > 0 {
            bytes.get(place).filter(|byte| **byte == b'-')?;
            place += 1;
        }
        bytes.get(place..place + size).filter(|group| group.iter().all(u8::is_ascii_hexdigit))?;
        place += size;
    }
    Some(place)
}

/// Returns whether people put it between the groups of a number: a space or a dash of any width, or what makes a digit
/// the picture of a key.
fn is_separator(letter: char) -> bool {
    matches!(letter,
        ' ' | '\t' | '-' | '\u{a0}' | '\u{ad}' | '\u{2000}'..='\u{200d}' | '\u{2010}'..='\u{2015}' | '\u{202f}'
        | '\u{2060}' | '\u{20e3}' | '\u{2212}' | '\u{3000}' | '\u{fe0f}' | '\u{feff}' | '\u{ff0d}')
}

/// Returns whether it stands between the groups of some numbers, and between numbers of other kinds.
fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '.' | '/'
            | '_'
            | ','
            | ':'
            | ';'
            | '|'
            | '*'
            | '+'
            | '~'
            | '#'
            | '='
            | '\\'
            | '\''
            | '·'
            | '•'
            | '・'
            | '、'
            | '，'
            | '。'
            | '：'
            | '；'
            | '／'
            | '．'
            | '＿'
            | '｜'
            | '＊'
    )
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
            ("④①①①①①①①①①①①①①①①", "④①①①①①①①****①①①①"),
            ("4️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣", "4️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣*️⃣*️⃣*️⃣*️⃣1️⃣1️⃣1️⃣1️⃣"),
            ("张三4111111111111111", "张三41111111****1111"),
            ("① 4111111111111111", "① 41111111****1111"),
            ("4111.1111.1111.1111", "4111.1111.****.1111"),
            ("4111/1111/1111/1111", "4111/1111/****/1111"),
            ("4111_1111_1111_1111", "4111_1111_****_1111"),
            ("4111, 1111, 1111, 1111", "4111, 1111, ****, 1111"),
            ("4111:1111:1111:1111", "4111:1111:****:1111"),
            ("4111|1111|1111|1111", "4111|1111|****|1111"),
            ("4111*1111*1111*1111", "4111*1111******1111"),
            ("3782.822463.10005", "3782.82****.*0005"),
            ("620550/0000000000004", "620550/00*******0004"),
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
            "4,111,111,111,111,111",
            "4111,1111 1111.1111",
            "41,11,11,11,11,11,11,11",
            "张三 13812345678",
            "2026-11-22 11:22:33",
            "6901028075763",
            "9787110000083",
            "6921234567890131375",
            "5f4111111111111111abcdefab",
            "x41111111-1111-1111-4111-111111111111",
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
    fn a_doubtful_number_needs_a_word_its_issuer_or_groups_of_four() {
        for (text, is_card) in [
            ("2612011234567892", false),
            ("order 2612011234567892", false),
            ("discard 2612011234567892", false),
            ("card 2612011234567892", true),
            ("卡号：2612011234567892", true),
            ("2612011234567892 (my Mastercard)", true),
            ("2612 0112 3456 7892", true),
            ("261201-12345678-92", false),
            ("2223003122003222", true),
            ("4000001234567890124", false),
            ("cardNumber=4000001234567890124", true),
            ("4367420000000000001", true),
        ] {
            assert!(passes_luhn(text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0')), "{text}");
            assert_eq!(!find_card_numbers(text).is_empty(), is_card, "{text}");
            assert_eq!(find_possible_card_numbers(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_has_a_check_digit_of_its_own_is_masked_only() {
        for text in ["4006381222754", "621102198001016890", "62110219800101019X"] {
            assert_eq!(find_card_numbers(text), [], "{text}");
            assert_eq!(find_possible_card_numbers(text).len(), 1, "{text}");
            assert_eq!(find_card_numbers(&format!("card {text}")).len(), 1, "{text}");
        }
    }

    #[test]
    fn digits_of_other_scripts_count() {
        for zero in ['٠', '۰', '०', '০', '๐', '𝟎', '𝟘', '０'] {
            let digit = |value: u8| char::from_u32(u32::from(zero) + u32::from(value - b'0')).unwrap();
            let text: String = "5555555555554444".bytes().map(digit).collect();
            assert_eq!(only(&text), 0..text.len());
        }
    }
}
