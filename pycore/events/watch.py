"""Wakes those who wait for what happens to one payment or refund, with one query for all of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

import structlog

from pycore.events.tail import EventTail
from pycore.store import Pool

log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 1.0
_NEWS: Final = """
SELECT resource_id, sequence FROM events WHERE sequence > $1 AND resource_id = ANY ($2) ORDER BY sequence
"""


class ResourceWatch:
    """Follows the end of the log while somebody watches.

    It may wake without need, and after the database was away it may be late: look at the resource itself, and every
    now and then without being woken.
    """

    def __init__(self, pool: Pool, tail: EventTail) -> None:
        self._pool = pool
        self._tail = tail
        self._watched: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, resource_id: int) -> Iterator[asyncio.Event]:
        """Give what is set each time something happened to the resource; clear it before you look."""
        woken = asyncio.Event()
        self._watched[resource_id].add(woken)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="resource-watch")
        try:
            yield woken
        finally:
            self._watched[resource_id].discard(woken)
            if not self._watched[resource_id]:
                del self._watched[resource_id]

    async def close(self) -> None:
        """Wake nobody any more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        seen = self._tail.head
        while True:
            # Asked for first: what becomes durable while the database answers is noticed too.
            arrival, head = self._tail.arrival(None), self._tail.head
            try:
                if self._watched:
                    rows = await self._pool.fetch(_NEWS, seen, [UUID(int=each) for each in self._watched])
                    for row in rows:
                        for woken in self._watched.get(row["resource_id"].int, ()):
                            woken.set()
                seen = max(seen, head)
            except Exception as error:
                log.warning("cannot look for what happened", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await arrival.wait()
