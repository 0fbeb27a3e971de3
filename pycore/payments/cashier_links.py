"""The links payers are given: nobody can guess one, and none says whose it is.

A token is 43 letters, digits, ``-`` and ``_``: base64url of a payment's or store's id and the first 16 bytes of its
HMAC-SHA256 under a key of this installation. So a wrong one is refused without asking the database, nothing has to be
stored with a payment, and a store's printed code works for ever.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from enum import StrEnum
from secrets import token_bytes
from typing import Final

import msgspec

from pycore.errors import NotFoundError
from pycore.ids import parse_typed_id
from pycore.payments.payment import FINAL, PREFIX, Payment
from pycore.store import Pool, changing
from pycore.vault import Context, Vault

_ID_BYTES: Final = 16
_MAC_BYTES: Final = 16
_TOKEN_LENGTH: Final = 43
_KEY_BYTES: Final = 32
_PLACE: Final = Context("", "cashier_key", "")

Linked = Callable[[Payment], Payment]
"""Puts the payer's link into a payment."""


def without_link(payment: Payment) -> Payment:
    """Return the payment as it is: where there is no cashier."""
    return payment


class Link(StrEnum):
    """What a token stands for; a token of one kind is none of another."""

    PAYMENT = "payment"
    STORE = "store"
    ORDER = "order"
    """One order at a store's code: the same token makes one payment, however often it is sent."""


class CashierLinks:
    """Writes and reads tokens.

    Args:
        key: 32 secret bytes, for ever the same.
        public_url: returns how payers reach the HTTP door, without a slash at the end.
    """

    def __init__(self, key: bytes, public_url: Callable[[], str]) -> None:
        self._key = key
        self._public_url = public_url

    def token(self, link: Link, id: int) -> str:
        """Return the token of an id."""
        data = id.to_bytes(_ID_BYTES)
        return urlsafe_b64encode(data + self._mac(link, data)).rstrip(b"=").decode()

    def id_of(self, link: Link, token: str) -> int:
        """Return the id a token stands for. Raises NotFoundError for what is no token of ours."""
        try:
            data = urlsafe_b64decode(f"{token}=".encode("ascii")) if len(token) == _TOKEN_LENGTH else b""
        except ValueError:
            data = b""
        id, mac = data[:_ID_BYTES], data[_ID_BYTES:]
        # Of the texts that decode to the same bytes only the one we write is a token.
        known = hmac.compare_digest(mac, self._mac(link, id)) and len(id) == _ID_BYTES
        if not known or self.token(link, int.from_bytes(id)) != token:
            raise NotFoundError("there is no such link")
        return int.from_bytes(id)

    def payment_url(self, payment_id: int) -> str:
        """Return where a payment is paid."""
        return f"{self._public_url()}/pay/{self.token(Link.PAYMENT, payment_id)}"

    def store_url(self, store_id: int) -> str:
        """Return what a store's code says: where its customers type what they pay."""
        return f"{self._public_url()}/pay/s/{self.token(Link.STORE, store_id)}"

    def linked(self, payment: Payment) -> Payment:
        """Return a payment with its link, as long as it can be paid."""
        if payment.status in FINAL:
            return payment
        url = self.payment_url(parse_typed_id(PREFIX, payment.id))
        return msgspec.structs.replace(payment, cashier_url=url)

    def _mac(self, link: Link, id: bytes) -> bytes:
        return hmac.digest(self._key, link.encode() + b"\0" + id, "sha256")[:_MAC_BYTES]


async def open_cashier_links(pool: Pool, vault: Vault, public_url: Callable[[], str]) -> CashierLinks:
    """Return the links of this installation; the first time, their key is made.

    Raises SealedValueError, LedgerUnavailableError, OutcomeUnknownError.
    """
    made = vault.seal(token_bytes(_KEY_BYTES), _PLACE)
    async with changing(pool) as connection:
        await connection.execute("INSERT INTO cashier_key (sealed) VALUES ($1) ON CONFLICT DO NOTHING", made)
        sealed = await connection.fetchval("SELECT sealed FROM cashier_key")
    return CashierLinks(vault.open_value(sealed, _PLACE), public_url)
