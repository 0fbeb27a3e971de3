"""What each request is called: in its answer, in problems, and in every line that is logged for it.

A caller who asks about an answer names it, and whoever runs the server finds what was logged.
"""

from contextvars import ContextVar
from itertools import count
from secrets import token_hex
from typing import Final

REQUEST_ID: Final = "request-id"
"""The header, and the name in gRPC's trailing metadata."""

_current: ContextVar[str | None] = ContextVar("request_id", default=None)
# A number after what is drawn once: a name protects nothing, and drawing each costs more than finding an account.
_PROCESS: Final = token_hex(8)
_numbers = count(1)


def new_request_id() -> str:
    """Return a name that no other request has."""
    return f"req_{_PROCESS}{next(_numbers):08x}"


def begin_request(id: str | None = None) -> str:
    """Return the name of the request that begins now, ``id`` or a new one; it is kept for whatever is done for it."""
    id = id or new_request_id()
    _current.set(id)
    return id


def current_request() -> str | None:
    """Return the name of the request this is done for; None where it is for none."""
    return _current.get()
