"""HTTP messages as values: what an adapter wants sent, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

REPLY_BYTES_MAX = 1 << 20
BILL_BYTES_MAX = 256 << 20


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request, complete and signed.

    Attributes:
        headers: sent as they are.
        reply_bytes_max: bytes of body that are taken; a longer reply counts as none.
        with_client_certificate: whether the channel asks for our TLS certificate on this call.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reply_bytes_max: int = REPLY_BYTES_MAX
    with_client_certificate: bool = False

    def __repr__(self) -> str:
        # The query of a URL may hold a whole signed order, the body a payer's code.
        return f"HttpRequest({self.method} {self.url.partition('?')[0]}, {len(self.body)} bytes)"


class HttpResponse(Struct, frozen=True, kw_only=True):
    """A response, or an answer of ours to a notification: the body is bytes as they travel."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"


class HttpNotification(Struct, frozen=True, kw_only=True):
    """A notification as it arrived: header names in lower case, body byte by byte."""

    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"HttpNotification({len(self.body)} bytes)"


class Stamp(Struct, frozen=True):
    """What makes one call differ from the next: protocol code has neither clock nor dice of its own.

    Attributes:
        at: the time, with zone.
        nonce: at most 32 letters and digits nobody can guess.
    """

    at: datetime
    nonce: str

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a stamp's time needs a zone")
        if not (self.nonce.isascii() and self.nonce.isalnum() and len(self.nonce) <= 32):
            raise ValueError("a stamp's nonce is 1 to 32 letters and digits")
