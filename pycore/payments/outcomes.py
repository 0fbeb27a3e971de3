"""What becomes of a payment when something is certain of an attempt: rows, transfers and events, once.

| certain | attempt | payment |
|---|---|---|
| paid, and the payment waits | ``succeeded`` | ``succeeded``: channel's debt, beneficiary's money |
| paid, and it is decided | ``succeeded``, ``is_double`` | as it is: the money is in suspense, a refund begins |
| over, by the channel | ``failed`` | another attempt, or ``requires_action``: to be tried again |
| over, by the payer's refusal | ``failed`` | ``failed`` |
| over, and it had to end | ``closed`` | ``canceled``, ``expired``; ``requires_action`` where only the attempt had to |
| the payer can act | ``submitted`` | ``requires_action`` |
| nothing | ``submitted`` or ``unknown`` | as it is |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from pycore.channels import Outcome, Pending, ReasonClass, RequiresAction, Succeeded, Unknown
from pycore.channels.outcome import Action
from pycore.errors import RowsRefusedError
from pycore.events import EventType
from pycore.ids import format_typed_id, new_id
from pycore.ledger import Transfer, TransferFlags
from pycore.ledger.chart import Chart
from pycore.ledger.rows import Part
from pycore.payments import actions, postings, tables
from pycore.payments.attempt import AttemptRecord, AttemptStatus, EndsAs, RoutedAs, changed_attempt, new_attempt
from pycore.payments.attempts import Attempts, open_ones
from pycore.payments.book import PaymentBook
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.idempotency import Reply
from pycore.payments.ladder import Over, Paid, Shown, Wait
from pycore.payments.payment import FINAL, PaymentMethod, PaymentStatus, RefundStatus, encoded
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.payments.timeline import Entry, EntryKind

log = structlog.get_logger(__name__)

Certain = Paid | Over | Shown | Wait

_ENDED: Final = {
    EndsAs.CANCELED: (PaymentStatus.CANCELED, EventType.PAYMENT_CANCELED),
    EndsAs.EXPIRED: (PaymentStatus.EXPIRED, EventType.PAYMENT_EXPIRED),
}
"""What ends the payment with the attempt; whatever else ends an attempt leaves the payment to be tried again."""
_SAME_TRANSACTION: Final = "payment_attempts_by_transaction"
OTHER_AMOUNT: Final = "other_amount"
"""The channel names another amount than was asked for: nothing is booked, somebody is told."""
AUTOMATIC_REFERENCE: Final = "~"
"""Begins the reference of a refund of ours: no merchant's begins so."""


class Settled(NamedTuple):
    """A payment and its attempt after what is known was recorded."""

    payment: PaymentRecord
    attempt: AttemptRecord


class _Change:
    """What is to be recorded: the next versions, and what goes with them."""

    def __init__(self, payment: PaymentRecord, attempt: AttemptRecord, entries: Sequence[Entry]) -> None:
        self.before = Settled(payment, attempt)
        self.payment = payment
        self.attempt = attempt
        self.entries = list(entries)
        self.rows: list[Part] = []
        self.transfers: list[Transfer] = []

    def note(self, at_ns: int, kind: EntryKind, **detail: object) -> None:
        self.entries.append(Entry(at_ns, kind, {"attempt": self.attempt.number, **detail}))

    def all_rows(self) -> list[Part]:
        rows = list(self.rows)
        if self.payment is not self.before.payment:
            rows.append(tables.changed_payment(self.payment))
        if self.attempt is not self.before.attempt:
            # However many steps it took, it is one version.
            self.attempt = msgspec.structs.replace(self.attempt, version=self.before.attempt.version + 1)
            rows.append(changed_attempt(self.attempt))
        return rows + [entry.row(self.payment.id) for entry in self.entries]


