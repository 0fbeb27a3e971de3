"""Which transfers or balances of one account a query asks for."""

from __future__ import annotations

from struct import Struct

import msgspec

from pycore.errors import InvalidRecordsError
from pycore.ledger.account import halves

LIMIT_MAX = 8190

# account_id, user_data_128, user_data_64, user_data_32, code, 58 bytes reserved, times, limit, flags:
# TigerBeetle's public AccountFilter layout.
_RECORD = Struct("<4QQIH58xQQII")
_DEBITS, _CREDITS, _REVERSED = 1, 2, 4


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True):
    """One account's transfers, oldest first unless ``reversed``; zero in a field means any.

    ``timestamp_min`` and ``timestamp_max`` are nanoseconds and inclusive; ``limit`` is 1 to 8190.
    """

    account_id: int
    timestamp_min: int = 0
    timestamp_max: int = 0
    limit: int = LIMIT_MAX
    debits: bool = True
    credits: bool = True
    reversed: bool = False
    code: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0

    def pack(self) -> bytes:
        """Return the 128-byte record.

        Raises InvalidRecordsError where the filter can match nothing: no side, a limit outside 1 to 8190, a time
        range that ends before it begins, or a value that does not fit its field.
        """
        if not 1 <= self.limit <= LIMIT_MAX:
            raise InvalidRecordsError(f"limit is {self.limit}, but must be from 1 to {LIMIT_MAX}")
        if not (self.debits or self.credits):
            raise InvalidRecordsError("neither debits nor credits are asked for")
        if self.timestamp_max and self.timestamp_min > self.timestamp_max:
            raise InvalidRecordsError("timestamp_min is after timestamp_max")
        flags = _DEBITS * self.debits | _CREDITS * self.credits | _REVERSED * self.reversed
        try:
            return _RECORD.pack(
                *halves(self.account_id),
                *halves(self.user_data_128),
                self.user_data_64,
                self.user_data_32,
                self.code,
                self.timestamp_min,
                self.timestamp_max,
                self.limit,
                flags,
            )
        except Exception as error:
            raise InvalidRecordsError(f"account filter: a value does not fit its field ({error})") from error
