"""What is to be done later, by the simulated clock; kept in the store, so that a restart forgets nothing."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from api.sandbox.core.clock import Clock
from api.sandbox.core.order import Task
from api.sandbox.core.store import Store

_AT_ONCE_MAX = 64
"""Tasks under way at once: most are callbacks that wait for a merchant's server."""
_LOOK_AGAIN_SECONDS = 60.0
_log = structlog.get_logger()

Doer = Callable[[Task], Coroutine[Any, Any, None]]


class Agenda:
    """Does each task when it is due. A doer takes its task off the agenda in the transaction that does it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._doers: dict[str, Doer] = {}
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def register(self, kind: str, doer: Doer) -> None:
        """Say who does tasks of this kind."""
        self._doers[kind] = doer

    def add(self, due_at: int, kind: str, target: int, tries: int = 0) -> None:
        """Put something on the agenda."""
        self._store.add_task(due_at, kind, target, tries)
        self._changed.set()

    def wake(self) -> None:
        """Look again at what is due: the clock was turned."""
        self._changed.set()

    async def run(self) -> None:
        """Do what is due, for ever; cancelling it leaves what was not finished on the agenda."""
        try:
            while True:
                self._changed.clear()
                self._start_due()
                await self._wait()
        finally:
            for each in self._under_way.values():
                each.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _start_due(self) -> None:
        if len(self._under_way) > _AT_ONCE_MAX // 2:
            return  # many at a time: asking the store anew for each that ends would cost more than doing it
        now = self._clock.now_ms()
        due = self._store.select(Task, "due_at <= ? ORDER BY due_at, id", now, limit=2 * _AT_ONCE_MAX)
        for task in due:
            if len(self._under_way) >= _AT_ONCE_MAX:
                return
            if task.id not in self._under_way:
                self._under_way[task.id] = asyncio.create_task(self._do(task))

    async def _do(self, task: Task) -> None:
        try:
            await self._doers[task.kind](task)
        except Exception:
            _log.exception("a task of the sandbox failed; it is dropped", kind=task.kind, target=task.target)
            self._store.drop_task(task.id)
        finally:
            del self._under_way[task.id]
            self._changed.set()

    async def _wait(self) -> None:
        next_due = self._store.next_due()
        seconds = _LOOK_AGAIN_SECONDS
        if next_due is not None and not self._under_way:
            seconds = min(seconds, self._clock.real_seconds_until(next_due))
        elif next_due is not None:
            # What is under way is due too, and says when it is done; what becomes due besides must not wait for it.
            later = self._store.select(Task, "due_at > ? ORDER BY due_at", self._clock.now_ms(), limit=1)
            seconds = min([seconds, *(self._clock.real_seconds_until(each.due_at) for each in later)])
        # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._changed.wait()
