//! What is allowed of each field.

use std::net::IpAddr;

use pycore_vault::find_card_numbers;

use crate::request::{CaptureMethod, CreatePayment, Payer, PaymentMethod, Purpose};

const AMOUNT_MAX: i64 = (1 << 53) - 1;
const EXPIRY_SECONDS: std::ops::RangeInclusive<i64> = 10..=30 * 86_400;
const METADATA_ENTRIES_MAX: usize = 50;
const CARD_DIGITS_MIN: usize = 13;
const VERIFICATION_DIGITS_MIN: usize = 3;

/// Why a request cannot be: the field, and what is allowed there. It never tells the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field's name.
    pub field: &'static str,
    /// What it must be.
    pub allowed: &'static str,
}

/// What only a closer look can tell: the caller must take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Whether all of the subject can be printed.
    pub subject: bool,
    /// Whether there is such a currency.
    pub currency: bool,
    /// Whether some text holds a secret.
    pub secrets: bool,
}

impl CreatePayment {
    /// Checks every field, and the idempotency key it comes with, which is known to have the form of one.
    pub fn check(&self, key: &str) -> Result<Doubt, Refusal> {
        require(
            is_reference(&self.merchant_reference),
            "merchant_reference",
            "1 to 64 of 0-9 A-Z a-z _-|*.@:, as in T1001",
        )?;
        require((1..=AMOUNT_MAX).contains(&self.amount), "amount", "whole minor units from 1 to 9007199254740991")?;
        let length = self.subject.chars().count();
        require((1..=127).contains(&length), "subject", SUBJECT)?;
        require(!self.subject.chars().any(char::is_control), "subject", SUBJECT)?;
        require(EXPIRY_SECONDS.contains(&self.expires_in_seconds), "expires_in_seconds", "10 seconds to 30 days")?;
        if let Some(url) = &self.return_url {
            require(is_url(url), "return_url", "an http or https URL, as in https://shop.example.com/done")?;
        }
        self.check_metadata()?;
        require(!self.confirm || self.method.is_some(), "method", "needed to confirm at once")?;
        check_confirmation(self.method, self.channel.as_deref(), self.payer.as_ref(), self.confirm)?;
        self.check_purpose()?;
        Ok(Doubt {
            subject: !self.subject.chars().all(is_surely_printable),
            currency: self.currency != "CNY",
            secrets: self.texts(key).any(may_hold_a_secret) || self.metadata.iter().any(may_be_one_together),
        })
    }

    fn check_metadata(&self) -> Result<(), Refusal> {
        require(self.metadata.len() <= METADATA_ENTRIES_MAX, "metadata", "at most 50 entries")?;
        let fits = self.metadata.iter().all(|(name, value)| {
            (1..=40).contains(&name.chars().count())
                && value.chars().count() <= 500
                && !name.contains('\0')
                && !value.contains('\0')
        });
        require(fits, "metadata", "keys of 1 to 40 and values of at most 500 characters, without U+0000")
    }

    fn check_purpose(&self) -> Result<(), Refusal> {
        let from_balance = self.method == Some(PaymentMethod::Balance);
        if from_balance {
            require(self.customer_id.is_some(), "customer_id", "needed to pay from a balance")?;
        }
        if self.purpose == Purpose::TopUp {
            require(self.customer_id.is_some(), "customer_id", "needed for a top-up")?;
            require(!from_balance, "method", "another one than balance for a top-up")?;
            let automatic = self.capture_method == CaptureMethod::Automatic;
            require(automatic, "capture_method", "automatic for a top-up")?;
        }
        Ok(())
    }

    /// Returns every text that is kept or shown as it is.
    fn texts<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        [key, &self.merchant_reference, &self.subject]
            .into_iter()
            .chain(self.return_url.as_deref())
            .chain(self.channel.as_deref())
            .chain(self.metadata.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
    }
}

/// Checks that method, channel and payer go together; with `confirm`, that what the payer must show is there.
pub fn check_confirmation(
    method: Option<PaymentMethod>,
    channel: Option<&str>,
    payer: Option<&Payer>,
    confirm: bool,
) -> Result<(), Refusal> {
    if let Some(channel) = channel {
        require(is_channel(channel), "channel", "a channel's name, as in wechat")?;
    }
    let nobody = Payer::default();
    let payer = payer.unwrap_or(&nobody);
    if let Some(code) = &payer.auth_code {
        let digits = code.bytes().all(|byte| byte.is_ascii_digit());
        require(digits && (16..=24).contains(&code.len()), "payer.auth_code", "the 16 to 24 digits the payer shows")?;
    }
    if let Some(id) = &payer.open_id {
        require(is_visible(id, 128), "payer.open_id", "1 to 128 printable ASCII characters")?;
    }
    if let Some(ip) = &payer.client_ip {
        require(is_address(ip), "payer.client_ip", "one IPv4 or IPv6 address, for example 203.0.113.7")?;
    }
    if confirm {
        let needs_code = method == Some(PaymentMethod::BarCode);
        require(!needs_code || payer.auth_code.is_some(), "payer.auth_code", "needed for bar_code")?;
        let needs_id = method == Some(PaymentMethod::Jsapi);
        require(!needs_id || payer.open_id.is_some(), "payer.open_id", "needed for jsapi")?;
        let needs_address = method == Some(PaymentMethod::H5);
        let address = "the address of the payer's browser for h5: the channel compares the two";
        require(!needs_address || payer.client_ip.is_some(), "payer.client_ip", address)?;
    }
    Ok(())
}

const SUBJECT: &str = "1 to 127 printable characters";

fn require(holds: bool, field: &'static str, allowed: &'static str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal { field, allowed }) }
}

/// Whether a text is the address of one machine, as a channel could compare it with the browser's.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified())
}

fn is_reference(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'|' | b'*' | b'.' | b'@' | b':');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_channel(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| is_visible(rest, 250))
}

/// Returns whether a text has 1 to `length_max` characters of ASCII that leave ink.
pub(crate) fn is_visible(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// ASCII's printable characters, and the Chinese of the basic plane: what nearly every subject is made of.
fn is_surely_printable(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{4e00}'..='\u{9fff}')
}

/// Returns whether a name of metadata says what its value is, so that only both together are a secret. It errs on the
/// side of looking.
fn may_be_one_together((name, value): &(String, String)) -> bool {
    let digits = value.chars().filter(|character| character.is_numeric()).count();
    digits >= VERIFICATION_DIGITS_MIN && may_hold_a_secret(&format!("{name}: {value}"))
}

/// Returns whether a closer look is needed. It errs on the side of looking.
fn may_hold_a_secret(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if (digits >= CARD_DIGITS_MIN || !text.is_ascii()) && !find_card_numbers(text).is_empty() {
        return true;
    }
    // The names of what a card is verified with, the beginnings of keys, and what is written otherwise than it reads.
    let has = |part: &[u8]| text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    [&b"cv"[..], b"csc", b"security", b"verification", b"sk_", b"ok_", b"whsec_", b"%"].into_iter().any(has)
        || (!text.is_ascii() && ["安全码", "安全碼", "ｃ", "Ｃ", "ｓ", "Ｓ"].iter().any(|part| text.contains(part)))
}
