//! Tokens: what everything outside the vault knows of a card.

use std::fmt;

use crate::blind_index::{BlindIndex, INDEX_SIZE};
use crate::card_number::CardNumber;
use crate::context::Context;
use crate::error::{OpenError, SealError};
use crate::keyring::Keyring;
use crate::randomness::{Randomness, random_bytes};

const PREFIX: &str = "tok_";
const FIELD: &str = "card_number";

/// The random id that stands for a card within one tenant, written `tok_` and 32 hexadecimal digits.
///
/// It is not computed from the number, so it cannot be computed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CardToken(u128);

impl CardToken {
    /// Returns a new token.
    pub fn random(random: &dyn Randomness) -> Self {
        Self(u128::from_be_bytes(random_bytes(random)))
    }

    /// Returns the token of its text, which has one form only.
    pub fn parse(text: &str) -> Option<Self> {
        let token = Self(u128::from_str_radix(text.strip_prefix(PREFIX)?, 16).ok()?);
        (token.to_string() == text).then_some(token)
    }
}

impl fmt::Display for CardToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{:032x}", self.0)
    }
}

/// What is stored of a card.
#[derive(Debug)]
pub struct TokenisedCard {
    /// Its token.
    pub token: CardToken,
    /// What finds the token of the same number again; unique per tenant.
    pub index: [u8; INDEX_SIZE],
    /// The number, sealed for tenant and token.
    pub sealed: Vec<u8>,
}

/// Returns what finds a tenant's token of this card number. Look for it before you make a token.
pub fn card_index(card: &CardNumber, tenant: &str, index: &BlindIndex) -> [u8; INDEX_SIZE] {
    index.index(tenant, FIELD, card.reveal().as_bytes())
}

/// Returns a new token for a card number, and what to store with it.
pub fn tokenise(
    card: &CardNumber,
    tenant: &str,
    keyring: &Keyring,
    index: &BlindIndex,
    random: &dyn Randomness,
) -> Result<TokenisedCard, SealError> {
    let token = CardToken::random(random);
    let record = token.to_string();
    let context = Context { tenant, field: FIELD, record: &record };
    let sealed = keyring.seal(card.reveal().as_bytes(), &context, random)?;
    Ok(TokenisedCard { token, index: card_index(card, tenant, index), sealed })
}

/// Returns the card number of a tenant's token.
pub fn detokenise(sealed: &[u8], tenant: &str, token: CardToken, keyring: &Keyring) -> Result<CardNumber, OpenError> {
    let record = token.to_string();
    let opened = keyring.open(sealed, &Context { tenant, field: FIELD, record: &record })?;
    let text = std::str::from_utf8(&opened).map_err(|_| OpenError)?;
    CardNumber::parse(text).map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::Algorithm;
    use crate::testing::{Counting, keyring};

    #[test]
    fn a_token_is_found_again_and_leads_to_its_card() {
        let random = Counting::new();
        let (keyring, index) = keyring(Algorithm::Aes256Gcm, &random);
        let card = CardNumber::parse("6205500000000000004").unwrap();
        let stored = tokenise(&card, "merchant 1", &keyring, &index, &random).unwrap();
        assert_eq!(card_index(&card, "merchant 1", &index), stored.index);
        assert_eq!(detokenise(&stored.sealed, "merchant 1", stored.token, &keyring).unwrap(), card);
        let again = tokenise(&card, "merchant 1", &keyring, &index, &random).unwrap();
        assert_ne!(again.token, stored.token, "a token says nothing of its number");
    }

    #[test]
    fn a_token_is_worth_nothing_to_another_tenant() {
        let random = Counting::new();
        let (keyring, index) = keyring(Algorithm::Sm4Gcm, &random);
        let card = CardNumber::parse("4111111111111111").unwrap();
        let stored = tokenise(&card, "merchant 1", &keyring, &index, &random).unwrap();
        assert_eq!(detokenise(&stored.sealed, "merchant 2", stored.token, &keyring), Err(OpenError));
        let other = CardToken::random(&random);
        assert_eq!(detokenise(&stored.sealed, "merchant 1", other, &keyring), Err(OpenError));
        assert_ne!(card_index(&card, "merchant 2", &index), stored.index);
    }

    #[test]
    fn a_token_has_one_text() {
        let token = CardToken::random(&Counting::new());
        let text = token.to_string();
        assert_eq!((text.len(), CardToken::parse(&text)), (36, Some(token)));
        for wrong in [&text[4..], &text[..35], &text.to_uppercase(), &format!("{text}0"), "tok_", "tok_+1", ""] {
            assert_eq!(CardToken::parse(wrong), None, "{wrong}");
        }
    }
}
