"""An endpoint: what Starlette routes to, and what the OpenAPI document says of it. Declared once, used for both."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.errors import MalformedRequestError
from pycore.errors import PycoreError
from pycore.ledger import Ledger

Handler = Callable[[Ledger, Request], Awaitable[Response]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    ``summary`` and ``description`` are for people; ``body``, ``query`` and ``answer`` are msgspec types; ``errors`` are
    what can come back besides.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any
    description: str = ""
    body: Any = None
    query: type[msgspec.Struct] | None = None
    errors: tuple[type[PycoreError], ...] = ()
    tag: str = "ledger"
    media_type: str = "application/json"
    unready: HTTPStatus | None = None


def read_query(request: Request, kind: type[Any]) -> Any:
    """Return the query string as ``kind``. Raises MalformedRequestError for unknown, repeated or malformed ones."""
    items = request.query_params.multi_items()
    values = dict(items)
    if len(values) != len(items):
        raise MalformedRequestError("a query parameter is given twice")
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedRequestError(f"query parameters: {error}") from None
