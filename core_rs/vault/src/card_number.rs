//! Card numbers: checked on the way in, masked on the way out.

use std::fmt;

use zeroize::Zeroize;

/// A primary account number (ISO/IEC 7812-1): 13 to 19 ASCII digits of which the last is the Luhn check digit.
///
/// Printing it shows the last four digits only; it is wiped when dropped.
#[derive(PartialEq, Eq)]
pub struct CardNumber {
    /// ASCII, zero after the end. On the heap: moving an array would leave copies behind that nobody wipes.
    digits: Box<[u8; DIGITS_MAX]>,
    length: usize,
}

/// The fewest digits of a card number.
pub const DIGITS_MIN: usize = 13;
/// The most digits of a card number.
pub const DIGITS_MAX: usize = 19;
/// Digits at the end that may be shown.
const LAST_SHOWN: usize = 4;

/// Why a text is no card number. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardNumberError {
    /// Something in it is not an ASCII digit.
    NotDigits,
    /// It has fewer than 13 or more than 19 digits.
    Length,
    /// The last digit does not fit the others.
    CheckDigit,
}

impl fmt::Display for CardNumberError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotDigits => "a card number has digits 0 to 9 only, without spaces",
            Self::Length => "a card number has 13 to 19 digits",
            Self::CheckDigit => "the card number's check digit is wrong: a digit was mistyped",
        })
    }
}

impl std::error::Error for CardNumberError {}

impl CardNumber {
    /// Returns the card number in a text of digits only.
    pub fn parse(text: &str) -> Result<Self, CardNumberError> {
        let text = text.as_bytes();
        if !text.iter().all(u8::is_ascii_digit) {
            return Err(CardNumberError::NotDigits);
        }
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&text.len()) {
            return Err(CardNumberError::Length);
        }
        if !passes_luhn(text.iter().map(|digit| digit - b'0')) {
            return Err(CardNumberError::CheckDigit);
        }
        let mut digits = Box::new([0; DIGITS_MAX]);
        digits[..text.len()].copy_from_slice(text);
        Ok(Self { digits, length: text.len() })
    }

    /// Returns all digits: for the card's network and nobody else.
    pub fn reveal(&self) -> &str {
        self.text(0..self.length)
    }

    /// Returns the issuer's number: the first 8 digits, or 6 where there are fewer than 16 (PCI DSS truncation formats).
    pub fn bin(&self) -> &str {
        self.text(0..bin_length(self.length))
    }

    /// Returns the last four digits.
    pub fn last_four(&self) -> &str {
        self.text(self.length - LAST_SHOWN..self.length)
    }

    /// Returns the most that may be shown: issuer's number and last four digits, stars between.
    pub fn masked(&self) -> String {
        let stars = "*".repeat(self.length - bin_length(self.length) - LAST_SHOWN);
        [self.bin(), &stars, self.last_four()].concat()
    }

    fn text(&self, range: std::ops::Range<usize>) -> &str {
        std::str::from_utf8(&self.digits[range]).expect("ASCII digits")
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CardNumber(…{})", self.last_four())
    }
}

impl Drop for CardNumber {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

/// Returns whether the digit at a place of a number of this length may be shown.
pub(crate) fn is_shown(place: usize, length: usize) -> bool {
    place < bin_length(length) || place >= length - LAST_SHOWN
}

/// Returns whether digits (0 to 9) end in their check digit (Luhn, ISO/IEC 7812-1 annex B).
pub(crate) fn passes_luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let weighted = if place % 2 == 1 { digit * 2 } else { digit };
            u32::from(if weighted > 9 { weighted - 9 } else { weighted })
        })
        .sum();
    sum.is_multiple_of(10)
}

fn bin_length(length: usize) -> usize {
    if length >= 16 { 8 } else { 6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers the networks and processors publish for testing.
    const PUBLISHED: [&str; 12] = [
        "4222222222222",
        "30569309025904",
        "38520000023237",
        "378282246310005",
        "371449635398431",
        "4111111111111111",
        "4242424242424242",
        "5555555555554444",
        "2223003122003222",
        "6011111111111117",
        "3566002020360505",
        "6205500000000000004",
    ];

    #[test]
    fn published_test_numbers_are_card_numbers() {
        for number in PUBLISHED {
            let card = CardNumber::parse(number).unwrap();
            assert_eq!(card.reveal(), number);
            assert_eq!(card.bin(), &number[..if number.len() >= 16 { 8 } else { 6 }]);
            assert_eq!(card.last_four(), &number[number.len() - 4..]);
            assert_eq!(card.masked().len(), number.len());
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        for number in PUBLISHED {
            for place in 0..number.len() {
                for digit in b'0'..=b'9' {
                    let mut changed = number.as_bytes().to_vec();
                    let is_same = std::mem::replace(&mut changed[place], digit) == digit;
                    let changed = String::from_utf8(changed).unwrap();
                    let expected = if is_same { Ok(()) } else { Err(CardNumberError::CheckDigit) };
                    assert_eq!(CardNumber::parse(&changed).map(|_| ()), expected);
                }
            }
        }
    }

    #[test]
    fn what_is_shown_and_what_is_not() {
        let masked = |number: &str| CardNumber::parse(number).unwrap().masked();
        assert_eq!(masked("4111111111111111"), "41111111****1111");
        assert_eq!(masked("378282246310005"), "378282*****0005");
        assert_eq!(masked("6205500000000000004"), "62055000*******0004");
        assert_eq!(format!("{:?}", CardNumber::parse("4111111111111111").unwrap()), "CardNumber(…1111)");
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |text: &str| CardNumber::parse(text).unwrap_err();
        for text in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111111111111111 ",
            "411111111111111a",
            "４１１１１１１１１１１１１１１１",
            "٤١١١١١١١١١١١١١١١",
            "+4111111111111111",
            "4111111111111111\0",
        ] {
            assert_eq!(refused(text), CardNumberError::NotDigits, "{text:?}");
        }
        for text in ["", "0", "411111111111", "41111111111111111111"] {
            assert_eq!(refused(text), CardNumberError::Length, "{text:?}");
        }
        assert_eq!(refused("4111111111111112"), CardNumberError::CheckDigit);
    }
}
