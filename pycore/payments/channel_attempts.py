"""Attempts at work: the channel is called, asked, told to close; what is certain is recorded.

A channel is never called under a payment's lock, so that a notification that overtakes our own call is booked at once.
An attempt is in one pair of hands at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from pycore.channels import ChannelConnection, Method, Outcome, Payer, ReasonClass, Unknown
from pycore.channels.accounts import ChannelAccounts
from pycore.errors import LedgerOverloadedError, LedgerUnavailableError, OutcomeUnknownError
from pycore.payments import ladder
from pycore.payments.attempt import AttemptRecord, EndsAs, changed_attempt
from pycore.payments.attempts import Attempts
from pycore.payments.book import PaymentBook
from pycore.payments.channel_call import call
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.idempotency import Reply
from pycore.payments.ladder import ORDER_GRACE_NS, Over, Situation, Step
from pycore.payments.outcomes import Certain, Outcomes, Settled
from pycore.payments.record import PaymentRecord
from pycore.payments.timeline import Entry, EntryKind

Value = TypeVar("Value")
NextAttempt = Callable[[], AttemptRecord | None]

_ROUTED_ON: Final = frozenset(
    {ReasonClass.RETRY_SAME_ID, ReasonClass.CONFIGURATION, ReasonClass.LIMIT, ReasonClass.FINAL}
)
"""Refusals that are the channel's, not the payer's: another channel may do it."""


class ChannelAttempts:
    """Carries attempts to their end."""

    def __init__(
        self,
        book: PaymentBook,
        attempts: Attempts,
        channels: ChannelAccounts,
        outcomes: Outcomes,
        stats: ChannelStats,
        clock_ns: Callable[[], int],
    ) -> None:
        self._book = book
        self._attempts = attempts
        self._channels = channels
        self._outcomes = outcomes
        self._stats = stats
        self._clock_ns = clock_ns
        self._tasks: set[asyncio.Task[Any]] = set()
        self.under_way: set[int] = set()
        """Ids of attempts that are being worked on."""

    async def close(self) -> None:
        """Wait for the calls under way: each within its deadline."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def carry(self, attempt: AttemptRecord, payer: Payer, reply: Reply, following: NextAttempt) -> PaymentRecord:
        """Call the channel for a new attempt, whose intention is durable, and record what came of it.

        Where the channel refuses what is not the payer's to mend, ``following`` gives the next attempt, or None. A
        caller that goes away does not end it.
        """
        return await self._kept(self._carry(attempt, payer, reply, following))

    async def check(self, attempt_id: int) -> None:
        """Ask about an open attempt, once round; end it where it has to end. Nothing where it is under way."""
        if attempt_id not in self.under_way:
            await self._kept(self._check(attempt_id, None))

    async def end(self, attempt: AttemptRecord, reply: Reply | None) -> None:
        """Ask at once about an attempt that has to end; where it is under way, its hands do so."""
        if attempt.id not in self.under_way:
            await self._kept(self._check(attempt.id, reply))

    async def _kept(self, work: Coroutine[Any, Any, Value]) -> Value:
        task = asyncio.create_task(work, name="channel-attempt")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    def _connection(self, attempt: AttemptRecord) -> ChannelConnection | None:
        return self._channels.connection(attempt.channel, live=attempt.tenant.live)

    async def _carry(self, attempt: AttemptRecord, payer: Payer, reply: Reply, following: NextAttempt) -> PaymentRecord:
        while True:
            self.under_way.add(attempt.id)
            try:
                certain, last, entries = await self._create(attempt, payer)
                is_routed_on = isinstance(certain, Over) and certain.reason in _ROUTED_ON
                following_attempt = following() if is_routed_on else None
                settled = await self._outcomes.settle(
                    attempt, certain, entries, last=last, reply=reply, following=following_attempt
                )
            except (LedgerUnavailableError, LedgerOverloadedError) as error:
                # The channel has acted, and we could not write it down: it will be asked, nothing can be said now.
                raise OutcomeUnknownError from error
            finally:
                self.under_way.discard(attempt.id)
            if following_attempt is not None and settled.payment.attempt_id == following_attempt.id:
                attempt = following_attempt
                continue
            if settled.attempt.is_open and settled.attempt.ends_as is not None:
                # It was called off while it was being made.
                await self._check(attempt.id, reply)
                return await self._book.payment(settled.payment.id)
            return settled.payment

    async def _create(self, attempt: AttemptRecord, payer: Payer) -> tuple[Certain, Outcome, list[Entry]]:
        connection, order = self._connection(attempt), attempt.order(payer)
        situation = _situation(attempt, connection, self._clock_ns(), is_first=True)
        called = await call(self._stats, connection, attempt.channel, Step.CREATE, order)
        entries = [self._entry(attempt, called.detail)]
        if isinstance(called.outcome, Unknown) and attempt.method not in ladder.PAYER_NEEDED:
            # The payer waits, and made again with the same number it is the same order.
            situation = _situation(attempt, connection, self._clock_ns())
            called = await call(self._stats, connection, attempt.channel, Step.CREATE, order)
            entries.append(self._entry(attempt, called.detail))
        certain = ladder.after(Step.CREATE, called.outcome, situation)
        assert not isinstance(certain, Step)
        return certain, called.outcome, entries

    async def _check(self, attempt_id: int, reply: Reply | None) -> None:
        if attempt_id in self.under_way:
            return
        self.under_way.add(attempt_id)
        try:
            attempt = await self._attempts.get(attempt_id)
            if attempt is None or not attempt.is_open:
                return
            now_ns = self._clock_ns()
            if attempt.ends_as is None and attempt.ends_at <= now_ns:
                attempt = await self._begin_ending(attempt)
            if attempt.is_open:
                await self._round(attempt, reply)
        finally:
            self.under_way.discard(attempt_id)

    async def _begin_ending(self, attempt: AttemptRecord) -> AttemptRecord:
        """Let nobody pay an attempt any more whose time has run out."""
        async with self._book.changing(attempt.payment_id) as payment:
            current = await self._attempts.get(attempt.id)
            if current is None or not current.is_open or current.ends_as is not None:
                return current or attempt
            ends_as = _ends_as(payment, current, self._clock_ns())
            ending = current.ending(ends_as, self._clock_ns())
            entry = Entry(ending.updated_at, EntryKind.ENDING, {"attempt": attempt.number, "as": ends_as})
            await self._book.commit([changed_attempt(ending), entry.row(attempt.payment_id)])
            return ending

    async def _round(self, attempt: AttemptRecord, reply: Reply | None) -> Settled | None:
        """Ask the channel, and do what follows, until something is certain or nothing more can be done now."""
        connection, order, is_reversing = self._connection(attempt), attempt.order(), attempt.is_reversing
        entries: list[Entry] = []
        done: set[Step] = set()
        step = ladder.first_step(_situation(attempt, connection, self._clock_ns()))
        while True:
            is_first_reversal = step is Step.REVERSE and not is_reversing
            if is_first_reversal and not await self._mark_reversing(attempt):
                return None  # decided meanwhile, by a notification
            called = await call(self._stats, connection, attempt.channel, step, order)
            entries.append(self._entry(attempt, called.detail))
            if is_first_reversal:
                is_reversing = called.was_sent and not ladder.is_refused(called.outcome)
            situation = _situation(attempt, connection, self._clock_ns(), is_reversing=is_reversing)
            verdict = ladder.after(step, called.outcome, situation, frozenset(done))
            if not isinstance(verdict, Step):
                return await self._outcomes.settle(
                    attempt, verdict, entries, last=called.outcome, reply=reply, is_reversing=is_reversing
                )
            done.add(step)
            step = verdict

    async def _mark_reversing(self, attempt: AttemptRecord) -> bool:
        """Record that a reversal is being sent: if we die now, it is repeated, and nothing is booked meanwhile.

        Returns whether there is something left to reverse.
        """
        async with self._book.changing(attempt.payment_id):
            current = await self._attempts.get(attempt.id)
            if current is None or not current.is_open:
                return False
            await self._book.commit([changed_attempt(current.changed(self._clock_ns(), is_reversing=True))])
            return True

    def _entry(self, attempt: AttemptRecord, detail: dict[str, object]) -> Entry:
        return Entry(self._clock_ns(), EntryKind.CALLED, {"attempt": attempt.number, **detail})


def _ends_as(payment: PaymentRecord, attempt: AttemptRecord, now_ns: int) -> EndsAs:
    """Return what becomes of a payment nobody paid at a channel in time: it may have time left for another."""
    if attempt.method is Method.BAR_CODE:
        return EndsAs.FAILED
    return EndsAs.REPLACED if payment.expires_at > now_ns else EndsAs.EXPIRED


def _situation(
    attempt: AttemptRecord,
    connection: ChannelConnection | None,
    now_ns: int,
    *,
    is_first: bool = False,
    is_reversing: bool | None = None,
) -> Situation:
    capability = None if connection is None else connection.capability
    lives_until = attempt.created_at if attempt.method is Method.BAR_CODE else attempt.expires_at
    return Situation(
        method=attempt.method,
        closes=capability is not None and attempt.method in capability.closes,
        reverses=capability is not None and attempt.method in capability.reverses,
        has_action=attempt.has_action,
        is_ending=attempt.ends_as is not None,
        is_reversing=attempt.is_reversing if is_reversing is None else is_reversing,
        is_first=is_first,
        may_come=now_ns < lives_until + ORDER_GRACE_NS,
    )
