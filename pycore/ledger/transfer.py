"""A transfer: an immutable move of one amount from one account to another."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from struct import Struct

import msgspec

from pycore.errors import InvalidRecordsError

AMOUNT_MAX = (1 << 128) - 1
"""As the amount of a posting transfer or a balancing one: as much as there is."""

# The order is TigerBeetle's public Transfer layout.
_RECORD = Struct("<12QQIIIHHQ")
_PACKED = Struct("<16s16s16s16s16s16sQIIIHHQ")


class TransferFlags(IntFlag):
    """What a transfer does; the meaning of each flag is TigerBeetle's (reference: Transfer, flags)."""

    LINKED = 1
    PENDING = 2
    POST_PENDING_TRANSFER = 4
    VOID_PENDING_TRANSFER = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    CLOSING_DEBIT = 64
    CLOSING_CREDIT = 128
    IMPORTED = 256


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer.

    | field | unit | note |
    |---|---|---|
    | ``id`` | – | time-ordered (``pycore.ids.new_id``); unique for ever |
    | ``amount`` | minor units | the ledger stores what actually moved |
    | ``pending_id`` | – | the hold a post or void refers to |
    | ``timeout`` | seconds | how long a hold lives; 0: until posted or voided |
    | ``ledger``, ``code`` | ISO 4217 numeric code; business reason | not zero, except in a post or void |
    | ``timestamp`` | nanoseconds since 1970 | set by the ledger, except for ``imported`` transfers |
    """

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

    def pack(self) -> bytes:
        """Return the 128-byte record. Raises InvalidRecordsError where a value does not fit its field."""
        try:
            return _PACKED.pack(
                self.id.to_bytes(16, "little"),
                self.debit_account_id.to_bytes(16, "little"),
                self.credit_account_id.to_bytes(16, "little"),
                self.amount.to_bytes(16, "little"),
                self.pending_id.to_bytes(16, "little"),
                self.user_data_128.to_bytes(16, "little"),
                self.user_data_64,
                self.user_data_32,
                self.timeout,
                self.ledger,
                self.code,
                self.flags,
                self.timestamp,
            )
        except Exception as error:
            raise InvalidRecordsError(f"transfer {self.id}: a value does not fit its field ({error})") from error


def pack_transfers(transfers: Iterable[Transfer]) -> bytes:
    """Return the records of ``transfers``, one after the other. Raises InvalidRecordsError."""
    return b"".join([transfer.pack() for transfer in transfers])


def unpack_transfers(records: bytes) -> list[Transfer]:
    """Return the transfers in ``records`` (a whole number of 128-byte records)."""
    return [
        Transfer(
            id=fields[0] | fields[1] << 64,
            debit_account_id=fields[2] | fields[3] << 64,
            credit_account_id=fields[4] | fields[5] << 64,
            amount=fields[6] | fields[7] << 64,
            pending_id=fields[8] | fields[9] << 64,
            user_data_128=fields[10] | fields[11] << 64,
            user_data_64=fields[12],
            user_data_32=fields[13],
            timeout=fields[14],
            ledger=fields[15],
            code=fields[16],
            flags=fields[17],
            timestamp=fields[18],
        )
        for fields in _RECORD.iter_unpack(records)
    ]
