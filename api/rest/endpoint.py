"""An endpoint: what Starlette routes to, and what the OpenAPI document says of it. Declared once, used for both."""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.errors import MalformedRequestError
from api.rest import fields
from api.rest.body import without_values
from api.services import Services
from pycore.errors import PycoreError
from pycore.merchants import Caller, Operator, OperatorScope, Scope

Query = TypeVar("Query", bound=msgspec.Struct)
Handler = Callable[[Services, Request], Awaitable[Response]]
OperatorHandler = Callable[[Services, Operator, Request], Awaitable[Response]]
TenantHandler = Callable[[Services, Caller, Request], Awaitable[Response]]


class _Described(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    ``summary`` and ``description`` are for people; ``body``, ``query`` and ``answer`` are msgspec types; ``errors`` are
    what can come back besides;
    ``has_deadline`` says that the caller's deadline is kept; ``id_prefix`` is what an id in the path begins with;
    ``has_key`` says that an idempotency key is needed, ``may_have_key`` that one is kept where it is given.
    """

    method: str
    path: str
    summary: str
    answer: Any
    description: str = ""
    body: Any = None
    query: type[msgspec.Struct] | None = None
    errors: tuple[type[PycoreError], ...] = ()
    tag: str = "ledger"
    media_type: str = "application/json"
    has_deadline: bool = False
    id_prefix: str | None = None
    has_key: bool = False
    may_have_key: bool = False


class Endpoint(_Described, frozen=True, kw_only=True):
    """An endpoint for everybody or, where ``scope`` is given, for operators whose key has it."""

    handler: Handler
    scope: OperatorScope | None = None


class OperatorEndpoint(_Described, frozen=True, kw_only=True):
    """An endpoint for operators whose key has ``scope``, where it matters which of them calls."""

    handler: OperatorHandler
    scope: OperatorScope


class TenantEndpoint(_Described, frozen=True, kw_only=True):
    """An endpoint for merchants whose key has ``scope``; the handler sees and moves the caller's only."""

    handler: TenantHandler
    scope: Scope


AnyEndpoint = Endpoint | OperatorEndpoint | TenantEndpoint


@cache
def _fields(kind: type[msgspec.Struct], of: type[msgspec.inspect.Type]) -> frozenset[str]:
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    bare = {
        field.name: field.type.type if isinstance(field.type, msgspec.inspect.Metadata) else field.type
        for field in described.fields
    }
    return frozenset(name for name, each in bare.items() if isinstance(each, of))


def read_query(request: Request, kind: type[Query]) -> Query:
    """Return the query string as ``kind``. Raises MalformedRequestError for unknown, repeated or malformed ones."""
    items = request.query_params.multi_items()
    values: dict[str, Any] = dict(items)
    if len(values) != len(items):
        raise MalformedRequestError("a query parameter is given twice")
    for field in _fields(kind, msgspec.inspect.DictType) - values.keys():
        # Entries of an object come as metadata[table]=7 (OpenAPI's style deepObject).
        entries = {found[1]: name for name in values if (found := re.fullmatch(rf"{field}\[(.+)\]", name, re.DOTALL))}
        if entries:
            values[field] = {entry: values.pop(name) for entry, name in entries.items()}
    for field in _fields(kind, msgspec.inspect.IntType) & values.keys():
        # A lenient conversion would take 1e9 and 1.0 for whole numbers.
        fields.read_number(values[field], fields.BITS_64, field)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedRequestError(f"query parameters: {without_values(error)}") from None
