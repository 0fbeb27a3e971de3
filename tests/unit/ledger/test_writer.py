"""The queue: bounded, honest about deadlines, deaf to callers that went away after their money moved."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import asyncpg
import pytest

from pycore.errors import DeadlineExceededError, LedgerOverloadedError, LedgerUnavailableError, OutcomeUnknownError
from pycore.ledger import CreateTransferStatus, Operation
from tests.unit.ledger.conftest import OpenLedger, account, transfer


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger(queue_events_max=10, batch_events_max=10)
    await ledger.create_accounts([account(1), account(2)])
    accepted = [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack()) for _ in range(10)]
    with pytest.raises(LedgerOverloadedError) as refused:
        ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack())
    assert refused.value.retry_after_ms > 0
    await asyncio.gather(*accepted)
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 10
    assert (await ledger.create_transfers([transfer(1, 2, 1)]))[0].status is CreateTransferStatus.CREATED


async def test_a_request_whose_deadline_passed_is_not_started(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    with pytest.raises(DeadlineExceededError):
        await ledger.submit(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack(), deadline=time.monotonic() - 1)
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 0


async def test_a_caller_that_leaves_does_not_take_the_recorded_transfer_with_it(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    sent = transfer(1, 2, 5)
    future = ledger.enqueue(Operation.CREATE_TRANSFERS, sent.pack())
    while not ledger._engine.in_flight:
        await asyncio.sleep(0)
    future.cancel()
    (again,) = await ledger.create_transfers([sent])
    assert again.status is CreateTransferStatus.EXISTS


async def test_closing_finishes_what_was_accepted(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    accepted = [ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack()) for _ in range(100)]
    await ledger.close()
    assert all(future.done() and future.exception() is None for future in accepted)
    assert (await (await open_ledger()).lookup_accounts([2]))[0].credits_posted == 100


async def test_s6_a_database_that_does_not_answer_is_waited_for_once(
    open_ledger: OpenLedger, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped PostgreSQL held writers as long as it was stopped; here a lock keeps the append from going on."""
    monkeypatch.setattr("pycore.ledger.writer._APPEND_SECONDS", 0.2)
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    in_the_way = await asyncpg.connect(database_dsn)
    lock = in_the_way.transaction()
    await lock.start()
    await in_the_way.execute("SELECT 1 FROM ledger_lease FOR UPDATE")
    sent = transfer(1, 2, 5)
    with pytest.raises(OutcomeUnknownError):
        await ledger.create_transfers([sent])
    with pytest.raises(LedgerUnavailableError):
        await ledger.create_transfers([transfer(1, 2, 1)])
    assert not await ledger.ready()
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 0, "memory tells what is durable"
    await lock.rollback()
    while not await ledger.ready():
        await asyncio.sleep(0.01)
    assert (await ledger.create_transfers([sent]))[0].status is CreateTransferStatus.EXISTS
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 5
    await in_the_way.close()


async def test_s6_a_database_that_ends_under_every_write_is_tried_with_one(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk each recovery let the next batch in, which then waited two seconds for the one after it."""
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    append, refused = ledger._journal.append, 0

    async def end(*arguments: Any) -> None:
        nonlocal refused
        if refused == 3:
            await append(*arguments)
            return
        with contextlib.suppress(LedgerUnavailableError):
            ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 1).pack()).cancel()
            raise ConnectionResetError
        refused += 1
        raise ConnectionResetError

    async def settle() -> bool:
        return False

    monkeypatch.setattr(ledger._journal, "append", end)
    monkeypatch.setattr(ledger._journal, "settle", settle)
    (created,) = await ledger.create_transfers([transfer(1, 2, 5)])
    assert created.status is CreateTransferStatus.CREATED
    assert refused == 3, "while the one write was tried again, another one was refused at once each time"
    assert (await ledger.create_transfers([transfer(1, 2, 1)]))[0].status is CreateTransferStatus.CREATED
