"""Messages of ``pycore.ledger.v1`` that are small or rare; those with many items are read and written in Rust.

Written by hand against the protobuf encoding (protobuf.dev, "Encoding"), so that the library needs no generated code;
a test compares every one of them with the generated classes.
"""

from collections.abc import Iterator, Sequence
from struct import Struct

from pycore.ledger import AccountBalance, AccountFilter, LedgerTotals

# Field 1, length 18: a Uint128 with both halves, each a tag and eight bytes.
_ID = Struct("<3sQcQ")
_ID_HEAD, _HIGH_TAG = b"\x0a\x12\x09", b"\x11"
_MASK_64 = (1 << 64) - 1

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def write_ids(ids: Sequence[int]) -> bytes:
    """Return a ``LookupAccountsRequest`` or ``LookupTransfersRequest``."""
    return b"".join([_ID.pack(_ID_HEAD, id & _MASK_64, _HIGH_TAG, id >> 64) for id in ids])


def write_filter(filter: AccountFilter) -> bytes:
    """Return a ``GetAccountTransfersRequest`` or ``GetAccountBalancesRequest``. Raises InvalidRecordsError."""
    filter.pack()
    message = b"".join(
        (
            _bytes_field(1, _uint128(filter.account_id)),
            _bytes_field(2, _uint128(filter.user_data_128)),
            _tag(3, _FIXED_64) + filter.user_data_64.to_bytes(8, "little"),
            _tag(4, _FIXED_32) + filter.user_data_32.to_bytes(4, "little"),
            _tag(5, _VARINT) + _varint(filter.code),
            _tag(6, _FIXED_64) + filter.timestamp_min.to_bytes(8, "little"),
            _tag(7, _FIXED_64) + filter.timestamp_max.to_bytes(8, "little"),
            _tag(8, _VARINT) + _varint(filter.limit),
            _tag(9, _VARINT) + _varint(not filter.debits),
            _tag(10, _VARINT) + _varint(not filter.credits),
            _tag(11, _VARINT) + _varint(filter.reversed),
        )
    )
    return _bytes_field(1, message)


def read_balances(response: bytes) -> list[AccountBalance]:
    """Return the balances of a ``GetAccountBalancesResponse``. Raises ValueError."""
    return [_balance(value) for number, value in _fields(response) if number == 1 and isinstance(value, bytes)]


def read_totals(response: bytes) -> list[LedgerTotals]:
    """Return the totals of a ``GetTrialBalanceResponse``. Raises ValueError."""
    return [_totals(value) for number, value in _fields(response) if number == 1 and isinstance(value, bytes)]


def _balance(message: bytes) -> AccountBalance:
    values = dict(_fields(message))
    return AccountBalance(
        debits_pending=_read_uint128(values.get(1, b"")),
        debits_posted=_read_uint128(values.get(2, b"")),
        credits_pending=_read_uint128(values.get(3, b"")),
        credits_posted=_read_uint128(values.get(4, b"")),
        timestamp=int(values.get(5, 0)),
    )


def _totals(message: bytes) -> LedgerTotals:
    values = dict(_fields(message))
    return LedgerTotals(
        ledger=int(values.get(1, 0)),
        accounts=int(values.get(2, 0)),
        debits_pending=int(values.get(3, b"0")),
        debits_posted=int(values.get(4, b"0")),
        credits_pending=int(values.get(5, b"0")),
        credits_posted=int(values.get(6, b"0")),
    )


def _uint128(number: int) -> bytes:
    return _ID.pack(_ID_HEAD, number & _MASK_64, _HIGH_TAG, number >> 64)[2:]


def _read_uint128(value: int | bytes) -> int:
    if not isinstance(value, bytes):
        raise ValueError("a 128-bit number is not a message")  # noqa: TRY004 - what is wrong is the bytes, not a type
    halves = dict(_fields(value))
    return int(halves.get(1, 0)) | int(halves.get(2, 0)) << 64


def _bytes_field(number: int, value: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield a message's fields: numbers for numeric ones, bytes for texts and messages."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(message, position)
        else:
            length = {_FIXED_64: 8, _FIXED_32: 4}.get(kind, len(message))
        end = position + length
        if end > len(message):
            raise ValueError("the message ends in the middle of a field")
        content = message[position:end]
        yield tag >> 3, content if kind == _BYTES else int.from_bytes(content, "little")
        position = end


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("the message ends in the middle of a number")
