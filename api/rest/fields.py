"""Numbers and ids as JSON carries them.

JSON numbers lose digits beyond 2^53 in many languages, so everything wider than 32 bits leaves as text: ids as UUIDs,
amounts, times and 64-bit values as decimal digits. They may come in as text or as JSON integers.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Annotated, Any, Final

from msgspec import Meta

from api.errors import MalformedRequestError
from pycore.ids import format_id, parse_id

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,38}", re.ASCII)

# Patterns and maxima are only told, in the OpenAPI document; the functions below check, and name the field.
_UUID_OR_DECIMAL: Final = "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0|[1-9][0-9]{0,38})$"


_DIGITS_128: Final = "^(0|[1-9][0-9]{0,38})$"
_DIGITS_64: Final = "^(0|[1-9][0-9]{0,19})$"
_Integer128 = Annotated[int, Meta(ge=0), Meta(extra_json_schema={"maximum": 2**128 - 1})]
_Text128 = Annotated[str, Meta(max_length=39), Meta(extra_json_schema={"pattern": _DIGITS_128})]
Integer64 = Annotated[int, Meta(ge=0), Meta(extra_json_schema={"maximum": 2**64 - 1})]
_Text64 = Annotated[str, Meta(max_length=20), Meta(extra_json_schema={"pattern": _DIGITS_64})]

Id = Annotated[
    str,
    Meta(
        title="Id",
        description="A 128-bit id: UUID text, or decimal digits.",
        max_length=39,
        examples=["0199d3c0-5f6e-7c3a-9b1d-2f4e6a8c0b1d"],
        extra_json_schema={"pattern": _UUID_OR_DECIMAL},
    ),
]
Amount = Annotated[
    _Integer128 | _Text128,
    Meta(
        title="Amount",
        description="Minor units, 0 to 2^128 - 1: decimal digits, or a JSON integer.",
        examples=["1999"],
    ),
]
Unsigned64 = Annotated[
    Integer64 | _Text64,
    Meta(title="Unsigned64", description="0 to 2^64 - 1: decimal digits, or a JSON integer.", examples=["0"]),
]
Timestamp = Annotated[
    Integer64 | _Text64,
    Meta(
        title="Timestamp",
        description="Nanoseconds since 1970: decimal digits, or a JSON integer.",
        examples=["1767225600000000000"],
    ),
]
Unsigned32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Unsigned16 = Annotated[int, Meta(ge=0, le=2**16 - 1)]

IdText = Annotated[str, Meta(description="A 128-bit id.", examples=["0199d3c0-5f6e-7c3a-9b1d-2f4e6a8c0b1d"])]
AmountText = Annotated[str, Meta(description="Minor units.", pattern="^[0-9]+$", examples=["1999"])]
Unsigned64Text = Annotated[str, Meta(description="0 to 2^64 - 1.", pattern="^[0-9]+$", examples=["0"])]
TimestampText = Annotated[
    str, Meta(description="Nanoseconds since 1970.", pattern="^[0-9]+$", examples=["1767225600000000000"])
]

BITS_64: Final = 64
BITS_128: Final = 128


def read_id(value: str | None, field: str) -> int:
    """Return the id; absent is 0. Raises MalformedRequestError naming ``field``."""
    if value is None:
        return 0
    try:
        return parse_id(value)
    except ValueError as error:
        raise MalformedRequestError(f"{field}: {error}") from None


def read_number(value: int | str, bits: int, field: str) -> int:
    """Return an unsigned number of so many bits. Raises MalformedRequestError naming ``field``."""
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise MalformedRequestError(f"{field}: not a whole number in decimal digits")
        value = int(value)
    if value >> bits:
        raise MalformedRequestError(f"{field}: not from 0 to 2^{bits} - 1")
    return value


def write_id(number: int) -> str | None:
    """Return an id's UUID text; 0 is absent."""
    return format_id(number) if number else None


def flag_names(flags: type[IntFlag]) -> dict[str, int]:
    """Return the flags by their lower-case names."""
    return {name.lower(): flag.value for name, flag in flags.__members__.items()}


def read_flags(value: int | Sequence[str], names: Mapping[str, int]) -> int:
    """Return the bits of a number, or of a list of names that were already found to be valid."""
    if isinstance(value, int):
        return value
    return sum({names[name] for name in value})


def write_flags(bits: int, names: Mapping[str, int]) -> list[Any]:
    """Return the names of the bits that are set."""
    return [name for name, bit in names.items() if bits & bit]
