"""The secret a merchant and we share about one webhook endpoint, and the signatures made with it.

By Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, "Signature scheme", symmetric).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final, Self

PREFIX: Final = "whsec_"
_KEY_BYTES: Final = 32
_KEY_BYTES_MIN, _KEY_BYTES_MAX = 24, 64


class WebhookSecret:
    """A signing key; only ``reveal`` gives it away."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        """Take what ``reveal`` gave. Raises ValueError, which does not repeat it."""
        try:
            self._key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            self._key = b""
        if not text.startswith(PREFIX) or not _KEY_BYTES_MIN <= len(self._key) <= _KEY_BYTES_MAX:
            raise ValueError(f"a webhook secret is {PREFIX} and 24 to 64 bytes in base64")

    @classmethod
    def new(cls) -> Self:
        """Return a secret nobody can guess."""
        return cls(PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode())

    def __repr__(self) -> str:
        return "WebhookSecret(…)"

    def reveal(self) -> str:
        """Return the secret as the merchant keeps it, ``whsec_…``."""
        return PREFIX + base64.b64encode(self._key).decode()

    def sign(self, id: str, timestamp: int, body: bytes) -> str:
        """Return the signature of a message: ``v1,`` and base64 of HMAC-SHA256 over id, time and body.

        Args:
            id: the header ``webhook-id``.
            timestamp: the header ``webhook-timestamp``, seconds since 1970.
            body: the body, byte for byte as it is sent.
        """
        signed = b"%b.%d.%b" % (id.encode(), timestamp, body)
        return "v1," + base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode()
