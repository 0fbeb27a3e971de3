"""Links to files that work for a while and cannot be made up: what they open and until when is in them, and a seal."""

import base64
import hashlib
import hmac
from typing import TypeVar

import msgspec

Content = TypeVar("Content", bound=msgspec.Struct)

_SEAL_BYTES = 16


class _Ticket(msgspec.Struct):
    until_ms: int
    content: msgspec.Raw


class Tickets:
    """Makes and opens them. They need no memory, so a restart does not end them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, content: msgspec.Struct, until_ms: int) -> str:
        """Return the text that stands in the link."""
        text = msgspec.json.encode(_Ticket(until_ms, msgspec.Raw(msgspec.json.encode(content))))
        return base64.urlsafe_b64encode(self._seal(text) + text).decode().rstrip("=")

    def open(self, text: str, kind: type[Content], now_ms: int) -> Content:
        """Return what the ticket opens. Raises ValueError for one that was not made here or is too old."""
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, content = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(content)):
            raise ValueError("this link was not made here")
        ticket = msgspec.json.decode(content, type=_Ticket)
        if now_ms > ticket.until_ms:
            raise ValueError("this link is too old")
        return msgspec.json.decode(ticket.content, type=kind)

    def _seal(self, text: bytes) -> bytes:
        return hashlib.blake2b(text, key=self._secret, digest_size=_SEAL_BYTES).digest()