class Outcomes:
    """Records what is known of attempts. Everything raises as ``PaymentBook.commit``."""

    def __init__(
        self,
        book: PaymentBook,
        attempts: Attempts,
        accounts: Chart,
        routed: Callable[[AttemptRecord], None],
        stats: ChannelStats,
        clock_ns: Callable[[], int],
    ) -> None:
        self._book = book
        self._attempts = attempts
        self._accounts = accounts
        self._routed = routed
        self._stats = stats
        self._clock_ns = clock_ns

    async def settle(
        self,
        known: AttemptRecord,
        certain: Certain,
        entries: Sequence[Entry] = (),
        *,
        last: Outcome | None = None,
        reply: Reply | None = None,
        following: AttemptRecord | None = None,
        is_reversing: bool | None = None,
    ) -> Settled:
        """Record what is known of an attempt; the same again changes nothing.

        Nothing is recorded either where it is told to be paid and a reversal began meanwhile: what was paid goes back.

        Args:
            known: which, as it was when the channel was asked.
            certain: what is known.
            entries: what led to it.
            last: the channel's last words, where nothing is certain.
            reply: the reply to a request that waits for this, kept before and amended now.
            following: the attempt that begins where this one is over and the payment goes on.
            is_reversing: whether a reversal is of unknown outcome from now on; None: as before.
        """
        async with self._book.changing(known.payment_id) as payment:
            attempt = await self._attempts.get(known.id)
            assert attempt is not None, "an attempt is recorded before anything is known of it"
            if isinstance(certain, Paid) and is_reversing is None and attempt.is_reversing and not known.is_reversing:
                return Settled(payment, attempt)
            change = _Change(payment, attempt, entries)
            if attempt.is_open and is_reversing not in {None, attempt.is_reversing}:
                change.attempt = msgspec.structs.replace(attempt, is_reversing=is_reversing)
            try:
                await self._apply(change, certain, last, following)
                if (
                    isinstance(certain, Wait)
                    and reply is not None
                    and change.payment.status is PaymentStatus.PROCESSING
                ):
                    change.rows.append(tables.payment_event(EventType.PAYMENT_PROCESSING, change.payment))
                return await self._commit(change, reply)
            except RowsRefusedError as refused:
                if refused.constraint != _SAME_TRANSACTION:
                    raise
                change = _Change(payment, attempt, entries)
                self._alert(change, "other_transaction")
                if attempt.is_open:
                    change.attempt = change.attempt.asked(self._clock_ns())
                return await self._commit(change, reply)

    async def mismatch(self, attempt: AttemptRecord, code: str, entries: Sequence[Entry]) -> None:
        """Hold an attempt that was told about with another amount or number: nothing is booked, somebody is told."""
        async with self._book.changing(attempt.payment_id) as payment:
            current = await self._attempts.get(attempt.id)
            assert current is not None
            if current.failure_code != code:  # once, however often it is told
                change = _Change(payment, current, entries)
                self._alert(change, code)
                await self._commit(change, None)

    def _alert(self, change: _Change, code: str) -> None:
        """Note what must not happen; nothing is booked on its word."""
        now_ns = self._clock_ns()
        self._stats.alerts[code] += 1
        log.error("a channel contradicts us", payment=format_typed_id("pay", change.payment.id), code=code)
        change.attempt = change.attempt.changed(now_ns, failure_code=code)
        change.note(now_ns, EntryKind.ALERT, code=code)

    async def _commit(self, change: _Change, reply: Reply | None) -> Settled:
        rows = change.all_rows()
        if reply is not None:
            rows.append(reply.amended(encoded(change.payment.public())))
        if rows:
            await self._book.commit(rows, change.transfers)
        if change.attempt.routed_as is not change.before.attempt.routed_as:
            self._routed(change.attempt)
        return Settled(change.payment, change.attempt)

    async def _apply(
        self, change: _Change, certain: Certain, last: Outcome | None, following: AttemptRecord | None
    ) -> None:
        if isinstance(certain, Paid):
            await self._paid(change, certain.paid)
        elif not change.attempt.is_open:
            return  # decided meanwhile, by a notification
        elif isinstance(certain, Over):
            await self._over(change, certain, following)
        elif isinstance(certain, Shown):
            self._shown(change, certain.action)
        else:
            self._waits(change, last)

    async def _paid(self, change: _Change, paid: Succeeded) -> None:
        attempt, payment, now_ns = change.attempt, change.payment, self._clock_ns()
        if paid.amount != attempt.money or not paid.transaction_id:
            self._alert(change, OTHER_AMOUNT)
            return
        if attempt.status is AttemptStatus.SUCCEEDED:
            if attempt.transaction_id != paid.transaction_id:
                self._alert(change, "other_transaction")
            return
        is_double = payment.status in FINAL or payment.status is PaymentStatus.AUTHORIZED
        change.attempt = attempt.changed(
            now_ns,
            status=AttemptStatus.SUCCEEDED,
            transaction_id=paid.transaction_id,
            failure_code=None,
            is_double=is_double,
            is_reversing=False,
            next_check_at=None,
            routed_as=attempt.routed_as or RoutedAs.SUCCEEDED,
        )
        if is_double:
            await self._give_back(change, now_ns)
        else:
            await self._book_payment(change, now_ns)

    async def _book_payment(self, change: _Change, now_ns: int) -> None:
        attempt = change.attempt
        change.payment = change.payment.changed(
            now_ns,
            status=PaymentStatus.SUCCEEDED,
            amount_captured=attempt.amount,
            method=PaymentMethod(attempt.method),
            channel=attempt.channel,
            attempt_id=attempt.id,
            next_action=None,
            failure_code=None,
        )
        change.transfers = [
            await postings.captured_by_channel(self._accounts, change.payment, attempt.channel, attempt.id)
        ]
        change.rows.append(tables.payment_event(EventType.PAYMENT_SUCCEEDED, change.payment))
        change.note(now_ns, EntryKind.BOOKED, channel=attempt.channel, transaction_id=attempt.transaction_id)
        # Whatever else is open must not be paid as well.
        for other in open_ones(await self._attempts.of_payment(change.payment.id)):
            if other.id != attempt.id:
                change.rows.append(changed_attempt(other.ending(EndsAs.REPLACED, now_ns)))

    async def _give_back(self, change: _Change, now_ns: int) -> None:
        """Book money the payment has no use for, and begin to give it back."""
        attempt, payment = change.attempt, change.payment
        refund = RefundRecord(
            id=new_id(),
            payment_id=payment.id,
            attempt_id=attempt.id,
            tenant=payment.tenant,
            merchant_reference=f"{AUTOMATIC_REFERENCE}{attempt.reference}",
            status=RefundStatus.PENDING,
            amount=attempt.amount,
            currency=attempt.currency,
            channel=attempt.channel,
            reason="重复支付退款 / paid twice",
            is_automatic=True,
            next_check_at=now_ns,
            created_at=now_ns,
            updated_at=now_ns,
        )
        taken = await postings.paid_twice(self._accounts, payment, attempt.channel, attempt.amount, attempt.id)
        begun = await postings.refund_began(self._accounts, payment, refund)
        change.transfers = [msgspec.structs.replace(taken, flags=taken.flags | TransferFlags.LINKED), begun]
        told = msgspec.structs.replace(payment, updated_at=now_ns)
        change.rows += [
            tables.new_refund(refund),
            tables.payment_event(EventType.PAYMENT_DOUBLE_PAID, told),
            tables.refund_event(EventType.REFUND_CREATED, refund),
        ]
        change.note(
            now_ns,
            EntryKind.DOUBLE_PAID,
            channel=attempt.channel,
            transaction_id=attempt.transaction_id,
            payment_status=payment.status,
            refund=format_typed_id("rfd", refund.id),
        )

    async def _over(self, change: _Change, over: Over, following: AttemptRecord | None) -> None:
        attempt, payment, now_ns = change.attempt, change.payment, self._clock_ns()
        change.attempt = attempt.changed(
            now_ns,
            status=AttemptStatus.CLOSED if attempt.ends_as else AttemptStatus.FAILED,
            failure_code=over.code,
            next_check_at=None,
            routed_as=attempt.routed_as or routed_as(attempt, over.reason),
        )
        change.note(now_ns, EntryKind.OVER, code=over.code, reason=over.reason)
        if payment.attempt_id != attempt.id or payment.status in FINAL:
            return
        if following is not None and attempt.ends_as is None:
            change.payment = payment.changed(now_ns, channel=following.channel, attempt_id=following.id)
            change.rows.append(new_attempt(following))
            change.entries.append(attempted(following, payment.subject))
        elif attempt.ends_as in _ENDED:
            status, event = _ENDED[attempt.ends_as]
            change.payment = payment.changed(now_ns, status=status, next_action=None, failure_code=None)
            change.rows.append(tables.payment_event(event, change.payment))
        elif attempt.ends_as is None and over.reason is ReasonClass.NEEDS_PAYER:
            change.payment = payment.changed(
                now_ns, status=PaymentStatus.FAILED, next_action=None, failure_code=over.code
            )
            change.rows.append(tables.payment_event(EventType.PAYMENT_FAILED, change.payment))
        else:
            self._open_again(change, None if attempt.ends_as is EndsAs.REPLACED else over.code, now_ns)

    def _open_again(self, change: _Change, failure_code: str | None, now_ns: int) -> None:
        """Let the payment be tried again, the same way or another, until it expires: nothing is paid, nobody takes it.

        A channel that is away, misconfigured or at its limit says nothing about the payer, and must not cost the
        merchant the number of his order.
        """
        before = change.payment
        change.payment = before.changed(
            now_ns,
            status=PaymentStatus.REQUIRES_ACTION,
            method=None,
            channel=None,
            next_action=None,
            failure_code=failure_code,
        )
        if failure_code is not None or before.status is not PaymentStatus.REQUIRES_ACTION:
            change.rows.append(tables.payment_event(EventType.PAYMENT_REQUIRES_ACTION, change.payment))

    def _shown(self, change: _Change, action: Action) -> None:
        attempt, payment, now_ns = change.attempt, change.payment, self._clock_ns()
        change.attempt = attempt.asked(now_ns, status=AttemptStatus.SUBMITTED, has_action=True)
        shown = actions.next_action(action)
        waits = payment.attempt_id == attempt.id and payment.status is PaymentStatus.PROCESSING
        if shown is not None and waits and attempt.ends_as is None:
            change.payment = payment.changed(now_ns, status=PaymentStatus.REQUIRES_ACTION, next_action=shown)
            change.rows.append(tables.payment_event(EventType.PAYMENT_REQUIRES_ACTION, change.payment))

    def _waits(self, change: _Change, last: Outcome | None) -> None:
        if isinstance(last, Unknown) and last.code == OTHER_AMOUNT and change.attempt.failure_code != OTHER_AMOUNT:
            self._alert(change, OTHER_AMOUNT)
        attempt, now_ns = change.attempt, self._clock_ns()
        known = isinstance(last, Pending | RequiresAction) or attempt.has_action
        routed = attempt.routed_as if known else attempt.routed_as or RoutedAs.UNKNOWN
        status = AttemptStatus.SUBMITTED if known else AttemptStatus.UNKNOWN
        change.attempt = attempt.asked(now_ns, status=status, routed_as=routed)
        if change.attempt.next_check_at is None:
            change.note(now_ns, EntryKind.BY_HAND, checks=change.attempt.checks_count)


def attempted(attempt: AttemptRecord, subject: str) -> Entry:
    """Return the entry of a new attempt; it tells the title sent where that is not the payment's ``subject``."""
    detail = {"attempt": attempt.number, "channel": attempt.channel, "method": attempt.method}
    if attempt.sent.subject != subject:
        detail["title_sent"] = attempt.sent.subject
    return Entry(attempt.created_at, EntryKind.ATTEMPTED, {**detail, "reference": attempt.reference})


def routed_as(attempt: AttemptRecord, reason: ReasonClass) -> RoutedAs:
    """Return how an attempt that is over ended, as far as choosing channels cares."""
    if attempt.ends_as is EndsAs.FAILED:
        return RoutedAs.UNKNOWN
    if attempt.ends_as is not None or reason in {ReasonClass.NEEDS_PAYER, ReasonClass.RISK}:
        return RoutedAs.REFUSED
    return RoutedAs.FAILED
