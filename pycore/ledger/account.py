"""An account: a place where balances accumulate."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from struct import Struct

import msgspec

from pycore.errors import InvalidRecordsError

RECORD_SIZE = 128
MASK_64 = (1 << 64) - 1

# Every 128-bit number is two little-endian halves, low first; the order is TigerBeetle's public Account layout.
_RECORD = Struct("<12QQIIIHHQ")
_BALANCE = Struct("<8QQ56x")


class AccountFlags(IntFlag):
    """How an account behaves; the meaning of each flag is TigerBeetle's (reference: Account, flags)."""

    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    IMPORTED = 16
    CLOSED = 32


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account.

    | field | unit | who sets it |
    |---|---|---|
    | ``id``, ``user_data_*``, ``code``, ``flags`` | – | the caller |
    | ``ledger`` | ISO 4217 numeric code, or an own code from 1000 | the caller |
    | ``debits_*``, ``credits_*`` | minor units | the ledger; zero in a request |
    | ``timestamp`` | nanoseconds since 1970 | the ledger; the caller only for ``imported`` accounts |
    """

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

    @property
    def debit_balance(self) -> int:
        """Posted debits less posted credits, in minor units."""
        return self.debits_posted - self.credits_posted

    @property
    def credit_balance(self) -> int:
        """Posted credits less posted debits, in minor units."""
        return self.credits_posted - self.debits_posted

    def pack(self) -> bytes:
        """Return the 128-byte record. Raises InvalidRecordsError where a value does not fit its field."""
        try:
            return _RECORD.pack(
                *halves(self.id),
                *halves(self.debits_pending),
                *halves(self.debits_posted),
                *halves(self.credits_pending),
                *halves(self.credits_posted),
                *halves(self.user_data_128),
                self.user_data_64,
                self.user_data_32,
                self.reserved,
                self.ledger,
                self.code,
                self.flags,
                self.timestamp,
            )
        except Exception as error:
            raise InvalidRecordsError(f"account {self.id}: a value does not fit its field ({error})") from error


class AccountBalance(msgspec.Struct, frozen=True, kw_only=True):
    """An account's balances in minor units, right after the transfer with that timestamp."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp: int


def halves(number: int) -> tuple[int, int]:
    """Return a 128-bit number's low and high 64 bits. Raises ValueError when it has more."""
    high = number >> 64
    if not 0 <= high <= MASK_64:
        raise ValueError(f"{number} is not an unsigned 128-bit number")
    return number & MASK_64, high


def pack_accounts(accounts: Iterable[Account]) -> bytes:
    """Return the records of ``accounts``, one after the other. Raises InvalidRecordsError."""
    return b"".join([account.pack() for account in accounts])


def unpack_accounts(records: bytes) -> list[Account]:
    """Return the accounts in ``records`` (a whole number of 128-byte records)."""
    return [
        Account(
            id=fields[0] | fields[1] << 64,
            debits_pending=fields[2] | fields[3] << 64,
            debits_posted=fields[4] | fields[5] << 64,
            credits_pending=fields[6] | fields[7] << 64,
            credits_posted=fields[8] | fields[9] << 64,
            user_data_128=fields[10] | fields[11] << 64,
            user_data_64=fields[12],
            user_data_32=fields[13],
            reserved=fields[14],
            ledger=fields[15],
            code=fields[16],
            flags=fields[17],
            timestamp=fields[18],
        )
        for fields in _RECORD.iter_unpack(records)
    ]


def unpack_balances(records: bytes) -> list[AccountBalance]:
    """Return the balances in ``records`` (a whole number of 128-byte records)."""
    return [
        AccountBalance(
            debits_pending=fields[0] | fields[1] << 64,
            debits_posted=fields[2] | fields[3] << 64,
            credits_pending=fields[4] | fields[5] << 64,
            credits_posted=fields[6] | fields[7] << 64,
            timestamp=fields[8],
        )
        for fields in _BALANCE.iter_unpack(records)
    ]


def pack_balance(balance: AccountBalance) -> bytes:
    """Return the 128-byte record of a balance."""
    return _BALANCE.pack(
        *halves(balance.debits_pending),
        *halves(balance.debits_posted),
        *halves(balance.credits_pending),
        *halves(balance.credits_posted),
        balance.timestamp,
    )
