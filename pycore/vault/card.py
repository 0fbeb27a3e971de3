"""Cards: checked numbers, tokens that stand for them, and verification values that are never kept."""

from __future__ import annotations

from msgspec import Struct

from pycore._core import CardNumber, VerificationValue
from pycore.errors import InvalidCardError


class TokenisedCard(Struct, frozen=True):
    """What is stored of a card; no part of it gives the number away.

    Attributes:
        token: ``tok_`` and 32 hexadecimal digits, random; what everything outside the vault knows of the card.
        index: 32 bytes that find the token of the same number again; unique per tenant.
        sealed: the number, sealed for the tenant and the token.
        bin: the issuer's number: the first 8 digits, or 6 where the number has fewer than 16.
        last_four: the last four digits.
    """

    token: str
    index: bytes
    sealed: bytes
    bin: str
    last_four: str


def parse_card_number(digits: str) -> CardNumber:
    """Return the card number: 13 to 19 digits 0 to 9, the last being the Luhn check digit (ISO/IEC 7812-1).

    Raises:
        InvalidCardError: it is none; the message does not repeat it.
    """
    try:
        return CardNumber(digits)
    except ValueError as error:
        raise _invalid(error) from None


def parse_verification_value(digits: str | bytearray) -> VerificationValue:
    """Return the verification value (CVV, CVC, CVN2): three or four digits 0 to 9, to be taken once and never kept.

    Args:
        digits: a ``bytearray`` is wiped; a ``str`` cannot be, so let go of it soon.

    Raises:
        InvalidCardError: it is none; the message does not repeat it.
    """
    try:
        return VerificationValue(digits)
    except ValueError as error:
        raise _invalid(error) from None


def _invalid(error: ValueError) -> InvalidCardError:
    # A text that is no Unicode (a lone surrogate) is repeated by Python's own message.
    return InvalidCardError() if isinstance(error, UnicodeError) else InvalidCardError(str(error))
