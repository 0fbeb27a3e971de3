"""Every event reaches every endpoint that asked for it, at least once, whatever breaks; and nobody waits for others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from pycore.events import (
    Deliveries,
    EndpointChange,
    EventLog,
    EventTail,
    EventType,
    TargetGuard,
    WebhookDispatcher,
    WebhookEndpoint,
    WebhookEndpoints,
    WebhookSender,
)
from pycore.events import delivery as delivery_module
from pycore.ids import new_id
from pycore.store import Pool
from pycore.tenant import Tenant
from tests.unit.events.conftest import Happen, merchant
from tests.unit.events.receiver import Receiver, accept, silence, status

Dispatching = Callable[..., Any]


@pytest.fixture
def dispatching(
    pool: Pool, tail: EventTail, endpoints: WebhookEndpoints, deliveries: Deliveries, guard: TargetGuard
) -> Dispatching:
    @asynccontextmanager
    async def run(*, claim_seconds: float = 60, deadline_seconds: float = 5) -> AsyncIterator[WebhookDispatcher]:
        async with WebhookSender(guard, deadline_seconds=deadline_seconds) as sender:
            dispatcher = WebhookDispatcher(pool, tail, endpoints, deliveries, sender, claim_seconds=claim_seconds)
            dispatcher.start()
            try:
                yield dispatcher
            finally:
                await dispatcher.close()

    return run


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "RETRY_SECONDS", (0,) * 4)
    monkeypatch.setattr("pycore.events.dispatcher.REST_SECONDS", 0.01)


async def told(endpoints: WebhookEndpoints, tenant: Tenant, receiver: Receiver, **values: Any) -> WebhookEndpoint:
    endpoint, secret = await endpoints.create(tenant, url=receiver.url, **values)
    receiver.secret = secret.reveal()
    return endpoint


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_events_arrive_signed_and_filtered_and_are_written_down(
    endpoints: WebhookEndpoints, deliveries: Deliveries, log: EventLog, tenant: Tenant, pool: Pool, happen: Happen,
    dispatching: Dispatching,
) -> None:  # fmt: skip
    other = await merchant(pool)
    await happen(tenant, 3)
    async with Receiver() as receiver, Receiver() as refunds, dispatching() as dispatcher:
        endpoint = await told(endpoints, tenant, receiver)
        await told(endpoints, tenant, refunds, event_types=[EventType.REFUND_CREATED])
        await happen(tenant, 150)
        await happen(other, 5)
        await happen(tenant, type=EventType.REFUND_CREATED)
        await receiver.until(151)
        await refunds.until(1)
        expected = (await log.read(tenant, limit=1000))[3:]
        assert sorted(receiver.ids) == sorted(event.public_id for event in expected)
        by_id = {message["id"]: message for message in receiver.messages}
        for event in expected:
            assert by_id[event.public_id]["resource_id"] == event.public_resource_id
            assert by_id[event.public_id]["live"] is False
        assert receiver.messages[0].keys() == {"id", "type", "timestamp", "live", "resource_id", "data"}
        assert [message["type"] for message in refunds.messages] == ["refund.created"]

        async def written() -> bool:
            return len(await deliveries.of(tenant, endpoint.id, status="delivered", limit=1000)) == 151

        await until(written)
        newest = (await deliveries.of(tenant, endpoint.id, limit=1))[0]
        assert (newest.event_sequence, newest.tries_count) == (expected[-1].sequence, 1)
        assert (newest.last_status, newest.last_error, newest.next_try_at) == (204, None, None)
        assert await deliveries.of(other, endpoint.id) == []
        assert dispatcher.tries["delivered"] == 152


async def test_events_of_one_payment_arrive_in_the_order_they_happened(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching
) -> None:
    async def hesitate(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.001 * (len(receiver.ids) % 7))
        return web.Response()

    payments = [new_id() for _ in range(20)]
    async with Receiver(hesitate) as receiver, dispatching():
        await told(endpoints, tenant, receiver)
        for _ in range(6):
            await happen(tenant, resources=payments)
        messages = await receiver.until(120)
    for payment in payments:
        own = [message for message in messages if message["resource_id"] == f"pay_{payment:032x}"]
        assert len(own) == 6
        ids = [message["id"] for message in own]
        assert ids == sorted(ids)


async def test_dead_and_slow_endpoints_hold_up_nobody(
    endpoints: WebhookEndpoints, deliveries: Deliveries, pool: Pool, tenant: Tenant, happen: Happen,
    dispatching: Dispatching, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """More of them than there is room for bad ones, and a backlog at each."""
    monkeypatch.setattr("pycore.events.dispatcher.BAD_LANES_MAX", 2)
    bad = [await merchant(pool) for _ in range(6)]
    async with Receiver() as receiver, Receiver(silence) as silent, dispatching(deadline_seconds=1):
        for each in bad:
            await endpoints.create(each, url=silent.url)
            await happen(each, 20)
        await told(endpoints, tenant, receiver)
        await silent.until(4)
        await happen(tenant, 20)
        await receiver.until(20)
        # One a second and two at a time: these last for a minute.
        assert (await deliveries.backlog()).waiting >= 60


async def test_a_message_that_is_not_accepted_comes_again_and_its_neighbours_do_not_wait(
    endpoints: WebhookEndpoints, deliveries: Deliveries, tenant: Tenant, happen: Happen, dispatching: Dispatching,
    no_waiting: None,
) -> None:  # fmt: skip
    refused: list[str] = []

    async def refuse_one_twice(request: web.Request) -> web.StreamResponse:
        id = request.headers["webhook-id"]
        if (not refused or id == refused[0]) and len(refused) < 2:
            refused.append(id)
            return web.Response(status=500)
        return web.Response()

    async with Receiver(refuse_one_twice) as receiver, dispatching():
        endpoint = await told(endpoints, tenant, receiver)
        await happen(tenant, 10)
        await receiver.until(12)
        assert receiver.ids.count(refused[0]) == 3
        assert len(set(receiver.ids)) == 10

        async def written() -> bool:
            return len(await deliveries.of(tenant, endpoint.id, status="delivered")) == 10

        await until(written)
        tries = sorted(each.tries_count for each in await deliveries.of(tenant, endpoint.id))
        assert tries == [1] * 9 + [3]


async def test_what_is_refused_to_the_end_is_set_aside_and_can_be_sent_again(
    endpoints: WebhookEndpoints, deliveries: Deliveries, log: EventLog, tenant: Tenant, happen: Happen,
    dispatching: Dispatching, no_waiting: None,
) -> None:  # fmt: skip
    async with Receiver(status(500)) as receiver, dispatching():
        endpoint = await told(endpoints, tenant, receiver)
        await happen(tenant, 4)

        async def given_up() -> bool:
            return len(await deliveries.of(tenant, endpoint.id, status="dead")) == 4

        await until(given_up)
        assert len(receiver.ids) == 4 * 5
        dead = (await deliveries.of(tenant, endpoint.id))[0]
        assert (dead.tries_count, dead.last_status, dead.last_error, dead.next_try_at) == (5, 500, "http_500", None)
        assert (await endpoints.get(tenant, endpoint.id)).status == "enabled"

        receiver.answer = accept
        receiver.ids.clear()
        events = await log.read(tenant)
        await deliveries.replay(tenant, endpoint.id, events[0], time.time_ns())
        await receiver.until(21)
        assert receiver.ids == [events[0].public_id]
        assert await deliveries.replay_since(tenant, endpoint.id, events[2], time.time_ns()) == 2
        await receiver.until(23)
        assert set(receiver.ids[1:]) == {event.public_id for event in events[2:]}

        async def accepted() -> bool:
            return len(await deliveries.of(tenant, endpoint.id, status="delivered")) == 3

        await until(accepted)
        receiver.ids.clear()
        assert await deliveries.replay_since(tenant, endpoint.id, events[0], time.time_ns(), every=True) == 4
        await receiver.until(27)
        assert len(set(receiver.ids)) == 4


async def test_an_endpoint_that_is_gone_is_left_alone(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching
) -> None:
    async with Receiver(status(410)) as receiver, dispatching():
        endpoint = await told(endpoints, tenant, receiver)
        await happen(tenant)

        async def disabled() -> bool:
            return (await endpoints.get(tenant, endpoint.id)).disabled_reason == "gone"

        await until(disabled)
        await happen(tenant, 3)
        await asyncio.sleep(0.5)
        assert len(receiver.ids) == 1
        # Enabled again it is told of what happened meanwhile.
        receiver.answer = accept
        await endpoints.update(tenant, endpoint.id, EndpointChange(status="enabled"))
        await receiver.until(4)


async def test_an_endpoint_that_fails_for_days_is_disabled(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching, no_waiting: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery_module, "DISABLE_SECONDS", 0)
    async with Receiver(status(503)) as receiver, dispatching():
        endpoint = await told(endpoints, tenant, receiver)
        await happen(tenant)

        async def disabled() -> bool:
            return (await endpoints.get(tenant, endpoint.id)).disabled_reason == "failing"

        await until(disabled)
        assert (await endpoints.get(tenant, endpoint.id)).failing_since is not None


async def test_a_process_that_dies_after_sending_sends_again_with_the_same_id(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The receiver has it, nothing is written down, and another process takes over once the claim has run out."""

    async def die(self: Deliveries, *_: Any) -> None:
        raise ConnectionResetError("the process is gone")

    async with Receiver() as receiver:
        await told(endpoints, tenant, receiver)
        with monkeypatch.context() as patch:
            patch.setattr(Deliveries, "record", die)
            async with dispatching(claim_seconds=0.5):
                await happen(tenant, 3)
                await receiver.until(3)
        async with dispatching():
            await receiver.until(6)
        assert sorted(receiver.ids[:3]) == sorted(receiver.ids[3:])


