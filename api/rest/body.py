"""Request bodies: read to a limit, decoded strictly, answered as JSON."""

import asyncio
import json
from typing import Any, NoReturn, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.errors import MalformedRequestError, RequestTimeoutError, UnsupportedMediaTypeError
from api.limits import HTTP_RECEIVE_SECONDS_MAX, MESSAGE_BYTES_MAX
from pycore.errors import RequestTooLargeError

Value = TypeVar("Value")

_JSON = "application/json"


async def read_json(request: Request, decoder: msgspec.json.Decoder[Value]) -> Value:
    """Return the request's body as the decoder's type.

    Raises UnsupportedMediaTypeError, RequestTooLargeError, RequestTimeoutError, and MalformedRequestError for anything
    that is not exactly one JSON value of that type: other types, unknown or repeated fields, half a number.
    """
    _check_headers(request)
    body = await _read(request)
    if not body:
        raise MalformedRequestError("the body is empty")
    try:
        value = decoder.decode(body)
        json.loads(body, object_pairs_hook=_refuse_repeated)
    except RecursionError:
        raise MalformedRequestError("the JSON is nested too deeply") from None
    except ValueError as error:  # msgspec's errors, JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise MalformedRequestError(f"the body is not what this endpoint takes: {error}") from None
    return value


def json_response(value: Any, status: int = 200) -> Response:
    """Return ``value`` as a JSON response."""
    return Response(msgspec.json.encode(value), status, media_type=_JSON)


def _check_headers(request: Request) -> None:
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        # Also what keeps a web page of another origin from posting here: a browser would have to ask first.
        raise UnsupportedMediaTypeError(f"send the body as content-type: {_JSON}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("send the body uncompressed, without content-encoding")
    length = headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:20]) > MESSAGE_BYTES_MAX:
        _refuse_size()


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(HTTP_RECEIVE_SECONDS_MAX):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MESSAGE_BYTES_MAX:
                    _refuse_size()
                chunks.append(chunk)
    except TimeoutError:
        raise RequestTimeoutError(f"the body did not arrive within {HTTP_RECEIVE_SECONDS_MAX:.0f} seconds") from None
    except ClientDisconnect:
        raise MalformedRequestError("the caller went away before the body was complete") from None
    return b"".join(chunks)


def _refuse_size() -> NoReturn:
    raise RequestTooLargeError(f"the body is larger than {MESSAGE_BYTES_MAX} bytes; split the request")


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values for one field of a payment: nobody can say which was meant, so neither is taken."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {repeated!r} is given twice")
    return fields
