"""The end of the log: notices what became durable, once for all who wait for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from pycore.store import Pool, reason_of
from pycore.tenant import Tenant

POLL_SECONDS: Final = 1.0
"""How long an event waits at most to be noticed where nobody says that there is one."""

PACE_SECONDS: Final = 0.05
"""The least time between two looks: under load one look finds many events."""

log = structlog.get_logger(__name__)

_HEAD: Final = "SELECT coalesce(max(sequence), 0) FROM events"
_NEWS: Final = """
SELECT merchant_id, live, max(sequence) AS sequence FROM events WHERE sequence > $1 GROUP BY merchant_id, live
"""


class EventTail:
    """Looks at the end of the log when it is told to, and every second in case it was not.

    One query serves everybody who waits in this process; who waits for a tenant is woken by that tenant's events only.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._head: int | None = None
        self._arrivals: dict[Tenant | None, asyncio.Event] = {}
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="event-tail")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def head(self) -> int:
        """The sequence up to which events were noticed."""
        return self._head or 0

    def tell(self) -> None:
        """Say that events may have become durable; it costs next to nothing, so say it after every COMMIT."""
        self._told.set()

    def arrival(self, tenant: Tenant | None) -> asyncio.Event:
        """Return what is set once there is a new event of ``tenant``; None: of anybody.

        Take it before you read the log, wait for it after.
        """
        return self._arrivals.setdefault(tenant, asyncio.Event())

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:
                # The database is away: those who wait go on waiting, and what comes meanwhile is found afterwards.
                log.warning("cannot look for new events", reason=reason_of(error))
            await asyncio.sleep(PACE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), POLL_SECONDS)

    async def _look(self) -> None:
        self._told.clear()
        if self._head is None:
            # Who waits already may have read the log before this moment.
            self._head = int(await self._pool.fetchval(_HEAD))
            self._wake(set(self._arrivals))
            return
        rows = await self._pool.fetch(_NEWS, self._head)
        if rows:
            self._head = max(row["sequence"] for row in rows)
            self._wake({None, *(Tenant(row["merchant_id"].int, row["live"]) for row in rows)})

    def _wake(self, tenants: set[Tenant | None]) -> None:
        for tenant in tenants:
            arrival = self._arrivals.pop(tenant, None)
            if arrival is not None:
                arrival.set()
