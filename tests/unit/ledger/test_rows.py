"""Rows of a domain become durable together with the transfers they belong to, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import pytest

from pycore.errors import (
    DeadlineExceededError,
    InvalidRecordsError,
    LedgerUnavailableError,
    RequestTooLargeError,
)
from pycore.ledger import CreateTransferStatus, Operation, Rows
from pycore.ledger.status import unpack_transfer_results
from tests.unit.ledger.conftest import OpenLedger, account, crash, transfer

INSERT = "INSERT INTO notes (id, status) SELECT * FROM unnest($1::bigint[], $2::bigint[])"
CHANGE = (
    "UPDATE notes SET status = change.status FROM unnest($1::bigint[], $2::bigint[]) AS change (id, status)"
    " WHERE notes.id = change.id"
)


async def test_rows_are_written_once_per_table_and_know_the_results(open_ledger: OpenLedger, database_dsn: str) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, status bigint NOT NULL)")

    def note(id: int) -> Sequence[Rows]:
        return lambda results: [Rows(INSERT, [(id, unpack_transfer_results(results)[0].status)])]  # type: ignore[return-value]

    futures = [
        ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2 - id % 2, 5).pack(), rows_of=note(id))  # type: ignore[arg-type]
        for id in range(20)
    ]
    await asyncio.gather(*futures)
    noted = {row["id"]: row["status"] for row in await connection.fetch("SELECT id, status FROM notes")}
    refused = CreateTransferStatus.ACCOUNTS_MUST_BE_DIFFERENT
    assert noted == {id: refused if id % 2 else CreateTransferStatus.CREATED for id in range(20)}
    await connection.close()


async def test_rows_that_cannot_be_told_spoil_only_their_own_request(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])

    def broken(results: bytes) -> Sequence[Rows]:
        raise ArithmeticError(f"{len(results)} bytes")

    good = [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack()) for _ in range(5)]
    bad = ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack(), rows_of=broken)
    good += [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack()) for _ in range(5)]
    await asyncio.gather(*good)
    with pytest.raises(ArithmeticError):
        await bad
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 10


async def test_a_guard_that_does_not_hold_takes_the_whole_batch_back(
    open_ledger: OpenLedger, database_dsn: str
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, status bigint NOT NULL)")
    before = ledger.state_hash()
    sent = transfer(1, 2, 5)
    with pytest.raises(LedgerUnavailableError):
        await ledger.enqueue(
            Operation.CREATE_TRANSFERS,
            sent.pack(),
            rows_of=lambda results: [Rows(INSERT, [(1, 1)]), Rows(CHANGE, [(9, 9)])],
        )
    assert ledger.state_hash() == before
    assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    assert (await ledger.create_transfers([sent]))[0].status is CreateTransferStatus.CREATED
    await connection.close()


async def test_rows_without_transfers_are_durable_in_the_order_they_came(
    open_ledger: OpenLedger, database_dsn: str
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, status bigint NOT NULL)")
    await ledger.record([Rows(INSERT, [(1, 1), (2, 1)]), Rows(CHANGE, [(1, 2)])])
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM notes ORDER BY id")] == [(1, 2), (2, 1)]
    written = [ledger.record([Rows(INSERT, [(id, 1)])]) for id in range(3, 20)]
    moved = [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 5).pack()) for _ in range(3)]
    await asyncio.gather(*written, *moved)
    assert await connection.fetchval("SELECT count(*) FROM notes") == 19
    state = ledger.state_hash()
    await crash(ledger)
    again = await open_ledger()
    assert again.state_hash() == state
    assert (await again.lookup_accounts([2]))[0].credits_posted == 15
    await connection.close()


async def test_rows_without_transfers_are_refused_like_transfers(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger(queue_events_max=10, batch_events_max=10)
    with pytest.raises(InvalidRecordsError):
        await ledger.record([Rows(INSERT, [])])
    with pytest.raises(RequestTooLargeError):
        await ledger.record([Rows(INSERT, [(id, 1) for id in range(11)])])
    with pytest.raises(DeadlineExceededError):
        await ledger.record([Rows(INSERT, [(1, 1)])], deadline=time.monotonic() - 1)
