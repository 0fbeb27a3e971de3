"""The log tells everything once, in order, to its owner only, and soon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pycore.errors import LedgerFencedError, NotFoundError
from pycore.events import EVENTS, Event, EventLog, EventTail, EventType, event_row
from pycore.ids import new_id
from pycore.ledger import Insertion, Ledger
from pycore.store import Pool
from pycore.tenant import Tenant
from tests.unit.events.conftest import Happen, merchant


async def test_events_are_read_in_pages_and_by_type_and_resource(log: EventLog, tenant: Tenant, happen: Happen) -> None:
    refunded = new_id()
    await happen(tenant, 5)
    await happen(tenant, type=EventType.REFUND_CREATED, resources=[refunded])
    everything = await log.read(tenant)
    assert [event.type for event in everything] == ["payment.succeeded"] * 5 + ["refund.created"]
    assert await log.read(tenant, limit=2) == everything[:2]
    assert await log.read(tenant, after=everything[1].sequence, limit=2) == everything[2:4]
    assert await log.read(tenant, types=[EventType.REFUND_CREATED]) == everything[5:]
    assert await log.read(tenant, resource_id=refunded) == everything[5:]
    assert await log.read(tenant, after=everything[-1].sequence) == []


async def test_another_tenant_sees_nothing(log: EventLog, pool: Pool, tenant: Tenant, happen: Happen) -> None:
    await happen(tenant)
    (event,) = await log.read(tenant)
    assert await log.get(tenant, event.id) == event
    for stranger in (await merchant(pool), Tenant(tenant.merchant_id, live=True)):
        assert await log.read(stranger) == []
        with pytest.raises(NotFoundError):
            await log.get(stranger, event.id)


async def test_followers_get_what_happens_once_and_in_order(
    log: EventLog, pool: Pool, tenant: Tenant, happen: Happen
) -> None:
    """Several writers' tasks at once, bursts larger than a page, and other tenants' events between."""
    other = await merchant(pool)
    await happen(tenant, 3)

    async def take(count: int, after: int = 0, types: tuple[EventType, ...] = ()) -> list[Event]:
        found = []
        async for event in log.follow(tenant, after=after, types=types):
            found.append(event)
            if len(found) == count:
                break
        return found

    followers = [asyncio.create_task(take(1603)) for _ in range(3)]
    refunds = asyncio.create_task(take(20, types=(EventType.REFUND_CREATED,)))
    for _ in range(20):
        await asyncio.gather(
            happen(tenant, 30), happen(other, 7), happen(tenant, 49), happen(tenant, 1, EventType.REFUND_CREATED)
        )
    everything = [event for page in [await log.read(tenant, limit=5000)] for event in page]
    assert len(everything) == 1603
    for follower in followers:
        assert await follower == everything
    assert await refunds == [event for event in everything if event.type == "refund.created"]


async def test_what_nobody_was_told_of_is_noticed_all_the_same(
    log: EventLog, pool: Pool, tenant: Tenant, happen: Happen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventTail, "tell", lambda self: None)
    stream = log.follow(tenant, after=0)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.1)
    await happen(tenant)
    async with asyncio.timeout(20):
        assert (await waiting).tenant == tenant
    await stream.aclose()


async def test_a_writer_that_takes_over_continues_the_order(
    ledger: Ledger, log: EventLog, tenant: Tenant, database_dsn: str, tmp_path: Path
) -> None:
    """The first one goes on writing until it is fenced: whatever it got in lies before all of the second's."""

    async def write(writer: Ledger, written: list[int]) -> None:
        while True:
            rows = [event_row(tenant, EventType.PAYMENT_CREATED, new_id(), b"{}", 1) for _ in range(3)]
            await writer.record([Insertion(EVENTS, rows)])
            written += [row[0] for row in rows]

    first: list[int] = []
    second: list[int] = []
    writing = [asyncio.create_task(write(ledger, first)) for _ in range(4)]
    while len(first) < 60:
        await asyncio.sleep(0.01)
    async with Ledger.open(dsn=database_dsn, data=tmp_path, take_over=True) as successor:
        taking = asyncio.create_task(write(successor, second))
        results = await asyncio.gather(*writing, return_exceptions=True)
        assert all(isinstance(result, LedgerFencedError) for result in results)
        while len(second) < 30:
            await asyncio.sleep(0.01)
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
    ids = [event.id for event in await log.read(tenant, limit=100_000)]
    assert set(first) == set(ids[: len(first)])
    assert set(second) <= set(ids[len(first) :])
