"""How our processes log: a line of JSON each, on standard error."""

import re
import sys
from typing import Any, Final

import structlog

from pycore.vault import mask_card_numbers

_SECRET: Final = re.compile(r"(?:sk_test|sk_live|ok_live|whsec)_[0-9A-Za-z+/=]{6,}")


def configure_logs() -> None:
    """Let everything that logs in this process do so in that form."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _redacted,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _redacted(_logger: Any, _method: str, line: Any) -> str:
    """Return a line without card numbers and keys, whatever error or value they came in with."""
    return mask_card_numbers(_SECRET.sub(lambda found: f"{found[0][:6]}***", line))
