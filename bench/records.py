"""Batches of transfers, made before the clock starts."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
import numpy.typing as npt

RECORD_SIZE = 128
LEDGER = 156

# 128-bit numbers are two little-endian halves, low first.
_DTYPE = np.dtype(
    [
        ("id", "<u8", 2),
        ("debit_account_id", "<u8", 2),
        ("credit_account_id", "<u8", 2),
        ("amount", "<u8", 2),
        ("pending_id", "<u8", 2),
        ("user_data_128", "<u8", 2),
        ("user_data_64", "<u8"),
        ("user_data_32", "<u4"),
        ("timeout", "<u4"),
        ("ledger", "<u4"),
        ("code", "<u2"),
        ("flags", "<u2"),
        ("timestamp", "<u8"),
    ]
)
# Of an account the bench sets only what lies at the same place: id, ledger, code, flags.
Records = npt.NDArray[np.void]

Skew = Literal["uniform", "zipf1", "zipf1.5", "zipf2", "hot50", "hot100"]
LINKED, PENDING, POST, VOID = 1, 2, 4, 8
AMOUNT_ALL = (1 << 64) - 1

_VERSION_7 = np.uint64(7 << 12)
_VARIANT = 2 << 62


def accounts(count: int, *, first: int = 1, flags: int = 0) -> Records:
    """Return the records of ``count`` accounts, their ids counted from ``first``."""
    records = np.zeros(count, _DTYPE)
    records["id"][:, 0] = np.arange(first, first + count, dtype=np.uint64)
    records["ledger"] = LEDGER
    records["code"] = 1
    records["flags"] = flags
    return records


def amount_of(batches: list[bytes]) -> int:
    """Return what the transfers of some batches move in all."""
    return int(np.frombuffer(b"".join(batches), "<u8")[6::16].sum())


class TransferSource:
    """An endless, seeded supply of transfers between accounts 1 … ``accounts``, with ids that never repeat."""

    def __init__(self, accounts: int, *, skew: Skew = "uniform", seed: int = 1) -> None:
        """The seed chooses accounts and amounts; ids are random, as those of real callers are."""
        self._accounts = accounts
        self._skew = skew
        self._random = np.random.default_rng(seed)
        self._id_random = np.random.default_rng()
        self._cumulative = _zipf(accounts, float(skew[4:])) if skew.startswith("zipf") else None

    def transfers(self, count: int, *, flags: int = 0, timeout: int = 0) -> Records:
        """Return ``count`` transfers of small amounts."""
        records = np.zeros(count, _DTYPE)
        self._number(records)
        debit, credit = self._pairs(count)
        records["debit_account_id"][:, 0] = debit + 1
        records["credit_account_id"][:, 0] = credit + 1
        records["amount"][:, 0] = self._random.integers(1, 1000, count)
        records["ledger"] = LEDGER
        records["code"] = 1
        records["flags"] = flags
        records["timeout"] = timeout
        return records

    def resolutions(self, holds: Records, flags: npt.NDArray[np.uint16]) -> Records:
        """Return what posts (in full) or voids ``holds``, by ``flags``."""
        records = np.zeros(len(holds), _DTYPE)
        self._number(records)
        records["pending_id"] = holds["id"]
        records["flags"] = flags
        # A post of "everything" is 2^128 - 1, a void of everything 0.
        records["amount"][flags == POST] = AMOUNT_ALL
        return records

    def batches(self, batch: int, count: int) -> list[bytes]:
        """Return ``count`` requests of ``batch`` transfers each."""
        data = memoryview(self.transfers(batch * count).tobytes())
        size = batch * RECORD_SIZE
        return [bytes(data[start : start + size]) for start in range(0, len(data), size)]

    def _number(self, records: Records) -> None:
        # UUIDv7 from many callers: the time, then random bits. Numbers in a row would compress better than life.
        count = len(records)
        now_ms = np.uint64(time.time_ns() // 1_000_000)
        records["id"][:, 0] = self._id_random.integers(0, _VARIANT >> 1, count, dtype=np.uint64) | np.uint64(_VARIANT)
        records["id"][:, 1] = (
            now_ms << np.uint64(16) | _VERSION_7 | self._id_random.integers(0, 1 << 12, count).astype(np.uint64)
        )

    def _pairs(self, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return indexes of debit and credit accounts, never the same in one transfer."""
        random = self._random
        if self._cumulative is not None:
            debit = np.searchsorted(self._cumulative, random.random(count))
            credit = np.searchsorted(self._cumulative, random.random(count))
            return debit, np.where(debit == credit, (credit + 1) % self._accounts, credit)
        debit = random.integers(0, self._accounts, count)
        if self._skew.startswith("hot"):
            hot = random.random(count) * 100 < int(self._skew[3:])
            debit = np.where(hot, 0, debit)
        return debit, (debit + random.integers(1, self._accounts, count)) % self._accounts


def _zipf(count: int, exponent: float) -> npt.NDArray[np.float64]:
    """Return the cumulative distribution in which account k is drawn in proportion to 1 / k^exponent."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    cumulative = np.cumsum(weights / weights.sum())
    cumulative[-1] = 1.0
    return cumulative
