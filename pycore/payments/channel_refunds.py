"""Refunds at channels: sent once with their number, asked about until the end, their money put back when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from pycore.channels import Capability, Refund, RequiresAction
from pycore.channels.accounts import ChannelAccounts
from pycore.channels.capability import in_force
from pycore.channels.clock import SHANGHAI
from pycore.events import EventType
from pycore.ids import format_typed_id
from pycore.ledger import Transfer
from pycore.ledger.chart import Chart
from pycore.ledger.rows import Part
from pycore.moment import moment
from pycore.payments import postings, tables
from pycore.payments.attempt import AttemptRecord
from pycore.payments.attempts import Attempts, Due
from pycore.payments.book import PaymentBook
from pycore.payments.channel_call import call
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.ladder import ORDER_GRACE_NS
from pycore.payments.payment import RefundStatus
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.payments.refund_ladder import (
    RefundOver,
    RefundPaid,
    RefundStep,
    RefundVerdict,
    refund_after,
    refund_check_at,
)
from pycore.payments.timeline import Entry, EntryKind
from pycore.store import Store, unavailable_raised

_DUE: Final = (
    "SELECT id, channel, live FROM refunds WHERE next_check_at <= $1 AND NOT (id = ANY($2::uuid[]))"
    " ORDER BY next_check_at LIMIT $3"
)
_BEFORE: Final = (
    "SELECT count(*), max(created_at) FROM refunds WHERE payment_id = $1 AND attempt_id = $2 AND id < $3"
    " AND status <> 'failed'"
)
_OPEN: Final = frozenset({RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION})
_DAY_NS: Final = 86_400 * 10**9


class _Subject(NamedTuple):
    """A refund, and the attempt it gives back."""

    refund: RefundRecord
    attempt: AttemptRecord


class ChannelRefunds:
    """Carries refunds to their end."""

    def __init__(
        self,
        store: Store,
        book: PaymentBook,
        attempts: Attempts,
        accounts: Chart,
        channels: ChannelAccounts,
        stats: ChannelStats,
        clock_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._book = book
        self._attempts = attempts
        self._accounts = accounts
        self._channels = channels
        self._stats = stats
        self._clock_ns = clock_ns
        self._tasks: set[asyncio.Task[Any]] = set()
        self.under_way: set[int] = set()
        """Ids of refunds that are being worked on."""

    async def close(self) -> None:
        """Wait for the calls under way: each within its deadline."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def due(self, now_ns: int, under_way: Iterable[int], count: int) -> list[Due]:
        """Return the refunds whose channel is to be asked now, but for those ``under_way``.

        Raises LedgerUnavailableError.
        """
        with unavailable_raised():
            rows = await self._store.pool.fetch(_DUE, now_ns, [UUID(int=each) for each in under_way], count)
        return [Due(row[0].int, row[1], row[2]) for row in rows]

    async def send(self, refund: RefundRecord) -> RefundRecord:
        """Send a new refund, which is durable; a caller that goes away does not end it."""
        await self._kept(self._work(refund.id, RefundStep.REFUND))
        return await self._book.refund(refund.id)

    async def check(self, refund_id: int) -> None:
        """Ask about an open refund, and send it (again) where the channel does not know it."""
        await self._kept(self._work(refund_id, RefundStep.QUERY))

    async def told(self, refund_id: int, verdict: RefundVerdict, entry: Entry) -> None:
        """Record what a notification says of a refund; the same again changes nothing."""
        await self._settle(refund_id, verdict, [entry])

    async def _kept(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="channel-refund")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def _work(self, refund_id: int, step: RefundStep) -> None:
        if refund_id in self.under_way:
            return
        self.under_way.add(refund_id)
        try:
            subject = await self._subject(refund_id)
            if subject is not None and not await self._is_against_rules(subject):
                await self._round(subject, step)
        finally:
            self.under_way.discard(refund_id)

    async def _subject(self, refund_id: int) -> _Subject | None:
        refund = await self._book.refund(refund_id)
        attempt = None if refund.attempt_id is None else await self._attempts.get(refund.attempt_id)
        if refund.status not in _OPEN or attempt is None or attempt.transaction_id is None:
            return None
        return _Subject(refund, attempt)

    async def _is_against_rules(self, subject: _Subject) -> bool:
        """Return whether the channel's rules keep a refund from being sent now; where for good, it has failed."""
        refund, attempt = subject.refund, subject.attempt
        connection = self._channels.connection(refund.channel, live=refund.tenant.live)
        if connection is None or refund.checks_count:
            return False
        with unavailable_raised():
            count, last = await self._store.pool.fetchrow(
                _BEFORE, UUID(int=refund.payment_id), UUID(int=attempt.id), UUID(int=refund.id)
            ) or (0, None)
        now_ns = self._clock_ns()
        code, at = _hindrance(connection.capability, attempt.updated_at, count, last, now_ns)
        if code is not None:
            entry = Entry(now_ns, EntryKind.CALLED, {"step": RefundStep.REFUND, "not_called": code})
            await self._settle(refund.id, RefundOver(code), [entry])
        elif at is not None:
            await self._settle(refund.id, None, [], next_at=at)
        return code is not None or at is not None

    async def _round(self, subject: _Subject, step: RefundStep) -> None:
        refund, attempt = subject
        connection = self._channels.connection(refund.channel, live=refund.tenant.live)
        wanted = Refund(
            refund_id=f"{refund.id:032x}",
            order=attempt.order(),
            transaction_id=attempt.transaction_id or "",
            amount=refund.value,
            reason=refund.reason,
            created_at=moment(refund.created_at).replace(microsecond=0),
            notify_url=self._channels.notify_url(refund.channel, live=refund.tenant.live),
        )
        is_first = step is RefundStep.REFUND
        entries: list[Entry] = []
        while True:
            called = await call(self._stats, connection, refund.channel, step, wanted)
            shown = {"refund": format_typed_id("rfd", refund.id), **called.detail}
            entries.append(Entry(self._clock_ns(), EntryKind.CALLED, shown))
            may_come = self._clock_ns() < refund.created_at + ORDER_GRACE_NS
            verdict = refund_after(step, called.outcome, is_first=is_first, may_come=may_come, steps=len(entries))
            if not isinstance(verdict, RefundStep):
                await self._settle(refund.id, verdict, entries)
                return
            step = verdict

    async def _settle(
        self, refund_id: int, verdict: RefundVerdict | None, entries: Sequence[Entry], *, next_at: int | None = None
    ) -> None:
        """Record what is known of a refund: done, refused, in somebody's hands, or to be asked about again."""
        found = await self._book.refund(refund_id)
        async with self._book.changing(found.payment_id) as payment:
            refund = await self._book.refund(refund_id)
            if refund.status not in _OPEN:
                return
            now_ns = self._clock_ns()
            rows: list[Part] = [entry.row(payment.id) for entry in entries]
            transfers: list[Transfer] = []
            if isinstance(verdict, RefundPaid):
                refund = refund.changed(
                    now_ns,
                    status=RefundStatus.SUCCEEDED,
                    transaction_id=verdict.transaction_id,
                    failure_code=None,
                    next_check_at=None,
                )
                transfers = [await postings.refund_done(self._accounts, payment, refund)]
                rows += self._told(payment, refund, EventType.REFUND_SUCCEEDED, EntryKind.REFUNDED)
            elif isinstance(verdict, RefundOver):
                refund = refund.changed(
                    now_ns, status=RefundStatus.FAILED, failure_code=verdict.code, next_check_at=None
                )
                transfers = [await postings.refund_returned(self._accounts, payment, refund)]
                rows += self._told(payment, refund, EventType.REFUND_FAILED, EntryKind.REFUND_REFUSED)
                if not refund.is_automatic:
                    left = payment.amount_refunded - refund.amount
                    rows.append(tables.changed_payment(payment.changed(now_ns, amount_refunded=left)))
            else:
                refund = self._asked(refund, verdict, now_ns, next_at)
                if verdict is not None and refund.status is RefundStatus.REQUIRES_ACTION != found.status:
                    rows.append(tables.refund_event(EventType.REFUND_REQUIRES_ACTION, refund))
                if refund.next_check_at is None:
                    rows.append(self._entry(refund, EntryKind.BY_HAND, now_ns).row(payment.id))
            await self._book.commit([*rows, tables.changed_refund(refund)], transfers)

    def _asked(
        self, refund: RefundRecord, verdict: RefundVerdict | None, now_ns: int, next_at: int | None
    ) -> RefundRecord:
        if next_at is not None:
            return refund.changed(now_ns, next_check_at=next_at)
        by_hand = isinstance(verdict, RequiresAction)
        return refund.changed(
            now_ns,
            status=RefundStatus.REQUIRES_ACTION if by_hand else refund.status,
            checks_count=refund.checks_count + 1,
            next_check_at=refund_check_at(refund.checks_count, refund.created_at, now_ns),
        )

    def _told(self, payment: PaymentRecord, refund: RefundRecord, event: EventType, kind: EntryKind) -> Sequence[Part]:
        return (
            tables.refund_event(event, refund),
            self._entry(refund, kind, refund.updated_at).row(payment.id),
        )

    def _entry(self, refund: RefundRecord, kind: EntryKind, now_ns: int) -> Entry:
        detail = {"refund": format_typed_id("rfd", refund.id), "status": refund.status}
        if refund.failure_code is not None:
            detail["code"] = refund.failure_code
        return Entry(now_ns, kind, detail)


def _hindrance(
    capability: Capability, paid_at: int, refunds_before: int, last_at: int | None, now_ns: int
) -> tuple[str | None, int | None]:
    """Return why a channel would refuse a refund for good, or until when it would refuse it."""
    rule = in_force(capability.refund_rules, datetime.fromtimestamp(now_ns / 1e9, SHANGHAI).date())
    if now_ns - paid_at > rule.window_days * _DAY_NS:
        return "refund_window_passed", None
    if refunds_before >= rule.partial_max:
        return "too_many_refunds", None
    if last_at is not None and last_at + rule.interval_seconds * 10**9 > now_ns:
        return None, last_at + rule.interval_seconds * 10**9
    return None, None
