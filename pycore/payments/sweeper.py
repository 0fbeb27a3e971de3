"""The background task that leaves nothing open: it asks when it is time, ends what has expired, restarts after a crash.

What is due stands in the tables, so nothing is lost with the process: an intention without an outcome is due a moment
after it was written, and the channel is asked before anything else is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from pycore.errors import PycoreError
from pycore.payments.attempts import Attempts
from pycore.payments.channel_attempts import ChannelAttempts
from pycore.payments.channel_refunds import ChannelRefunds
from pycore.store import Store, unavailable_raised

log = structlog.get_logger(__name__)

CONCURRENCY_MAX: Final = 32
"""Calls to channels at once."""
_BATCH_MAX: Final = 500
_PAUSE_SECONDS: Final = 1.0
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
        clock_ns: nanoseconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        attempts: Attempts,
        work: ChannelAttempts,
        refunds: ChannelRefunds,
        expire: Callable[[int], Awaitable[None]],
        clock_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._work = work
        self._refunds = refunds
        self._expire = expire
        self._clock_ns = clock_ns
        self._room = asyncio.Semaphore(CONCURRENCY_MAX)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._run(), name="sweeper")

    async def close(self) -> None:
        """Stop sweeping; what is under way is left to its owners."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def sweep(self) -> int:
        """Do everything that is due now, once; return how much it was. Raises LedgerUnavailableError."""
        now_ns = self._clock_ns()
        attempts = await self._attempts.due(now_ns, list(self._work.under_way), _BATCH_MAX)
        refunds = await self._refunds.due(now_ns, _BATCH_MAX)
        with unavailable_raised():
            expired = [row[0].int for row in await self._store.pool.fetch(_EXPIRED, now_ns, _BATCH_MAX)]
        await asyncio.gather(
            *(self._one(self._work.check, each) for each in attempts),
            *(self._one(self._refunds.check, each) for each in refunds),
            *(self._one(self._expire, each) for each in expired),
        )
        return len(attempts) + len(refunds) + len(expired)

    async def _run(self) -> None:
        while True:
            try:
                count = await self.sweep()
            except PycoreError as error:
                log.warning("the sweeper waits", reason=str(error))
                count = 0
            if count < _BATCH_MAX:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _one(self, work: Callable[[int], Awaitable[None]], id: int) -> None:
        async with self._room:
            try:
                await work(id)
            except PycoreError as error:
                log.warning("could not be swept", id=f"{id:032x}", reason=str(error))
            except Exception:
                log.exception("could not be swept", id=f"{id:032x}")
