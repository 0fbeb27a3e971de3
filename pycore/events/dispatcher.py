"""Sends what is due to the endpoints: each has a lane of its own, and a bad one runs beside the good ones."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from pycore.events.delivery import Backlog, Claimed, Deliveries, Result
from pycore.events.sender import GONE, WebhookSender
from pycore.events.tail import EventTail
from pycore.events.webhook_endpoint import WebhookEndpoints, endpoint_of
from pycore.store import Pool, reason_of

if TYPE_CHECKING:
    from pycore.events.secret import WebhookSecret

POLL_SECONDS: Final = 1.0
"""How long what is due by the clock, not by a new event, waits at most to be noticed."""
PACE_SECONDS: Final = 0.1
"""The least time between two looks at what is to be sent."""
BACKLOG_SECONDS: Final = 10.0
"""How often the backlog is counted."""

CLAIM_SECONDS: Final = 180.0
"""How long a claim keeps others off: what a process held that died is sent after that."""
CLAIMED_MAX: Final = 64
PARALLEL_MAX: Final = 8
"""Messages under way to one endpoint, all about different payments and refunds."""
FAILURES_MAX: Final = 3
"""So many failures in a row make an endpoint bad: one message at a time, one a second, until one is accepted."""
SLOW_SECONDS: Final = 3.0
"""An answer that takes longer makes an endpoint bad too."""
GOOD_LANES_MAX: Final = 128
BAD_LANES_MAX: Final = 32
REST_SECONDS: Final = 1.0
CONNECTIONS_MAX: Final = 3
"""Connections of the pool that lanes use at once; the rest is for those who wait for an answer."""

log = structlog.get_logger(__name__)

_TARGET: Final = "SELECT * FROM webhook_endpoints WHERE id = $1 AND status = 'enabled'"


class _Lane:
    """What is known of one endpoint while there is something to send to it."""

    __slots__ = ("failures", "is_slow")

    def __init__(self) -> None:
        self.failures = 0
        self.is_slow = False

    @property
    def is_bad(self) -> bool:
        return self.failures >= FAILURES_MAX or self.is_slow

    def note(self, result: Result, seconds: float) -> None:
        self.failures = 0 if result.error is None else self.failures + 1
        self.is_slow = seconds > SLOW_SECONDS


class WebhookDispatcher:
    """The task that fans events out and the lanes that send them.

    Messages about one resource go one after another in the order things happened; different resources go in parallel.
    A message that is not accepted comes again by its own time-table and holds up nothing: after a failure the order is
    not kept. Good and bad endpoints have separate room, so that any number of dead ones takes nothing from the others.

    Every result is recorded after it came: a process that dies in between sends again, with the same ``webhook-id``.
    """

    def __init__(
        self,
        pool: Pool,
        tail: EventTail,
        endpoints: WebhookEndpoints,
        deliveries: Deliveries,
        sender: WebhookSender,
        *,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self._pool = pool
        self._tail = tail
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._sender = sender
        self._claim_ns = int(claim_seconds * 1e9)
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._known: dict[int, _Lane] = {}
        self._good = asyncio.Semaphore(GOOD_LANES_MAX)
        self._bad = asyncio.Semaphore(BAD_LANES_MAX)
        self._database = asyncio.Semaphore(CONNECTIONS_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        self.tries: Counter[str] = Counter()
        """Tries since the start by what came of them: ``delivered``, or why not."""
        self.backlog = Backlog(0, 0)
        """What waited when it was counted last."""

    def oldest_seconds(self) -> float:
        """Return how long ago the oldest event happened that waited when the backlog was counted; 0: none did."""
        return (time.time_ns() - self.backlog.oldest_at) / 1e9 if self.backlog.waiting else 0.0

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [
            asyncio.create_task(self._run(), name="webhook-dispatcher"),
            asyncio.create_task(self._count(), name="webhook-backlog"),
        ]

    async def close(self) -> None:
        """Stop: what is under way is given up, and sent again by whoever starts next."""
        for task in (*self._tasks, *self._lanes.values()):
            task.cancel()
        for task in (*self._tasks, *self._lanes.values()):
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            arrival = self._tail.arrival(None)
            has_more = False
            try:
                now = time.time_ns()
                has_more = await self._deliveries.fan_out(now)
                for endpoint_id in await self._deliveries.due_endpoints(now):
                    self._open_lane(endpoint_id)
            except Exception as error:
                log.warning("cannot look for webhooks to send", reason=reason_of(error))
            await asyncio.sleep(PACE_SECONDS)
            if not has_more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(arrival.wait(), POLL_SECONDS)

    async def _count(self) -> None:
        while True:
            try:
                self.backlog = await self._deliveries.backlog()
            except Exception as error:
                log.warning("cannot count the webhooks that wait", reason=reason_of(error))
            await asyncio.sleep(BACKLOG_SECONDS)

    def _open_lane(self, endpoint_id: int) -> None:
        if endpoint_id not in self._lanes:
            lane = asyncio.create_task(self._empty(endpoint_id), name=f"webhooks-{endpoint_id:032x}")
            self._lanes[endpoint_id] = lane
            lane.add_done_callback(lambda _: self._lanes.pop(endpoint_id, None))

    async def _empty(self, endpoint_id: int) -> None:
        """Send to one endpoint until nothing is due."""
        lane = self._known.setdefault(endpoint_id, _Lane())
        try:
            while await self._turn(endpoint_id, lane):
                if lane.is_bad:
                    await asyncio.sleep(REST_SECONDS)
        except Exception as error:
            log.warning("cannot send webhooks", endpoint=f"{endpoint_id:032x}", reason=reason_of(error))
        if not lane.is_bad:
            self._known.pop(endpoint_id, None)

    async def _turn(self, endpoint_id: int, lane: _Lane) -> bool:
        """Send some of what is due and return whether there was any.

        Room is taken for one turn only: who waits for it comes before the same endpoint again.
        """
        is_bad = lane.is_bad
        async with self._bad if is_bad else self._good:
            async with self._database:
                row = await self._pool.fetchrow(_TARGET, UUID(int=endpoint_id))
                if row is None:
                    # Deleted or disabled; should it be enabled again it begins as a good one.
                    lane.failures, lane.is_slow = 0, False
                    return False
                now = time.time_ns()
                claimed = await self._deliveries.claim(
                    endpoint_id, now, limit=1 if is_bad else CLAIMED_MAX, until_ns=now + self._claim_ns
                )
            results = await self._send(endpoint_of(row).url, self._endpoints.secrets_of(row, now), claimed, lane)
            async with self._database:
                await self._finish(endpoint_id, claimed, results)
        return bool(claimed)

    async def _send(
        self, url: str, secrets: list[WebhookSecret], claimed: list[Claimed], lane: _Lane
    ) -> dict[int, Result]:
        """Return what came of the tries, by sequence; once the endpoint has become bad the rest is not sent."""
        results: dict[int, Result] = {}
        by_resource: dict[int, list[Claimed]] = {}
        for each in claimed:
            by_resource.setdefault(each.event.resource_id, []).append(each)
        room = asyncio.Semaphore(PARALLEL_MAX)

        async def send_in_order(messages: list[Claimed]) -> None:
            for message in messages:
                async with room:
                    if lane.is_bad and len(claimed) > 1:
                        return
                    started = time.monotonic()
                    result = await self._sender.send(message.event, url, secrets)
                    results[message.event.sequence] = result
                    lane.note(result, time.monotonic() - started)
                    self.tries[result.error or "delivered"] += 1

        async with asyncio.TaskGroup() as group:
            for messages in by_resource.values():
                group.create_task(send_in_order(messages))
        return results

    async def _finish(self, endpoint_id: int, claimed: list[Claimed], results: dict[int, Result]) -> None:
        now = time.time_ns()
        sent = [(each, results[each.event.sequence]) for each in claimed if each.event.sequence in results]
        await self._deliveries.record(endpoint_id, sent, now)
        unsent = [each for each in claimed if each.event.sequence not in results]
        await self._deliveries.release(endpoint_id, unsent, now)
        if any(result.status == GONE for result in results.values()):
            await self._deliveries.disable_gone(endpoint_id)
