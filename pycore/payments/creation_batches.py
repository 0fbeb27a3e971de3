"""Calls that make payments at the same time share their look-ups and their unit of work."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from pycore._core import NewPayment
from pycore.errors import DeadlineExceededError, PycoreError, RowsRefusedError
from pycore.payments.book import LOOKS_MAX

_PAYMENTS_MAX: Final = 500
# A batch costs as much as dozens of payments: while one is under way, a few better wait for it than make another.
_PAYMENTS_WORTH_OVERLAPPING: Final = 32
_PATIENCE_SECONDS: Final = 0.05
"""No longer than that: a database that is away refuses, and that is to be told soon."""
_MOMENT_SECONDS: Final = 0.001
_DOUBT_SECONDS: Final = 10.0
"""How long payments are looked up before they are recorded, after one was there already."""

Prepare = Callable[[Sequence[NewPayment], bool], Awaitable[None]]
Record = Callable[[Sequence[NewPayment], float | None], Awaitable[None]]


class _Call(NamedTuple):
    payments: Sequence[NewPayment]
    deadline: float | None
    done: asyncio.Future[None]


class CreationBatches:
    """What comes while one batch is being made durable makes up the next one; there is no timer.

    One payment alone costs as many queries, and nearly as much of everything else, as hundreds together. Nearly every
    request is new, and the database refuses the rows of one that is not: so nobody looks before there is one.
    """

    def __init__(self, prepare: Prepare, record: Record) -> None:
        """``prepare`` gives an outcome to those that are not to be recorded, ``record`` makes the others durable.

        With True, ``prepare`` also looks for those that were made before; ``record`` raises RowsRefusedError for them.
        """
        self._prepare = prepare
        self._record = record
        self._waiting: deque[_Call] = deque()
        self._waiting_payments = 0
        self._last_calls = 0
        self._open_calls = 0
        self._calls_at_once = 0
        self._doubtful_until = 0.0
        self._under_way: set[asyncio.Task[None]] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._enough: asyncio.Future[None] | None = None
        self._enough_payments = 0

    async def made(self, payments: Sequence[NewPayment], deadline: float | None) -> None:
        """Return when each payment has its outcome. Raises what concerns all of them."""
        call = _Call(payments, deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._waiting_payments += len(payments)
        self._open_calls += 1
        self._calls_at_once = max(self._calls_at_once, self._open_calls)
        if self._waiting_payments >= self._enough_payments:
            self._go_on()
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare_all(), name="payments-preparing")
        try:
            await call.done
        finally:
            self._open_calls -= 1

    async def _prepare_all(self) -> None:
        try:
            while self._waiting:
                if self._under_way and self._waiting_payments < _PAYMENTS_WORTH_OVERLAPPING:
                    # They are worth a batch beside it once they are more; a little patience where it takes long.
                    await self._more_waiting(_PAYMENTS_WORTH_OVERLAPPING, _PATIENCE_SECONDS)
                await self._await_the_last()
                calls = self._take()
                self._last_calls = len(calls)
                self._calls_at_once = max(self._calls_at_once - 1, self._open_calls)
                looks = int(time.monotonic() < self._doubtful_until)
                if fresh := await self._prepared(calls, looks):
                    task = asyncio.create_task(self._record_all(fresh, looks), name="payments-recording")
                    self._under_way.add(task)
                    task.add_done_callback(self._recorded)
        finally:
            self._preparing = None

    async def _await_the_last(self) -> None:
        """Wait a moment for those who were answered last, and are about to ask again, with others.

        Where it were only for as many as the last, batches would never grow; for more than call at once, nobody comes.
        """
        enough = min(2 * self._last_calls - 1, self._calls_at_once, _PAYMENTS_WORTH_OVERLAPPING)
        waiting, since = 0, time.monotonic()
        while len(self._waiting) < enough:
            if len(self._waiting) > waiting:
                waiting, since = len(self._waiting), time.monotonic()
            elif time.monotonic() - since >= _MOMENT_SECONDS:
                return
            await self._more_waiting(enough, _MOMENT_SECONDS)

    async def _more_waiting(self, enough: int, seconds: float) -> None:
        """Wait for so long, until a batch is durable or so many payments wait."""
        loop = asyncio.get_running_loop()
        self._enough, self._enough_payments = loop.create_future(), enough
        # Not ``wait_for``: its task and timeout cost a batch of a few payments as much as these.
        timer = loop.call_later(seconds, self._go_on)
        try:
            await self._enough
        finally:
            timer.cancel()
            self._enough = None

    def _go_on(self) -> None:
        if self._enough is not None and not self._enough.done():
            self._enough.set_result(None)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._go_on()

    def _take(self) -> list[_Call]:
        """Return what waits, as far as one batch holds it, without what nobody waits for any more."""
        calls: list[_Call] = []
        room, now = _PAYMENTS_MAX, time.monotonic()
        while self._waiting and (not calls or len(self._waiting[0].payments) <= room):
            call = self._waiting.popleft()
            self._waiting_payments -= len(call.payments)
            if call.done.done():
                continue
            if call.deadline is not None and call.deadline <= now:
                call.done.set_exception(DeadlineExceededError())
                continue
            room -= len(call.payments)
            calls.append(call)
        return calls

    async def _prepared(self, calls: Sequence[_Call], looks: int) -> list[_Call]:
        """Return the calls with what of each is to be recorded; none where they failed."""
        try:
            await self._prepare([payment for call in calls for payment in call.payments], looks > 0)
        except Exception as error:
            _fail(calls, error)
            return []
        return [call._replace(payments=_undecided(call.payments)) for call in calls]

    async def _record_all(self, calls: Sequence[_Call], looks: int) -> None:
        """Record calls whose payments were looked up so many times."""
        fresh = [payment for call in calls for payment in call.payments]
        deadlines = [call.deadline for call in calls]
        try:
            await self._record(fresh, None if None in deadlines else max(filter(None, deadlines)))
        except RowsRefusedError as error:
            self._doubtful_until = time.monotonic() + _DOUBT_SECONDS
            if looks and len(calls) > 1:
                await self._record_each(calls, looks)
            elif looks < LOOKS_MAX:
                # One was made before, or an earlier try of one became durable after it was looked up.
                if fresh_calls := await self._looked_up_again(calls, looks + 1):
                    await self._record_all(fresh_calls, looks + 1)
            else:
                _fail(calls, error)
        except Exception as error:
            if len(calls) > 1 and not isinstance(error, PycoreError):
                await self._record_each(calls, looks)
            else:
                _fail(calls, error)
        else:
            for call in calls:
                if not call.done.done():
                    call.done.set_result(None)

    async def _record_each(self, calls: Sequence[_Call], looks: int) -> None:
        """Record calls one by one: one of them is guilty, and nothing of them was recorded."""
        for call in calls:
            await self._record_all([call], looks)

    async def _looked_up_again(self, calls: Sequence[_Call], looks: int) -> list[_Call]:
        for call in calls:
            for payment in call.payments:
                payment.outcome = None
        return await self._prepared(calls, looks)


def _undecided(payments: Sequence[NewPayment]) -> list[NewPayment]:
    return [payment for payment in payments if payment.outcome is None]


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.done.done():
            call.done.set_exception(error)