async def test_nothing_is_lost_however_often_the_sender_is_stopped(
    endpoints: WebhookEndpoints, log: EventLog, tenant: Tenant, happen: Happen, dispatching: Dispatching
) -> None:
    async with Receiver() as receiver:
        await told(endpoints, tenant, receiver)
        for _ in range(8):
            async with dispatching(claim_seconds=0.2):
                await happen(tenant, 40)
                await asyncio.sleep(0.12)
        async with dispatching(claim_seconds=0.2):
            expected = {event.public_id for event in await log.read(tenant, limit=1000)}

            async def complete() -> bool:
                return set(receiver.ids) >= expected

            await until(complete)
        assert len(expected) == 320


async def test_two_processes_share_the_work(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching
) -> None:
    async with Receiver() as receiver, dispatching(), dispatching():
        await told(endpoints, tenant, receiver)
        for _ in range(10):
            await happen(tenant, 30)
        await receiver.until(300)
        await asyncio.sleep(0.3)
        assert len(receiver.ids) == len(set(receiver.ids)) == 300


async def test_both_secrets_sign_while_they_overlap(
    endpoints: WebhookEndpoints, tenant: Tenant, happen: Happen, dispatching: Dispatching
) -> None:
    async with Receiver() as receiver, dispatching():
        endpoint = await told(endpoints, tenant, receiver)
        new = await endpoints.rotate_secret(tenant, endpoint.id, overlap_seconds=60)
        await happen(tenant)
        await receiver.until(1)
        receiver.secret = new.reveal()
        await happen(tenant)
        await receiver.until(2)
        assert len(receiver.headers[1]["webhook-signature"].split(" ")) == 2


