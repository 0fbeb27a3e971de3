"""PostgreSQL's binary COPY format, as far as a store double needs it (PostgreSQL documentation: COPY, File Formats)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

Row = tuple[bytes | None, ...]

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_NUMERIC_POSITIVE = 0


def decode(buffer: bytes) -> Iterator[Row]:
    """Yield the rows of a whole COPY stream, every field as its bytes. Raises ValueError when it is not one."""
    if not buffer:
        return
    if not buffer.startswith(_HEADER):
        raise ValueError("no binary COPY header")
    position = len(_HEADER)
    while True:
        (count,) = struct.unpack_from(">h", buffer, position)
        position += 2
        if count == -1:
            break
        fields: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", buffer, position)
            position += 4
            fields.append(None if length < 0 else buffer[position : position + length])
            position += max(length, 0)
        yield tuple(fields)
    if position != len(buffer):
        raise ValueError(f"{len(buffer) - position} bytes after the end of the COPY stream")


def encode(rows: Iterable[Row]) -> bytes:
    """Return the COPY stream of the rows."""
    parts = [_HEADER]
    for row in rows:
        parts.append(struct.pack(">h", len(row)))
        parts += [struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field for field in row]
    return b"".join([*parts, _TRAILER])


def integer(field: bytes | None) -> int:
    """Return a smallint, integer, bigint or uuid (unsigned); 0 for NULL."""
    return 0 if field is None else int.from_bytes(field)


def numeric(field: bytes | None) -> int:
    """Return a numeric that is a whole number and not negative. Raises ValueError for any other."""
    if field is None:
        return 0
    count, weight, sign, scale = struct.unpack_from(">hhHh", field)
    digits = struct.unpack_from(f">{count}h", field, 8)
    if sign != _NUMERIC_POSITIVE or scale != 0 or len(field) != 8 + 2 * count or weight < count - 1:
        raise ValueError(f"{field.hex()} is not a whole number")
    value = 0
    for digit in digits:
        value = value * 10_000 + digit
    return value * 10_000 ** (weight - count + 1) if count else 0
