"""Calls that make payments at the same time share their look-ups and their unit of work."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from pycore.errors import DeadlineExceededError, PycoreError, RowsRefusedError
from pycore.payments.book import LOOKS_MAX
from pycore.payments.creation import Creation

_PAYMENTS_MAX: Final = 2000
_QUIET_TURNS: Final = 16
_TURNS_MAX: Final = 256
# A batch costs as much as dozens of payments: while one is under way, a few calls better wait for it than make another.
_CALLS_WORTH_OVERLAPPING: Final = 32
_PATIENCE_SECONDS: Final = 0.05
"""No longer than that: a database that is away refuses, and that is to be told soon."""

Prepare = Callable[[Sequence[Creation]], Awaitable[None]]
Record = Callable[[Sequence[Creation], float | None], Awaitable[None]]


class _Call(NamedTuple):
    creations: Sequence[Creation]
    deadline: float | None
    done: asyncio.Future[None]


class CreationBatches:
    """What comes while one batch is being made durable makes up the next one; there is no timer.

    One payment alone costs as many queries, and nearly as much of everything else, as hundreds together.
    """

    def __init__(self, prepare: Prepare, record: Record) -> None:
        """``prepare`` gives an outcome to those that are not to be recorded, ``record`` makes the others durable."""
        self._prepare = prepare
        self._record = record
        self._waiting: deque[_Call] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()

    async def made(self, creations: Sequence[Creation], deadline: float | None) -> None:
        """Return when each creation has its outcome. Raises what concerns all of them."""
        call = _Call(creations, deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if len(self._waiting) >= _CALLS_WORTH_OVERLAPPING:
            self._enough.set()
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare_all(), name="payments-preparing")
        await call.done

    async def _prepare_all(self) -> None:
        try:
            while self._waiting:
                if self._under_way and len(self._waiting) < _CALLS_WORTH_OVERLAPPING:
                    await self._enough_waiting()
                await self._listen()
                calls = self._take()
                try:
                    await self._prepare([creation for call in calls for creation in call.creations])
                except Exception as error:
                    _fail(calls, error)
                else:
                    fresh = [call._replace(creations=_undecided(call.creations)) for call in calls]
                    task = asyncio.create_task(self._record_all(fresh), name="payments-recording")
                    self._under_way.add(task)
                    task.add_done_callback(self._recorded)
        finally:
            self._preparing = None

    async def _listen(self) -> None:
        """Let the event loop take in what waits in its sockets, until it brings nothing more.

        As the ledger's writer does: a request takes several turns from its socket to here.
        """
        quiet_turns, waiting = 0, len(self._waiting)
        for _ in range(_TURNS_MAX):
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if len(self._waiting) == waiting else 0
            waiting = len(self._waiting)
            if quiet_turns == _QUIET_TURNS:
                return

    async def _enough_waiting(self) -> None:
        """Wait a little, until a batch is durable or so many calls wait that they are worth a batch beside it."""
        self._enough.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._enough.wait(), _PATIENCE_SECONDS)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._enough.set()

    def _take(self) -> list[_Call]:
        """Return what waits, as far as one batch holds it, without what nobody waits for any more."""
        calls: list[_Call] = []
        room, now = _PAYMENTS_MAX, time.monotonic()
        while self._waiting and (not calls or len(self._waiting[0].creations) <= room):
            call = self._waiting.popleft()
            if call.done.done():
                continue
            if call.deadline is not None and call.deadline <= now:
                call.done.set_exception(DeadlineExceededError())
                continue
            room -= len(call.creations)
            calls.append(call)
        return calls

    async def _record_all(self, calls: Sequence[_Call], looks: int = 1) -> None:
        fresh = [creation for call in calls for creation in call.creations]
        deadlines = [call.deadline for call in calls]
        try:
            await self._record(fresh, None if None in deadlines else max(filter(None, deadlines)))
        except Exception as error:
            if len(calls) > 1 and (isinstance(error, RowsRefusedError) or not isinstance(error, PycoreError)):
                # One of them is guilty, and nothing was recorded: each for itself.
                for call in calls:
                    await self._record_all([call], looks)
            elif isinstance(error, RowsRefusedError) and looks < LOOKS_MAX:
                await self._look_again(calls[0], looks + 1)
            else:
                _fail(calls, error)
        else:
            for call in calls:
                if not call.done.done():
                    call.done.set_result(None)

    async def _look_again(self, call: _Call, looks: int) -> None:
        """Look up a call's payments once more: an earlier try of one became durable after it was looked up."""
        for creation in call.creations:
            creation.outcome = None
        try:
            await self._prepare(call.creations)
        except Exception as error:
            _fail([call], error)
        else:
            await self._record_all([call._replace(creations=_undecided(call.creations))], looks)


def _undecided(creations: Sequence[Creation]) -> list[Creation]:
    return [creation for creation in creations if creation.outcome is None]


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.done.done():
            call.done.set_exception(error)
