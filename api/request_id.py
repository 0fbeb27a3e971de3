"""What each request is called: in its answer, in problems, and in every line that is logged for it.

A caller who asks about an answer names it, and whoever runs the server finds what was logged.
"""

from contextvars import ContextVar
from secrets import token_hex
from typing import Final

REQUEST_ID: Final = "request-id"
"""The header, and the name in gRPC's trailing metadata."""

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def begin_request() -> str:
    """Return the name of the request that begins now, and keep it for whatever is done for it."""
    id = f"req_{token_hex(12)}"
    _current.set(id)
    return id


def current_request() -> str | None:
    """Return the name of the request this is done for; None where it is for none."""
    return _current.get()
