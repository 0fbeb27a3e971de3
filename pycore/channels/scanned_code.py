"""Payment codes that payers show: the first digits say whose they are."""

from __future__ import annotations

import re
from typing import Final

PATTERNS: Final = {
    "wechat": re.compile(r"1[0-5][0-9]{16}"),
    "alipay": re.compile(r"(?:2[5-9]|30)[0-9]{14,22}"),
    "unionpay": re.compile(r"62[0-9]{17}"),
}
"""What a channel's codes look like."""


def channel_of(code: str) -> str | None:
    """Return whose code it is, or None where it is nobody's."""
    return next((channel for channel, pattern in PATTERNS.items() if pattern.fullmatch(code)), None)
