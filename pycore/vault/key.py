"""Keys as values: what they are for, with what they seal, what may still be done with them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Algorithm(IntEnum):
    """Which cipher seals; the number is stored with every sealed value."""

    AES_256_GCM = 1
    """AES-256 in Galois/Counter Mode (NIST SP 800-38D), by AWS-LC."""
    SM4_GCM = 2
    """SM4 (GB/T 32907) in Galois/Counter Mode (RFC 8998), by RustCrypto; about ten times slower, not audited."""


class KeyKind(IntEnum):
    """What a wrapped key is for."""

    DATA = 1
    """Seals fields of any record."""
    SUBJECT = 2
    """Seals the fields of one person, and goes when that person is forgotten."""
    INDEX = 3
    """Makes blind indexes."""


class KeyState(IntEnum):
    """What may still be done with a key; it only moves forward."""

    ACTIVE = 1
    """Seals and opens."""
    RESTRICTED = 2
    """Kept because a law demands it: opens for that purpose only."""
    SHREDDED = 3
    """Gone, and with it everything it sealed."""


class Context(NamedTuple):
    """Where a sealed value belongs. It is bound to the value: moved elsewhere, it cannot be opened.

    Attributes:
        tenant: whose value it is, for example a merchant's id.
        field: which field, for example ``payer_phone``.
        record: which record, for example a payment's id.
    """

    tenant: str
    field: str
    record: str


class Owner(NamedTuple):
    """Whose a person's key is; bound to the wrapped key.

    Attributes:
        tenant: the tenant that keeps the person's data.
        subject: the person, for example a customer's id.
    """

    tenant: str
    subject: str
