"""The vault: sealed fields, keys that rotate and can be destroyed, card numbers behind tokens."""

from pycore._core import (
    CardNumber,
    VerificationValue,
    WrappedKey,
    find_card_numbers,
    find_possible_card_numbers,
    mask_card_numbers,
)
from pycore.vault.card import TokenisedCard, parse_card_number, parse_verification_value
from pycore.vault.clear_text import mask_secrets, secret_in
from pycore.vault.key import Algorithm, Context, KeyKind, KeyState, Owner
from pycore.vault.key_source import (
    FileKeySource,
    GivenKeySource,
    KeyEncryptionKey,
    KeySource,
    configured_key_source,
)
from pycore.vault.personal import IdNumber, PersonalValue, PersonName, PhoneNumber
from pycore.vault.vault import Subject, Vault

__all__ = [
    "Algorithm",
    "CardNumber",
    "Context",
    "FileKeySource",
    "GivenKeySource",
    "IdNumber",
    "KeyEncryptionKey",
    "KeyKind",
    "KeySource",
    "KeyState",
    "Owner",
    "PersonName",
    "PersonalValue",
    "PhoneNumber",
    "Subject",
    "TokenisedCard",
    "Vault",
    "VerificationValue",
    "WrappedKey",
    "configured_key_source",
    "find_card_numbers",
    "find_possible_card_numbers",
    "mask_card_numbers",
    "mask_secrets",
    "parse_card_number",
    "parse_verification_value",
    "secret_in",
]
