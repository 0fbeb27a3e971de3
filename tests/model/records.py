"""The records of the reference ledger: accounts, transfers and balances as plain tuples, and their 128-byte form.

Written from the public description of the records, not from ``pycore.ledger``: where the two disagree a test fails.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from pycore.ledger.status import CreateAccountStatus, CreateTransferStatus

U128_MAX: Final = (1 << 128) - 1
U64: Final = (1 << 64) - 1
RECORD_SIZE: Final = 128

CREATE_ACCOUNTS: Final = 1
CREATE_TRANSFERS: Final = 2

ACCOUNT_LINKED: Final = 1
DEBITS_MUST_NOT_EXCEED_CREDITS: Final = 2
CREDITS_MUST_NOT_EXCEED_DEBITS: Final = 4
HISTORY: Final = 8
ACCOUNT_IMPORTED: Final = 16
CLOSED: Final = 32
ACCOUNT_FLAGS_ALL: Final = 63

LINKED: Final = 1
PENDING: Final = 2
POST_PENDING: Final = 4
VOID_PENDING: Final = 8
BALANCING_DEBIT: Final = 16
BALANCING_CREDIT: Final = 32
CLOSING_DEBIT: Final = 64
CLOSING_CREDIT: Final = 128
IMPORTED: Final = 256
TRANSFER_FLAGS_ALL: Final = 511

_CATALOGUES: Final[dict[int, type[CreateAccountStatus | CreateTransferStatus]]] = {
    CREATE_ACCOUNTS: CreateAccountStatus,
    CREATE_TRANSFERS: CreateTransferStatus,
}
_RECORD = Struct("<12QQIIIHHQ")
_BALANCE = Struct("<8QQ56x")
_RESULT = Struct("<QII")


class Account(NamedTuple):
    """An account, in the order of its record's fields."""

    id: int
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    reserved: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    timestamp: int = 0


class Transfer(NamedTuple):
    """A transfer, in the order of its record's fields."""

    id: int
    debit_account_id: int = 0
    credit_account_id: int = 0
    amount: int = 0
    pending_id: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    timeout: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    timestamp: int = 0


class AccountBalance(NamedTuple):
    """An account's balances right after the transfer with that timestamp."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp: int


Unit = tuple[int, list[Account]] | tuple[int, list[Transfer]]
"""One request: the operation and its events."""

Result = tuple[int, CreateAccountStatus | CreateTransferStatus]
"""One event's result: timestamp and status."""


def pack_record(record: Account | Transfer) -> bytes:
    """Return the record's 128 bytes; accounts and transfers have the same shape: six wide numbers, seven narrow."""
    a, b, c, d, e, f, *narrow = record
    wide = (a & U64, a >> 64, b & U64, b >> 64, c & U64, c >> 64, d & U64, d >> 64, e & U64, e >> 64, f & U64, f >> 64)
    return _RECORD.pack(*wide, *narrow)


def pack_records(records: list[Account] | list[Transfer]) -> bytes:
    """Return the records' bytes, one after the other."""
    return b"".join(map(pack_record, records))


def pack_units(units: list[Unit]) -> list[tuple[int, bytes]]:
    """Return the requests as the engine takes them."""
    return [(operation, pack_records(events)) for operation, events in units]


def unpack_account(record: bytes) -> Account:
    """Return the account in a 128-byte record."""
    return Account(*_unpack(record))


def unpack_transfer(record: bytes) -> Transfer:
    """Return the transfer in a 128-byte record."""
    return Transfer(*_unpack(record))


def _unpack(record: bytes) -> tuple[int, ...]:
    fields = _RECORD.unpack(record)
    return (*(fields[i] | fields[i + 1] << 64 for i in range(0, 12, 2)), *fields[12:])


def unpack_balances(records: bytes) -> list[AccountBalance]:
    """Return the balances in whole 128-byte records."""
    return [
        AccountBalance(a | b << 64, c | d << 64, e | f << 64, g | h << 64, timestamp)
        for a, b, c, d, e, f, g, h, timestamp in _BALANCE.iter_unpack(records)
    ]


def pack_results(results: list[Result]) -> bytes:
    """Return the results' bytes, 16 each."""
    return b"".join([_RESULT.pack(timestamp, status, 0) for timestamp, status in results])


def unpack_results(units: list[Unit], results: bytes) -> list[Result]:
    """Return packed 16-byte results of the units' events as (timestamp, status)."""
    catalogues = [catalogue for operation, events in units for catalogue in [_CATALOGUES[operation]] * len(events)]
    rows = zip(catalogues, _RESULT.iter_unpack(results), strict=True)
    return [(timestamp, catalogue(status)) for catalogue, (timestamp, status, _) in rows]
