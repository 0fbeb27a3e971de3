"""What the resources of merchants share over HTTP: typed ids, times, lists."""

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request

from pycore.errors import InvalidRequestError, NotFoundError
from pycore.ids import parse_typed_id
from pycore.moment import moment, nanoseconds

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list is wanted; newest first."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="At most so many.")] = LIMIT_DEFAULT
    starting_after: Annotated[
        str | None, Meta(description="The id of the last item of the page before; none: from the newest.")
    ] = None


def path_id(request: Request, prefix: str) -> int:
    """Return the id in the path. Raises NotFoundError, also for what is no id."""
    try:
        return parse_typed_id(prefix, request.path_params["id"])
    except ValueError:
        raise NotFoundError(f"there is nothing with this id: it is {prefix}_ and 32 hexadecimal digits") from None


def read_typed_id(text: str, prefix: str, field: str) -> int:
    """Return the id in a field. Raises InvalidRequestError naming ``field``."""
    try:
        return parse_typed_id(prefix, text)
    except ValueError:
        raise InvalidRequestError(f"{field} must be {prefix}_ and 32 hexadecimal digits") from None


def read_id_or_none(text: str | None, prefix: str, field: str) -> int | None:
    """Return the id in a field that may be absent. Raises InvalidRequestError naming ``field``."""
    return None if text is None else read_typed_id(text, prefix, field)


def read_after(query: ListQuery, prefix: str) -> int | None:
    """Return the id that a list begins after. Raises InvalidRequestError."""
    return read_id_or_none(query.starting_after, prefix, "starting_after")


def write_time_or_none(time_ns: int | None) -> datetime | None:
    """Return a time that may be absent."""
    return None if time_ns is None else moment(time_ns)


def read_time(time: datetime, field: str) -> int:
    """Return a time as nanoseconds since 1970. Raises InvalidRequestError where it names no zone."""
    if time.tzinfo is None:
        raise InvalidRequestError(f"{field} must name its zone, as in 2027-01-01T00:00:00Z")
    return nanoseconds(time)