async def test_the_backlog_is_counted(
    endpoints: WebhookEndpoints, deliveries: Deliveries, tenant: Tenant, happen: Happen
) -> None:
    async with Receiver() as receiver:
        await told(endpoints, tenant, receiver)
        await happen(tenant, 3)
        assert await deliveries.fan_out(time.time_ns()) is False
        assert (await deliveries.backlog()).waiting == 3


async def test_much_is_sent_again_in_pieces(
    endpoints: WebhookEndpoints, deliveries: Deliveries, log: EventLog, pool: Pool, tenant: Tenant, happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery_module, "REPLAY_EVENTS_MAX", 2)
    async with Receiver() as receiver:
        endpoint = await told(endpoints, tenant, receiver)
    await happen(tenant, 6)
    await deliveries.fan_out(time.time_ns())
    await pool.execute("UPDATE webhook_deliveries SET status = 'dead', next_try_at = NULL")
    second = (await log.read(tenant))[1]
    again = [await deliveries.replay_since(tenant, endpoint.id, second, time.time_ns()) for _ in range(4)]
    assert again == [2, 2, 1, 0]
    assert [each.status for each in await deliveries.of(tenant, endpoint.id)] == ["pending"] * 5 + ["dead"]


def test_retries_last_about_a_day() -> None:
    waits = [delivery_module.retry_at(count, 0) for count in range(1, 11)]
    assert delivery_module.retry_at(11, 0) is None
    total = sum(wait for wait in waits if wait is not None) / 3.6e12
    assert 20 < total < 28
