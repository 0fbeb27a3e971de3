"""Rows of a domain become durable together with the transfers they belong to, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import partial
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import structlog

from pycore.errors import (
    DeadlineExceededError,
    InvalidRecordsError,
    LedgerUnavailableError,
    RequestTooLargeError,
    RowsRefusedError,
)
from pycore.ledger import CreateTransferStatus, Operation, Rows
from pycore.ledger.status import unpack_transfer_results
from tests.unit.ledger.conftest import OpenLedger, account, crash, transfer

INSERT = "INSERT INTO notes (id, status) SELECT * FROM unnest($1::bigint[], $2::bigint[])"
CHANGE = (
    "UPDATE notes SET status = change.status FROM unnest($1::bigint[], $2::bigint[]) AS change (id, status)"
    " WHERE notes.id = change.id"
)


@pytest_asyncio.fixture
async def notes(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the ledger's, and a table of a domain."""
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, status bigint NOT NULL)")
    yield connection
    await connection.close()


def _always(parts: Sequence[Rows], results: bytes) -> Sequence[Rows]:
    return parts


async def test_rows_are_written_once_per_table_and_know_the_results(
    open_ledger: OpenLedger, notes: asyncpg.Connection
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])

    def note(id: int) -> Sequence[Rows]:
        return lambda results: [Rows(INSERT, [(id, unpack_transfer_results(results)[0].status)])]  # type: ignore[return-value]

    futures = [
        ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2 - id % 2, 5).pack(), rows_of=note(id))  # type: ignore[arg-type]
        for id in range(20)
    ]
    await asyncio.gather(*futures)
    noted = {row["id"]: row["status"] for row in await notes.fetch("SELECT id, status FROM notes")}
    refused = CreateTransferStatus.ACCOUNTS_MUST_BE_DIFFERENT
    assert noted == {id: refused if id % 2 else CreateTransferStatus.CREATED for id in range(20)}


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


