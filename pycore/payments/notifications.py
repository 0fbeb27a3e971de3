"""What channels tell us by themselves: proven by their signature over the raw bytes, matched, booked once, answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from pycore.channels import (
    Failed,
    HttpNotification,
    HttpResponse,
    Notification,
    NotificationRefusedError,
    Outcome,
    RequiresAction,
    Succeeded,
    Unknown,
)
from pycore.channels.accounts import ChannelAccounts
from pycore.errors import NotFoundError
from pycore.ids import format_typed_id
from pycore.payments.attempt import AttemptRecord, AttemptStatus
from pycore.payments.attempts import Attempts
from pycore.payments.book import PaymentBook
from pycore.payments.channel_call import call
from pycore.payments.channel_refunds import ChannelRefunds
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.ladder import Over, Paid, Step
from pycore.payments.outcomes import Outcomes
from pycore.payments.payment import RefundStatus
from pycore.payments.refund_ladder import RefundOver, RefundPaid, RefundVerdict
from pycore.payments.timeline import Entry, EntryKind, described

log = structlog.get_logger(__name__)

_HEX_DIGITS: Final = 32


class Notifications:
    """Takes notifications. What one says is durable before it is answered."""

    def __init__(
        self,
        channels: ChannelAccounts,
        book: PaymentBook,
        attempts: Attempts,
        outcomes: Outcomes,
        refunds: ChannelRefunds,
        stats: ChannelStats,
        clock_ns: Callable[[], int],
    ) -> None:
        self._channels = channels
        self._book = book
        self._attempts = attempts
        self._outcomes = outcomes
        self._refunds = refunds
        self._stats = stats
        self._clock_ns = clock_ns

    async def take(self, channel: str, received: HttpNotification, *, live: bool) -> HttpResponse:
        """Return the answer to a notification.

        Raises NotFoundError where we have no account at the channel, and as ``Ledger.enqueue``: then the channel sends
        it again.
        """
        connection = self._channels.connection(channel, live=live)
        if connection is None:
            raise NotFoundError("there is no account at this channel")
        try:
            notification = await connection.verify_notification(received)
            told = await self._told(channel, notification, live=live)
        except NotificationRefusedError as refused:
            told = refused.reason
        accepted = told in _ACCEPTED
        self._stats.notifications[channel, told] += 1
        if not accepted:
            log.warning("a notification is refused", channel=channel, live=live, reason=told)
        return connection.notification_answer(accepted=accepted)

    async def _told(self, channel: str, notification: Notification, *, live: bool) -> str:
        """Record what a notification says. Raises NotificationRefusedError."""
        if notification.refund_id is not None:
            return await self._told_of_refund(channel, notification, notification.refund_id, live=live)
        attempt_id = _number(notification.payment_attempt_id)
        attempt = None if attempt_id is None else await self._attempts.get(attempt_id)
        if attempt is None or (attempt.channel, attempt.tenant.live) != (channel, live):
            return _UNKNOWN_ORDER
        entry = self._entry(notification, {"attempt": attempt.number})
        try:
            outcome = notification.matched(attempt.reference, attempt.money)
        except NotificationRefusedError as refused:
            await self._outcomes.mismatch(attempt, refused.reason, [entry])
            raise
        return await self._told_of_attempt(attempt, outcome, entry)

    async def _told_of_attempt(self, attempt: AttemptRecord, outcome: Outcome, entry: Entry) -> str:
        if isinstance(outcome, Succeeded):
            if attempt.status is AttemptStatus.SUCCEEDED and attempt.transaction_id == outcome.transaction_id:
                return _DUPLICATE
            if attempt.is_reversing:
                return await self._told_of_reversed(attempt, entry)
            settled = await self._outcomes.settle(attempt, Paid(outcome), [entry])
            if settled.attempt.is_reversing:
                return await self._told_of_reversed(settled.attempt, entry)
            return _RECORDED
        if isinstance(outcome, Failed) and outcome.reason.decides and attempt.is_open:
            await self._outcomes.settle(attempt, Over(outcome.code, outcome.reason), [entry])
            return _RECORDED
        return _UNDECIDED

    async def _told_of_reversed(self, attempt: AttemptRecord, entry: Entry) -> str:
        """Find out whether a reversed order was paid, after all, or this is an old letter.

        While the reversal is under way its own answer ends the attempt. Afterwards the channel is asked: an order that
        is paid now was paid after the reversal. A channel whose answer cannot tell is believed by its bill only.
        """
        connection = self._channels.connection(attempt.channel, live=attempt.tenant.live)
        if attempt.is_open or connection is None or not connection.capability.tells_reversed:
            return _UNDECIDED
        called = await call(self._stats, connection, attempt.channel, Step.QUERY, attempt.order())
        if isinstance(called.outcome, Unknown):
            return _NOT_ANSWERED
        if not isinstance(called.outcome, Succeeded) or called.outcome.is_given_back:
            return _UNDECIDED
        asked = Entry(self._clock_ns(), EntryKind.CALLED, {"attempt": attempt.number, **called.detail})
        await self._outcomes.settle(attempt, Paid(called.outcome), [entry, asked])
        return _RECORDED

    async def _told_of_refund(self, channel: str, notification: Notification, reference: str, *, live: bool) -> str:
        refund_id = _number(reference)
        try:
            refund = await self._book.refund(refund_id or 0)
        except NotFoundError:
            return _UNKNOWN_ORDER
        if (refund.channel, refund.tenant.live) != (channel, live):
            return _UNKNOWN_ORDER
        outcome = notification.matched(reference, refund.value)
        if refund.status in {RefundStatus.SUCCEEDED, RefundStatus.FAILED}:
            return _DUPLICATE
        verdict = _refund_verdict(outcome)
        if verdict is None:
            return _UNDECIDED
        entry = self._entry(notification, {"refund": format_typed_id("rfd", refund.id)})
        await self._refunds.told(refund.id, verdict, entry)
        return _RECORDED

    def _entry(self, notification: Notification, subject: dict[str, object]) -> Entry:
        shown = {**subject, "notification": notification.notification_id, **described(notification.outcome)}
        return Entry(self._clock_ns(), EntryKind.NOTIFIED, shown)


_RECORDED: Final = "recorded"
_DUPLICATE: Final = "duplicate"
_UNDECIDED: Final = "undecided"
_NOT_ANSWERED: Final = "not_answered"
"""The channel has to be asked and does not answer; it tells again."""
_UNKNOWN_ORDER: Final = "unknown_order"
_ACCEPTED: Final = frozenset({_RECORDED, _DUPLICATE, _UNDECIDED})


def _number(reference: str) -> int | None:
    """Return the id in a number of ours at a channel, or None where it is not one."""
    is_ours = len(reference) == _HEX_DIGITS and all(each in "0123456789abcdef" for each in reference)
    return int(reference, 16) if is_ours else None


def _refund_verdict(outcome: Outcome) -> RefundVerdict | None:
    if isinstance(outcome, Succeeded):
        return RefundPaid(outcome.transaction_id)
    if isinstance(outcome, RequiresAction):
        return outcome
    return RefundOver(outcome.code) if isinstance(outcome, Failed) and outcome.reason.decides else None
