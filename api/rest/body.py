"""Request bodies: read to a limit, decoded strictly, answered as JSON."""

import asyncio
import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.errors import MalformedRequestError, UnsupportedMediaTypeError
from api.limits import MESSAGE_BYTES_MAX
from pycore.errors import RequestTooLargeError
from pycore.payments.request import IN_WORDS

Value = TypeVar("Value")

_JSON: Final = "application/json"
_JSON_BYTES: Final = _JSON.encode()
_LONG_BYTES: Final = 64 << 10
_PATTERN: Final = re.compile(r"Expected `str` matching regex '(.*?)'( - at `\$[^`]*`)?\Z", re.DOTALL)
# What msgspec quotes of the request.
_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) .*?( - at `\$[^`]*`)?\Z", re.DOTALL)
_UNKNOWN_FIELD: Final = re.compile(
    r"(unknown field) `(?![a-z_]{1,40}`(?: - at |\Z)).*?`( - at `\$[^`]*`)?\Z", re.DOTALL
)


async def read_json(
    request: Request, decoder: msgspec.json.Decoder[Value], bytes_max: int = MESSAGE_BYTES_MAX
) -> Value:
    """Return the request's body, of ``bytes_max`` at most, as the decoder's type.

    Raises UnsupportedMediaTypeError, RequestTooLargeError, and MalformedRequestError for anything that is not exactly
    one JSON value of that type: other types, unknown or repeated fields, half a number.
    """
    _check_headers(request, bytes_max)
    body = await read_bytes(request, bytes_max)
    if not body:
        raise MalformedRequestError("the body is empty")
    try:
        value = decoder.decode(body)
        if len(body) > _LONG_BYTES:
            # Milliseconds, in which other callers are served: a thread gives the interpreter away every so often.
            await asyncio.to_thread(_STRICT.decode, body.decode())
        else:
            _STRICT.decode(body.decode())
    except RecursionError:
        raise MalformedRequestError("the JSON is nested too deeply") from None
    except ValueError as error:  # msgspec's errors, JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise MalformedRequestError(f"the body is not what this endpoint takes: {without_values(error)}") from None
    return value


def without_values(error: Exception) -> str:
    """Return what a decoder says, without what was sent: answers end up in the logs of those who get them.

    The name of a field stays where it can only be a name.
    """
    return _PATTERN.sub(_in_words, _VALUE.sub(r"\1\2", _UNKNOWN_FIELD.sub(r"\1\2", str(error))))


def _in_words(found: re.Match[str]) -> str:
    """Say what a field must be, not the pattern that checks it."""
    pattern = found[1].replace("\\\\", "\\").removeprefix("^").removesuffix("$")
    return f"Expected {IN_WORDS.get(pattern, 'another form: /docs says which')}{found[2] or ''}"


def header(request: Request, name: bytes) -> bytes | None:
    """Return a header's value as it was sent; ``name`` is in lower case."""
    for key, value in request.scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def text_header(request: Request, name: bytes) -> str | None:
    """Return a header's value as text, whatever its bytes; ``name`` is in lower case."""
    value = header(request, name)
    return None if value is None else value.decode("latin-1")


def json_response(value: Any, status: int = 200) -> Response:
    """Return ``value`` as a JSON response."""
    return Response(msgspec.json.encode(value), status, media_type=_JSON)


def _check_headers(request: Request, bytes_max: int) -> None:
    kind = header(request, b"content-type")
    if kind != _JSON_BYTES and (kind or b"").partition(b";")[0].strip().lower() != _JSON_BYTES:
        # Also what keeps a web page of another origin from posting here: a browser would have to ask first.
        raise UnsupportedMediaTypeError(f"send the body as content-type: {_JSON}")
    encoding = header(request, b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise UnsupportedMediaTypeError("send the body uncompressed, without content-encoding")
    # The parser has made sure that it is a number.
    if int(header(request, b"content-length") or 0) > bytes_max:
        _refuse_size(bytes_max)


async def read_bytes(request: Request, bytes_max: int) -> bytes:
    """Return the whole body as it came; how long it may take to arrive is the server's business.

    Raises RequestTooLargeError, and MalformedRequestError where the caller goes away meanwhile.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise MalformedRequestError("the caller went away before the body was complete")
        chunks.append(event.get("body", b""))
        size += len(chunks[-1])
        if size > bytes_max:
            _refuse_size(bytes_max)
        more = event.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _refuse_size(bytes_max: int) -> NoReturn:
    raise RequestTooLargeError(f"the body is larger than {bytes_max} bytes; split the request")


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values for one field of a payment: nobody can say which was meant, so neither is taken."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_refuse_repeated)
