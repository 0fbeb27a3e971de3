//! Card verification values: on their way to the network, and nowhere else.

use std::fmt;

use zeroize::Zeroize;

/// A card's verification value (CVV, CVC, CVN2): three or four digits that must never be stored, not even sealed
/// (PCI DSS requirement 3.3).
///
/// So it can neither be copied, compared, written nor printed; it can be used once, and is wiped then.
pub struct VerificationValue {
    /// On the heap: moving an array would leave copies behind that nobody wipes.
    digits: Box<[u8; DIGITS_MAX]>,
    length: usize,
}

const DIGITS_MIN: usize = 3;
const DIGITS_MAX: usize = 4;

/// The text is not three or four digits. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationValueError;

impl fmt::Display for VerificationValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a verification value has three or four digits 0 to 9")
    }
}

impl std::error::Error for VerificationValueError {}

impl VerificationValue {
    /// Returns the value of ASCII digits. The caller wipes its own copy.
    pub fn parse(text: &[u8]) -> Result<Self, VerificationValueError> {
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
            return Err(VerificationValueError);
        }
        let mut digits = Box::new([0; DIGITS_MAX]);
        digits[..text.len()].copy_from_slice(text);
        Ok(Self { digits, length: text.len() })
    }

    /// Uses the value up: gives the digits to `send`, wipes them, and returns what `send` did.
    pub fn use_once<T>(self, send: impl FnOnce(&str) -> T) -> T {
        send(std::str::from_utf8(&self.digits[..self.length]).expect("ASCII digits"))
    }
}

impl fmt::Debug for VerificationValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VerificationValue(…)")
    }
}

impl Drop for VerificationValue {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_used_once_and_never_shown() {
        let value = VerificationValue::parse(b"1234").unwrap();
        assert_eq!(format!("{value:?}"), "VerificationValue(…)");
        assert_eq!(value.use_once(str::to_owned), "1234");
        assert_eq!(VerificationValue::parse(b"012").unwrap().use_once(str::len), 3);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "12", "12345", "12a", "１２３", "12 ", "-12"] {
            assert!(VerificationValue::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
