"""A plain, slow, obviously correct ledger: what the engine is compared with.

Written from the public reference and our list of departures (docs/decisions.md), never from the engine's source.
Dictionaries and integers only; every rule is a line of its own, in order of precedence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pycore.ledger.status import CreateAccountStatus, CreateTransferStatus
from tests.model.create_account import create_account
from tests.model.create_transfer import TIMESTAMP_END, create_transfer
from tests.model.post_or_void import release
from tests.model.records import (
    ACCOUNT_IMPORTED,
    CREATE_ACCOUNTS,
    IMPORTED,
    LINKED,
    Account,
    AccountBalance,
    Result,
    Transfer,
    Unit,
)
from tests.model.tables import HoldOutcome, Tables

EXPIRIES_PER_BATCH = 8190

# Each operation has a catalogue of its own; the codes both have differ in number.
_Statuses = type[CreateAccountStatus] | type[CreateTransferStatus]

TRANSIENT = frozenset(
    {
        CreateTransferStatus.DEBIT_ACCOUNT_NOT_FOUND,
        CreateTransferStatus.CREDIT_ACCOUNT_NOT_FOUND,
        CreateTransferStatus.PENDING_TRANSFER_NOT_FOUND,
        CreateTransferStatus.EXCEEDS_CREDITS,
        CreateTransferStatus.EXCEEDS_DEBITS,
        CreateTransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED,
        CreateTransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED,
    }
)
"""Failures that depend on the moment: the id is used up by them, so that a retry cannot end differently."""


class ReferenceLedger:
    """The whole ledger in memory. ``apply`` one batch, then ``commit`` or ``rollback`` it."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.expired = 0
        """How many holds the last batch expired."""

    @property
    def last_timestamp(self) -> int:
        """The last timestamp handed out."""
        return self.tables.clock["last"]

    def apply(self, units: list[Unit], now: int) -> list[Result]:
        """Apply the requests in order as one batch. Return (timestamp, status) for every event."""
        assert self.tables.mark() == 0, "a batch is in flight"
        batch_time = max(now, self.last_timestamp + 1)
        self.expired = self._expire(batch_time)
        timestamp = batch_time + self.expired
        results: list[Result] = []
        for operation, events in units:
            results += self._apply_unit(operation, events, timestamp, batch_time)
            timestamp += len(events)
        self.tables.put(self.tables.clock, "last", max(batch_time, timestamp - 1))
        return results

    def commit(self) -> None:
        """The batch is durable."""
        self.tables.keep()

    def rollback(self) -> None:
        """The batch never happened."""
        self.tables.undo()

    def account(self, account_id: int) -> Account | None:
        """Return the account as it is now."""
        return self.tables.accounts.get(account_id)

    def transfer(self, transfer_id: int) -> tuple[Transfer, HoldOutcome] | None:
        """Return a transfer as it was recorded, and what became of it if it is a hold."""
        transfer = self.tables.transfers.get(transfer_id)
        if transfer is None:
            return None
        return transfer, self.tables.outcomes.get(transfer_id, HoldOutcome.NONE)

    def open_holds(self) -> list[Transfer]:
        """Return the holds neither posted, voided nor expired, the oldest first."""
        holds = [self.tables.transfers[hold_id] for hold_id in self.tables.open_holds]
        return sorted(holds, key=lambda hold: hold.timestamp)

    def balances(self, account_id: int) -> list[AccountBalance]:
        """Return a history account's balances after each transfer that touched it, the oldest first."""
        rows = [balance for (owner, _), balance in self.tables.balances.items() if owner == account_id]
        return sorted(rows, key=lambda balance: balance.timestamp)

    def _expire(self, batch_time: int) -> int:
        tables = self.tables
        due = sorted(
            (expires_at, tables.transfers[hold_id].timestamp, hold_id)
            for hold_id, expires_at in tables.open_holds.items()
            if 0 < expires_at <= batch_time
        )[:EXPIRIES_PER_BATCH]
        for _, _, hold_id in due:
            for account in release(tables, tables.transfers[hold_id], HoldOutcome.EXPIRED):
                tables.put(tables.accounts, account.id, account)
        return len(due)

    def _apply_unit(
        self, operation: int, events: Sequence[Account | Transfer], first_timestamp: int, batch_time: int
    ) -> list[Result]:
        """Apply one request: chains and the imported mode reach no further than this."""
        statuses: _Statuses = CreateAccountStatus if operation == CREATE_ACCOUNTS else CreateTransferStatus
        unit_is_imported = _is_imported(operation, events[0])
        results: list[Result] = []
        chain_start: int | None = None
        chain_broken = False
        chain_mark = 0
        for index, event in enumerate(events):
            timestamp = first_timestamp + index
            linked = bool(event.flags & LINKED)
            if linked and chain_start is None:
                chain_start, chain_broken, chain_mark = index, False, self.tables.mark()

            result: Result
            if linked and index == len(events) - 1:
                result = (timestamp, statuses.LINKED_EVENT_CHAIN_OPEN)
            elif chain_broken:
                result = (timestamp, statuses.LINKED_EVENT_FAILED)
            else:
                result = self._apply_event(operation, event, timestamp, batch_time, unit_is_imported)

            if chain_start is not None and not chain_broken and result[1] != statuses.CREATED:
                chain_broken = True
                self.tables.undo(chain_mark)
                for undone in range(chain_start, index):
                    results[undone] = (first_timestamp + undone, statuses.LINKED_EVENT_FAILED)
            if operation != CREATE_ACCOUNTS and result[1] in TRANSIENT:
                self.tables.put(self.tables.failed, event.id, timestamp)
            results.append(result)
            if not linked:
                chain_start, chain_broken = None, False
        return results

    def _apply_event(
        self, operation: int, event: Account | Transfer, timestamp: int, batch_time: int, unit_is_imported: bool
    ) -> Result:
        statuses: _Statuses = CreateAccountStatus if operation == CREATE_ACCOUNTS else CreateTransferStatus
        event_is_imported = _is_imported(operation, event)
        if unit_is_imported and not event_is_imported:
            return timestamp, statuses.IMPORTED_EVENT_EXPECTED
        if event_is_imported and not unit_is_imported:
            return timestamp, statuses.IMPORTED_EVENT_NOT_EXPECTED
        if event_is_imported:
            if not 0 < event.timestamp < TIMESTAMP_END:
                return timestamp, statuses.IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE
            if event.timestamp >= timestamp:
                return timestamp, statuses.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE
        elif event.timestamp != 0:
            return timestamp, statuses.TIMESTAMP_MUST_BE_ZERO
        if operation == CREATE_ACCOUNTS:
            return create_account(self.tables, cast(Account, event), timestamp)
        return create_transfer(self.tables, cast(Transfer, event), timestamp, batch_time)


def _is_imported(operation: int, event: Account | Transfer) -> bool:
    return bool(event.flags & (ACCOUNT_IMPORTED if operation == CREATE_ACCOUNTS else IMPORTED))
