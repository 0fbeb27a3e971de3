"""JSON from outside, read so that nobody can mean two things with it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Final, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from pycore.channels.failure import NotTrustedError

Value = TypeVar("Value")

Id = Annotated[str, Meta(pattern=r"^[!-~]{1,64}\Z")]
"""A number, a code or a state: printable ASCII."""
Link = Annotated[str, Meta(pattern=r"^[!-~]{1,2048}\Z")]
"""An address, or what a code to be shown holds: printable ASCII."""
Text = Annotated[str, Meta(max_length=2048)]
"""Words for people, and times before they are read."""


def read_object(body: bytes | str) -> dict[str, Any]:
    """Return the one JSON object in ``body``.

    Raises NotTrustedError for repeated names, NaN, half a surrogate pair, other values than an object, anything after
    it, or no JSON at all.
    """
    try:
        text = body if isinstance(body, str) else body.decode()
        value = _STRICT.decode(text)
        if "\\ud" in text.lower():
            msgspec.json.decode(text)  # Python takes half a pair, which no database and no other parser does
    except (ValueError, RecursionError):  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise NotTrustedError("not_json") from None
    if not isinstance(value, dict):
        raise NotTrustedError("not_json")
    return value


def read(body: bytes | str, kind: type[Value]) -> Value:
    """Return the JSON object in ``body`` as ``kind``; fields it does not name are skipped. Raises NotTrustedError."""
    return convert(read_object(body), kind)


def convert(value: Any, kind: type[Value]) -> Value:
    """Return ``value`` as ``kind``, exact types only. Raises NotTrustedError."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError):
        raise NotTrustedError("wrong_fields") from None


def raw_members(body: bytes | str) -> dict[str, str]:
    """Return the members of the JSON object in ``body``, each value as the text it was sent as.

    A signature over part of a document is one over its text; writing it again would give another text.
    Raises NotTrustedError like ``read_object``.
    """
    names = read_object(body)
    text = body if isinstance(body, str) else body.decode()
    members: dict[str, str] = {}
    at = _after_space(text, text.index("{") + 1)
    for name in names:
        _, at = _STRICT.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, at = _STRICT.raw_decode(text, start)
        members[name] = text[start:at]
        at = _after_space(text, _after_space(text, at) + 1)
    return members


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not a number")


# Numbers with a fraction stay decimal: no float comes near money, and none passes for an integer.
_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_refuse_repeated, parse_float=Decimal, parse_constant=_refuse_constant
)