async def test_a_guard_that_does_not_hold_takes_the_transfers_back_too(
    open_ledger: OpenLedger, notes: asyncpg.Connection
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    before = ledger.state_hash()
    sent = transfer(1, 2, 5)
    with pytest.raises(RowsRefusedError) as refused:
        await ledger.enqueue(
            Operation.CREATE_TRANSFERS,
            sent.pack(),
            rows_of=lambda results: [Rows(INSERT, [(1, 1)]), Rows(CHANGE, [(9, 9)])],
        )
    assert refused.value.constraint is None
    assert ledger.state_hash() == before
    assert await notes.fetchval("SELECT count(*) FROM notes") == 0
    assert (await ledger.create_transfers([sent]))[0].status is CreateTransferStatus.CREATED


GUILTY = {
    "a key that is taken": Rows(INSERT, [(0, 1)]),
    "a guard that does not hold": Rows(CHANGE, [(1000, 1)]),
    "a value that does not fit": Rows(INSERT, [(1 << 64, 1)]),
    "NULL": Rows(INSERT, [(1000, None)]),
    "a statement that is wrong": Rows("INSERT INTO nowhere SELECT * FROM unnest($1::bigint[])", [(1,)]),
    "rows of unequal length": Rows(INSERT, [(1000, 1), (1001,)]),
}


@pytest.mark.parametrize("guilty", GUILTY.values(), ids=GUILTY.keys())
@pytest.mark.parametrize("place", [0, 6, 12])
async def test_rows_that_are_refused_spoil_only_their_own_request(
    open_ledger: OpenLedger, notes: asyncpg.Connection, guilty: Rows, place: int
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    await ledger.record([Rows(INSERT, [(0, 0)])])
    sent: list[Awaitable[object]] = []
    for id in range(1, 14):
        part = guilty if id == place + 1 else Rows(INSERT, [(id, id)])
        if id % 3 == 0:
            sent.append(ledger.record([part]))
        else:
            packed = transfer(1, 2, 5).pack()
            rows_of = partial(_always, [part])
            sent.append(ledger.enqueue(Operation.CREATE_TRANSFERS, packed, rows_of=rows_of))
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [id for id, answer in enumerate(answers) if isinstance(answer, BaseException)] == [place]
    refused = answers[place]
    assert isinstance(refused, RowsRefusedError)
    assert refused.constraint == ("notes_pkey" if guilty is GUILTY["a key that is taken"] else None)
    written = [row["id"] for row in await notes.fetch("SELECT id FROM notes ORDER BY id")]
    assert written == [id for id in range(14) if id != place + 1]
    transfers = sum(id % 3 != 0 for id in range(1, 14) if id != place + 1)
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 5 * transfers
    state = ledger.state_hash()
    await crash(ledger)
    assert (await open_ledger()).state_hash() == state


async def test_a_connection_lost_while_the_guilty_request_is_sought(
    open_ledger: OpenLedger, notes: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being written is settled, what waits is refused, and nothing is there twice or by half."""
    ledger = await open_ledger()
    append, lost = ledger._journal.append, 2

    async def lose_connection(*arguments: Any) -> None:
        nonlocal lost
        lost -= 1
        if lost == 0:
            ledger._lease.connection.terminate()
        await append(*arguments)

    monkeypatch.setattr(ledger._journal, "append", lose_connection)
    sent = [ledger.record([Rows(INSERT, [(id, 1), (id + 100, 1)])]) for id in range(1, 8)]
    sent.append(ledger.record([Rows(INSERT, [(1000, 1), (1000, 1)])]))
    answers = await asyncio.gather(*sent, return_exceptions=True)
    recorded = [id for id, answer in enumerate(answers, 1) if answer is None]
    assert recorded == [1, 2, 3, 4]
    assert all(isinstance(answer, LedgerUnavailableError) for answer in answers[4:])
    written = [row["id"] for row in await notes.fetch("SELECT id FROM notes ORDER BY id")]
    assert written == [1, 2, 3, 4, 101, 102, 103, 104]
    await ledger.record([Rows(INSERT, [(5, 1), (105, 1)])])


async def test_what_was_refused_is_logged_without_its_values(
    open_ledger: OpenLedger, notes: asyncpg.Connection
) -> None:
    ledger = await open_ledger()
    with structlog.testing.capture_logs() as logs, pytest.raises(RowsRefusedError) as refused:
        await ledger.record([Rows(INSERT, [(424242, 1), (424242, 1)])])
    assert logs[-1] == {
        "event": "rows refused",
        "log_level": "warning",
        "error": "UniqueViolationError",
        "table": "notes",
        "column": None,
        "constraint": "notes_pkey",
    }
    assert "424242" not in str(refused.value)


async def test_rows_without_transfers_are_durable_in_the_order_they_came(
    open_ledger: OpenLedger, notes: asyncpg.Connection
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    await ledger.record([Rows(INSERT, [(1, 1), (2, 1)]), Rows(CHANGE, [(1, 2)])])
    assert [tuple(row) for row in await notes.fetch("SELECT * FROM notes ORDER BY id")] == [(1, 2), (2, 1)]
    written = [ledger.record([Rows(INSERT, [(id, 1)])]) for id in range(3, 20)]
    moved = [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 5).pack()) for _ in range(3)]
    await asyncio.gather(*written, *moved)
    assert await notes.fetchval("SELECT count(*) FROM notes") == 19
    state = ledger.state_hash()
    await crash(ledger)
    again = await open_ledger()
    assert again.state_hash() == state
    assert (await again.lookup_accounts([2]))[0].credits_posted == 15


async def test_rows_without_transfers_are_refused_like_transfers(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger(queue_events_max=10, batch_events_max=10)
    with pytest.raises(InvalidRecordsError):
        await ledger.record([Rows(INSERT, [])])
    with pytest.raises(RequestTooLargeError):
        await ledger.record([Rows(INSERT, [(id, 1) for id in range(11)])])
    with pytest.raises(DeadlineExceededError):
        await ledger.record([Rows(INSERT, [(1, 1)])], deadline=time.monotonic() - 1)


async def test_who_asks_is_told_after_rows_are_durable(open_ledger: OpenLedger, database_dsn: str) -> None:
    ledger = await open_ledger()
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, status bigint NOT NULL)")
    told: list[int] = []
    ledger.call_after_rows(lambda: told.append(len(told)))
    await ledger.create_accounts([account(1), account(2)])
    assert not told
    await ledger.record([Rows(INSERT, [(1, 1)])])
    assert len(told) == 1
    with pytest.raises(RowsRefusedError):
        await ledger.record([Rows(INSERT, [(1, 1)])])
    assert len(told) == 1
    await connection.close()
