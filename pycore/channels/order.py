"""What a channel is asked to collect: one attempt at one payment."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

from pycore.channels.secret import Secret
from pycore.money import Amount
from pycore.printable import unprintable_in

SUBJECT_CHARACTERS_MAX = 127
URL_CHARACTERS_MAX = 256

_ID = re.compile(r"[0-9A-Za-z]{8,32}")
_URL = re.compile(r"https?://[!-~]+")


class Method(StrEnum):
    """How the payer pays; the names on the wire are the adapters' business."""

    QR_CODE = "qr_code"
    """We show a code, the payer scans it: WeChat native, Alipay precreate, UnionPay QR."""
    BAR_CODE = "bar_code"
    """The payer shows a code, the merchant scans it: WeChat micropay, Alipay bar code, UnionPay QR."""
    JSAPI = "jsapi"
    """A page inside the channel's own app."""
    APP = "app"
    """The merchant's app calls the channel's app."""
    H5 = "h5"
    """A mobile browser opens the channel's app."""
    PAGE = "page"
    """A browser goes to the channel's page: Alipay page, UnionPay quick pay."""


class Payer(Struct, frozen=True, kw_only=True):
    """What is known of the payer.

    Attributes:
        open_id: the payer's id for our app (jsapi).
        auth_code: the code the payer shows (bar_code); it is money, so it is masked.
    """

    open_id: str | None = None
    auth_code: Secret | None = None


class ChannelOrder(Struct, frozen=True, kw_only=True):
    """One attempt. Every retry of it carries the same values, so that the channel sees one order.

    | field | meaning |
    |---|---|
    | ``payment_attempt_id`` | the channel's out_trade_no or orderId: 8 to 32 ASCII letters and digits |
    | ``amount`` | more than nothing |
    | ``subject`` | what the payer reads, as the channel takes it (``Capability.title``): 1 to 127 printable |
    | ``notify_url``, ``return_url`` | where the channel reports; where a browser goes afterwards |
    | ``created_at``, ``expires_at`` | with zone; UnionPay finds an order by its id and its time of creation |
    | ``client_ip`` | the payer's address, or the terminal's for a scanned code, as ``plain_address``; for h5 |

    Raises:
        ValueError: a value is not as above.
    """

    payment_attempt_id: str
    amount: Amount
    method: Method
    subject: str
    notify_url: str
    created_at: datetime
    expires_at: datetime
    client_ip: str | None = None
    payer: Payer = Payer()
    return_url: str | None = None

    def __post_init__(self) -> None:
        check_id(self.payment_attempt_id)
        if self.amount.minor <= 0:
            raise ValueError("an order's amount is more than nothing")
        if not 1 <= len(self.subject) <= SUBJECT_CHARACTERS_MAX or unprintable_in(self.subject):
            raise ValueError(f"a subject is 1 to {SUBJECT_CHARACTERS_MAX} printable characters")
        for url in (self.notify_url, self.return_url):
            check_url(url)
        if self.created_at.tzinfo is None or self.expires_at.tzinfo is None or self.expires_at <= self.created_at:
            raise ValueError("an order expires after it was created, and both times have a zone")
        if self.method is Method.BAR_CODE and self.payer.auth_code is None:
            raise ValueError("a scanned code is missing")
        if self.method is Method.JSAPI and not self.payer.open_id:
            raise ValueError("the payer's open_id is missing")
        if self.client_ip is not None and self.client_ip != plain_address(self.client_ip):
            raise ValueError("payer.client_ip is one IPv4 or IPv6 address in its plain form")
        if self.method is Method.H5 and self.client_ip is None:
            raise ValueError("payer.client_ip is missing: h5 needs the address of the payer's browser")


def plain_address(text: str) -> str:
    """Return an address in its one plain form; IPv4 written as IPv6 (``::ffff:203.0.113.7``) as IPv4.

    Raises:
        ValueError: it is not exactly one address.
    """
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def check_id(text: str) -> None:
    """Raise ValueError unless ``text`` may be an order's or a refund's number at every channel."""
    if not _ID.fullmatch(text):
        raise ValueError("an id for channels is 8 to 32 ASCII letters and digits")


def check_url(url: str | None) -> None:
    """Raise ValueError unless ``url`` is absent or a plain http(s) address of at most 256 characters."""
    if url is not None and (len(url) > URL_CHARACTERS_MAX or not _URL.fullmatch(url)):
        raise ValueError(f"a URL begins with http:// or https:// and has at most {URL_CHARACTERS_MAX} characters")
