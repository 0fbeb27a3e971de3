"""What creating accounts and creating transfers share: deadlines, packing, results."""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import IntEnum
from struct import Struct
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from api.errors import MalformedRequestError, OutcomePendingError, RequestTimeoutError, UnsupportedMediaTypeError
from api.limits import HTTP_DEADLINE_SECONDS, REQUEST_EVENTS_MAX
from api.rest import fields
from api.rest.body import header
from pycore.errors import (
    DeadlineExceededError,
    InvalidRecordsError,
    InvalidRequestError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    NotFoundError,
    OutcomeUnknownError,
    PycoreError,
    RequestTooLargeError,
)
from pycore.ledger import CreateAccountStatus, CreateTransferStatus, Ledger, Operation

Item = TypeVar("Item")

READ_ERRORS: Final[tuple[type[PycoreError], ...]] = (MalformedRequestError,)
LOOKUP_ERRORS: Final = (*READ_ERRORS, RequestTooLargeError, UnsupportedMediaTypeError, RequestTimeoutError)
ERRORS: Final = (
    *LOOKUP_ERRORS,
    InvalidRecordsError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    OutcomeUnknownError,
    OutcomePendingError,
    DeadlineExceededError,
)

CHANGE_ERRORS: Final = (*LOOKUP_ERRORS, InvalidRequestError, LedgerUnavailableError, OutcomeUnknownError)
"""Of what changes a merchant's things."""
ACTION_ERRORS: Final = (NotFoundError, LedgerUnavailableError, OutcomeUnknownError)
"""Of a change without a body."""
LIST_ERRORS: Final = (MalformedRequestError, InvalidRequestError, NotFoundError, LedgerUnavailableError)

DEADLINE_HEADER: Final = "request-timeout-ms"
"""How long the caller waits, in milliseconds: work that was not started by then is not started at all."""

_SLICE: Final = 512
_DEADLINE_MS_MAX: Final = 3_600_000
_RESULT: Final = Struct("<QII")
_NAMES: Final[dict[type[IntEnum], dict[int, str]]] = {
    kind: {status.value: status.name.lower() for status in kind} for kind in (CreateAccountStatus, CreateTransferStatus)
}


def deadline(request: Request) -> float:
    """Return the caller's deadline in ``time.monotonic()`` seconds. Raises MalformedRequestError."""
    value = header(request, DEADLINE_HEADER.encode())
    if value is None:
        return time.monotonic() + HTTP_DEADLINE_SECONDS
    milliseconds = fields.read_number(value.decode("latin-1"), fields.BITS_128, DEADLINE_HEADER)
    return time.monotonic() + min(milliseconds, _DEADLINE_MS_MAX) / 1000


async def pack(items: Sequence[Item], record: Callable[[Item, int], bytes]) -> bytes:
    """Return the records of ``items``. Many are packed slice by slice, so that other callers are served in between.

    Raises RequestTooLargeError, and MalformedRequestError naming the item and field.
    """
    if len(items) > REQUEST_EVENTS_MAX:
        raise RequestTooLargeError(f"{len(items)} events in one request; the most is {REQUEST_EVENTS_MAX}")
    records = []
    for position, item in enumerate(items):
        if position and position % _SLICE == 0:
            await asyncio.sleep(0)
        records.append(record(item, position))
    return b"".join(records)


def read_ids(texts: Sequence[str]) -> list[int]:
    """Return the ids of a lookup. Raises RequestTooLargeError, MalformedRequestError."""
    if len(texts) > REQUEST_EVENTS_MAX:
        raise RequestTooLargeError(f"{len(texts)} ids in one request; the most is {REQUEST_EVENTS_MAX}")
    return [fields.read_id(text, f"ids[{position}]") for position, text in enumerate(texts)]


async def submit(ledger: Ledger, operation: Operation, records: bytes, until: float) -> bytes:
    """Return packed results. Raises what ``Ledger.enqueue`` does.

    Work that was started but not finished at the deadline is an OutcomePendingError.
    """
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise DeadlineExceededError
    future = ledger.enqueue(operation, records, deadline=until)
    timer = asyncio.get_running_loop().call_later(seconds, _give_up, future)
    try:
        return await future
    finally:
        timer.cancel()


def _give_up(future: asyncio.Future[bytes]) -> None:
    if not future.done():
        future.set_exception(OutcomePendingError())


def results_type(result_name: str, name: str, kind: type[IntEnum]) -> Any:
    """Return the msgspec type of an answer with one result per event, for the OpenAPI document."""
    statuses = Literal[tuple(_NAMES[kind].values())]  # type: ignore[valid-type]
    result = msgspec.defstruct(result_name, [("status", statuses), ("timestamp", fields.TimestampText)], frozen=True)
    several = Annotated[list[result], Meta(description="In the order of the request.")]  # type: ignore[valid-type]
    return msgspec.defstruct(name, [("results", several)], frozen=True)


def results_view(results: bytes, kind: type[IntEnum]) -> dict[str, list[dict[str, str]]]:
    """Return packed results as JSON shows them."""
    names = _NAMES[kind]
    return {
        "results": [
            {"status": names[status], "timestamp": str(timestamp)}
            for timestamp, status, _ in _RESULT.iter_unpack(results)
        ]
    }
