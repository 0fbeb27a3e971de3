"""Fields as the interfaces document them: lengths, alphabets, times, addresses. What differs is refused by its name."""

import re
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta

from api.sandbox.core.clock import Clock, from_text
from api.sandbox.wechat.error import parameter_error

AMOUNT_MAX: Final = 10_000_000_000
REFERENCE_PATTERN: Final = r"^[0-9A-Za-z_\-|*]{6,32}\Z"
CODE_PATTERN: Final = r"^1[0-5][0-9]{16}\Z"

Fen = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
Reference = Annotated[str, Meta(pattern=REFERENCE_PATTERN)]
Text16 = Annotated[str, Meta(min_length=1, max_length=16)]
Text32 = Annotated[str, Meta(min_length=1, max_length=32)]
Text64 = Annotated[str, Meta(min_length=1, max_length=64)]
Text80 = Annotated[str, Meta(min_length=1, max_length=80)]
Text127 = Annotated[str, Meta(min_length=1, max_length=127)]
Text128 = Annotated[str, Meta(min_length=1, max_length=128)]
Text256 = Annotated[str, Meta(min_length=1, max_length=256)]
Text512 = Annotated[str, Meta(min_length=1, max_length=512)]

URL_CHARACTERS_MAX: Final = 255
_SOON_MS: Final = 60_000
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_NAME: Final = re.compile(r"(?:[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?\.)+[A-Za-z][0-9A-Za-z-]*")


def is_notify_url(url: str) -> bool:
    """Return whether the channel would call ``url``: https, a public name, a path, nothing behind it.

    Here a merchant is on the same machine, so plain http to a loopback address (127.0.0.1, not a name) passes too.
    """
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = len(url) <= URL_CHARACTERS_MAX and all("!" <= each <= "~" for each in url) and "@" not in parts.netloc
    if not plain or not port_is_right or not parts.path or set("?#") & set(url):
        return False
    if parts.scheme == "http":
        return is_address(parts.hostname) and ip_address(parts.hostname or "").is_loopback
    return parts.scheme == "https" and (_NAME.fullmatch(parts.hostname or "") is not None or is_address(parts.hostname))


def is_address(text: str | None) -> bool:
    """Return whether ``text`` is one IPv4 or IPv6 address."""
    try:
        ip_address(text or "")
    except ValueError:
        return False
    return True


def check_notify_url(url: str) -> None:
    """Raise ApiError unless the channel would call ``url``."""
    if not is_notify_url(url):
        raise parameter_error("notify_url", "须为https的外网可访问URL，不能携带参数")


def check_address(field: str, text: str) -> None:
    """Raise ApiError unless ``text`` is one address."""
    if not is_address(text):
        raise parameter_error(field, "须为IPv4或IPv6地址")


def expiry_ms(text: str, clock: Clock) -> int:
    """Return when an order's time is over, written by the merchant's clock: not within the next minute, nor before.

    Raises ApiError.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("another spelling of RFC 3339")
        end_ms = from_text(text)
    except ValueError:
        raise parameter_error("time_expire", "不符合rfc3339格式") from None
    now_ms = clock.merchant_now_ms()
    if end_ms <= now_ms:
        raise parameter_error("time_expire", "时间早于当前时间")
    return clock.from_merchant(max(end_ms, now_ms + _SOON_MS))
