"""The background task that leaves nothing open: it asks when it is time, ends what has expired, restarts after a crash.

What is due stands in the tables, so nothing is lost with the process: an intention without an outcome is due a moment
after it was written, and the channel is asked before anything else is done.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from pycore.errors import PycoreError
from pycore.payments.attempts import Attempts
from pycore.payments.channel_attempts import ChannelAttempts
from pycore.payments.channel_refunds import ChannelRefunds
from pycore.payments.channel_stats import ChannelStats
from pycore.store import Store, unavailable_raised

log = structlog.get_logger(__name__)

CONCURRENCY_MAX: Final = 32
"""Calls to one channel at once."""
_BATCH_MAX: Final = 1000
_PAUSE_SECONDS: Final = 1.0
_TURNS_PER_COUNT: Final = 10
_SET_ASIDE_SECONDS: Final = 60.0
"""How long what cannot be swept is left alone."""
_EXPIRED: Final = """
SELECT id FROM payments WHERE expires_at <= $1
    AND status IN ('created', 'requires_action', 'processing', 'authorized')
    AND NOT EXISTS (SELECT 1 FROM payment_attempts WHERE payment_attempts.payment_id = payments.id
                    AND payment_attempts.status IN ('created', 'submitted', 'unknown'))
ORDER BY expires_at LIMIT $2
"""


class Sweeper:
    """Looks for what is due once a second.

    Args:
        store: where it stands.
        attempts: reads attempts.
        work: asks about attempts.
        refunds: asks about refunds.
        expire: ends a payment that no channel is concerned with.
        stats: learns the length of the operator's queue.
        clock_ns: nanoseconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        attempts: Attempts,
        work: ChannelAttempts,
        refunds: ChannelRefunds,
        expire: Callable[[int], Awaitable[None]],
        stats: ChannelStats,
        clock_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._work = work
        self._refunds = refunds
        self._expire = expire
        self._stats = stats
        self._clock_ns = clock_ns
        # A channel that answers slowly keeps only its own waiting.
        self._room: dict[tuple[str, bool] | None, asyncio.Semaphore] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._set_aside: dict[int, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def close(self) -> None:
        """Stop sweeping; calls under way are left to their owners, and what waits is still due next time."""
        waiting = [*self._tasks.values()] if self._task is None else [self._task, *self._tasks.values()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self._task = None

    async def sweep(self) -> None:
        """Do everything that is due now, once. Raises LedgerUnavailableError."""
        await self._begin_due()
        await asyncio.gather(*self._tasks.values())

    async def _begin_due(self) -> None:
        """Begin everything that is due and has not begun."""
        now_ns = self._clock_ns()
        self._set_aside = {id: until for id, until in self._set_aside.items() if until > time.monotonic()}
        busy = {*self._tasks, *self._set_aside, *self._work.under_way, *self._refunds.under_way}
        attempts = await self._attempts.due(now_ns, busy, _BATCH_MAX)
        refunds = await self._refunds.due(now_ns, busy, _BATCH_MAX)
        with unavailable_raised():
            expired = await self._store.pool.fetch(_EXPIRED, now_ns, _BATCH_MAX)
        for due in attempts:
            self._begin(due.id, self._work.check, (due.channel, due.live))
        for due in refunds:
            self._begin(due.id, self._refunds.check, (due.channel, due.live))
        for row in expired:
            if row[0].int not in busy:
                self._begin(row[0].int, self._expire, None)

    def _begin(self, id: int, work: Callable[[int], Awaitable[None]], place: tuple[str, bool] | None) -> None:
        if id not in self._tasks:
            self._tasks[id] = asyncio.create_task(self._one(id, work, place), name="sweep")

    async def _one(self, id: int, work: Callable[[int], Awaitable[None]], place: tuple[str, bool] | None) -> None:
        try:
            async with self._room.setdefault(place, asyncio.Semaphore(CONCURRENCY_MAX)):
                await work(id)
        except Exception as error:
            self._set_aside[id] = time.monotonic() + _SET_ASIDE_SECONDS
            if isinstance(error, PycoreError):
                log.warning("could not be swept", id=f"{id:032x}", reason=str(error))
            else:
                log.exception("could not be swept", id=f"{id:032x}")
        finally:
            self._tasks.pop(id, None)

    async def _run(self) -> None:
        for turn in itertools.count():
            try:
                await self._begin_due()
                if turn % _TURNS_PER_COUNT == 0:
                    self._stats.by_hand = await self._attempts.by_hand_count()
            except PycoreError as error:
                log.warning("the sweeper waits", reason=str(error))
            except Exception:
                log.exception("the sweeper stumbled")
            await asyncio.sleep(_PAUSE_SECONDS)
