"""128-bit ids: made so that their creation time leads, written as UUID text.

An id's top 48 bits are milliseconds since 1970 (UUIDv7, RFC 9562 section 5.7). The ledger uses that time to know which
ids it must still hold in memory, so callers should make ids with ``new_id`` when they form the request and keep them
for every retry. Inside the library an id is an ``int``; people and JSON see UUID text.
"""

import os
import re

from pycore._core import IdGenerator

ID_MAX = 2**128 - 1
"""The largest 128-bit value; like zero it is reserved and never a valid id of a record."""

_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_HEX_DIGITS = re.compile(r"[0-9a-f]{32}")
_DECIMAL_TEXT = re.compile(r"0|[1-9][0-9]{0,38}")


IDS = IdGenerator()
"""Makes this process's ids; they only grow."""

# Two processes must never draw the same numbers.
os.register_at_fork(after_in_child=IDS.forget_randomness)

new_id = IDS.new_id
"""Return a new id; ids of one process only grow."""


def id_time_ms(identifier: int) -> int:
    """Return the creation time an id carries: its top 48 bits, milliseconds since 1970."""
    return identifier >> 80


def format_id(identifier: int) -> str:
    """Return the UUID text of a 128-bit id, for example ``00000000-0000-0000-0000-000000000001`` for 1.

    Raises:
        ValueError: the number is negative or does not fit 128 bits.
    """
    if not 0 <= identifier <= ID_MAX:
        raise ValueError(f"an id is a number from 0 to 2^128 - 1, not {identifier}")
    digits = f"{identifier:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_id(text: str) -> int:
    """Return the id written as UUID text or as decimal digits (ASCII only, no sign, no leading zeros, no spaces).

    Zero and the greatest value are parsed: whether they are allowed is decided where the id is used.

    Raises:
        ValueError: the text is neither, or the number does not fit 128 bits.
    """
    if _UUID_TEXT.fullmatch(text):
        return int(text.replace("-", ""), 16)
    if _DECIMAL_TEXT.fullmatch(text):
        identifier = int(text)
        if identifier <= ID_MAX:
            return identifier
    raise ValueError("not an id: write it as UUID text or as decimal digits below 2^128")


def format_typed_id(prefix: str, identifier: int) -> str:
    """Return an id as the outside world sees it: ``pay_`` and 32 hexadecimal digits."""
    return f"{prefix}_{identifier:032x}"


def parse_typed_id(prefix: str, text: str) -> int:
    """Return the id in ``text``.

    Raises:
        ValueError: it is not ``prefix``, an underscore and 32 lower-case hexadecimal digits.
    """
    head, _, digits = text.partition("_")
    if head != prefix or not _HEX_DIGITS.fullmatch(digits):
        raise ValueError(f"not an id that begins with {prefix}_")
    return int(digits, 16)
