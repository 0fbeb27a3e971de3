"""The state of the reference ledger: dictionaries whose every change can be taken back."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar

from tests.model.records import Account, AccountBalance, Transfer

_MISSING = object()
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class HoldOutcome(IntEnum):
    """What became of a pending transfer."""

    NONE = 0
    OPEN = 1
    POSTED = 2
    VOIDED = 3
    EXPIRED = 4


class Tables:
    """Everything the ledger knows. Changed only by ``put`` and ``drop``, which note what was there before."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.account_timestamps: dict[int, int] = {}
        self.transfers: dict[int, Transfer] = {}
        self.transfer_timestamps: dict[int, int] = {}
        self.outcomes: dict[int, HoldOutcome] = {}
        self.open_holds: dict[int, int] = {}
        """Open holds by id, with the nanosecond they expire at (0: never)."""
        self.failed: dict[int, int] = {}
        """Ids of transfers that failed for a passing reason, with the timestamp of the attempt."""
        self.balances: dict[tuple[int, int], AccountBalance] = {}
        """Balance history by (account id, timestamp)."""
        self.clock = {"last": 0, "account": 0, "transfer": 0}
        """The last timestamp handed out, and those of the last account and the last transfer."""
        self._changes: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[_Key, _Value], key: _Key, value: _Value) -> None:
        """Set ``table[key]``."""
        self._changes.append((table, key, table.get(key, _MISSING)))
        table[key] = value

    def drop(self, table: dict[_Key, _Value], key: _Key) -> None:
        """Remove ``table[key]``."""
        self._changes.append((table, key, table.pop(key)))

    def mark(self) -> int:
        """Return a point in time to go back to."""
        return len(self._changes)

    def undo(self, mark: int = 0) -> None:
        """Take back every change since ``mark``, the latest first."""
        while len(self._changes) > mark:
            table, key, previous = self._changes.pop()
            if previous is _MISSING:
                del table[key]
            else:
                table[key] = previous

    def keep(self) -> None:
        """Forget how to take changes back."""
        self._changes.clear()
