"""The channels' clock: Shanghai time, in their several spellings. China has one zone and no summer time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from pycore.channels.failure import NotTrustedError

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

DIGITS: Final = "%Y%m%d%H%M%S"
"""WeChat v2 and UnionPay: ``20261122113000``."""
WORDS: Final = "%Y-%m-%d %H:%M:%S"
"""Alipay and the bills: ``2026-11-22 11:30:00``."""


def write_time(at: datetime, form: str) -> str:
    """Return ``at`` as Shanghai wall clock text."""
    return at.astimezone(SHANGHAI).strftime(form)


def read_time(text: str, form: str) -> datetime:
    """Return the time written as Shanghai wall clock text. Raises NotTrustedError."""
    try:
        at = datetime.strptime(text, form).replace(tzinfo=SHANGHAI)
    except ValueError:
        raise NotTrustedError("bad_time") from None
    if at.strftime(form) != text:  # strptime also takes fewer digits, other digits and spaces
        raise NotTrustedError("bad_time")
    return at


def read_iso_time(text: str) -> datetime:
    """Return the time written as RFC 3339 with a zone. Raises NotTrustedError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotTrustedError("bad_time") from None
    if at.tzinfo is None:
        raise NotTrustedError("bad_time")
    return at
