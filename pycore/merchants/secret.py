"""The secrets of API keys: 256 random bits, recognisable, checkable without asking anybody, stored as a hash only.

| part | example | why |
|---|---|---|
| prefix | ``sk_live_`` | tells people, and programs that look for leaked secrets, what was found |
| 43 letters and digits | 256 random bits in base 62 | cannot be guessed, so a plain BLAKE2b of it may be stored |
| 6 letters and digits | CRC-32 of all before, in base 62 | what was mistyped or made up is refused without a query |
"""

import secrets
import string
from binascii import crc32
from enum import StrEnum
from hashlib import blake2b
from typing import Final

_DIGITS: Final = string.digits + string.ascii_letters
_RANDOM_LENGTH: Final = 43
_CHECK_LENGTH: Final = 6
_HINT_LENGTH: Final = 4


class KeyPrefix(StrEnum):
    """What a secret begins with: whose key it is, and whether real money moves."""

    TEST = "sk_test_"
    LIVE = "sk_live_"
    OPERATOR = "ok_live_"


SECRET_LENGTH: Final = len(KeyPrefix.LIVE) + _RANDOM_LENGTH + _CHECK_LENGTH


def new_secret(prefix: KeyPrefix) -> str:
    """Return a new secret."""
    body = prefix + _base62(secrets.randbits(256), _RANDOM_LENGTH)
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Return whether this may be a secret of ours; says nothing about whether it is one."""
    body, checksum = secret[:-_CHECK_LENGTH], secret[-_CHECK_LENGTH:]
    return (
        len(secret) == SECRET_LENGTH
        and secret.isascii()
        and secret.startswith(tuple(KeyPrefix))
        and checksum == _checksum(body)
    )


def secret_hash(secret: str) -> bytes:
    """Return the 32 bytes that are stored in a secret's place."""
    # Every call pays for it. SHA-256 would be OpenSSL's, whose look-ups cost a busy server ten times the hash.
    return blake2b(secret.encode(), digest_size=32).digest()


def secret_hint(secret: str) -> str:
    """Return the end of a secret, by which its owner tells keys apart: four of its six check characters."""
    return secret[-_HINT_LENGTH:]


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
