"""Payments through channels, as the payment service asks for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final

from pycore._core import NewPayment
from pycore.channels import Method, Payer, Secret, scanned_code
from pycore.channels.accounts import ChannelAccounts
from pycore.channels.order import plain_address
from pycore.errors import InvalidRequestError, InvalidStateError
from pycore.events import EventType
from pycore.ids import new_id
from pycore.ledger.rows import Part
from pycore.moment import moment
from pycore.payments import tables
from pycore.payments.attempt import AttemptRecord, EndsAs, SentOrder, changed_attempt, new_attempt
from pycore.payments.attempts import Attempts, open_ones
from pycore.payments.book import PaymentBook
from pycore.payments.cashier_links import CashierLinks
from pycore.payments.channel_attempts import ChannelAttempts
from pycore.payments.channel_limits import ChannelLimits, cannot_hold
from pycore.payments.channel_methods import Confirmation
from pycore.payments.channel_refunds import ChannelRefunds
from pycore.payments.idempotency import Reply
from pycore.payments.ladder import LADDER_NS
from pycore.payments.outcomes import attempted
from pycore.payments.payment import FINAL, CaptureMethod, PaymentMethod, PaymentStatus, encoded
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.payments.routes import ChannelRoutes, Choice
from pycore.payments.timeline import Entry, EntryKind

_SECONDS_LEFT_MIN: Final = 5
"""Seconds a payment must have left for a channel to be worth asking."""


class ChannelPayments:
    """The channels behind the payment service (``ChannelMethods``)."""

    def __init__(
        self,
        book: PaymentBook,
        attempts: Attempts,
        channels: ChannelAccounts,
        limits: ChannelLimits,
        routes: ChannelRoutes,
        work: ChannelAttempts,
        refunds: ChannelRefunds,
        clock_ns: Callable[[], int],
        links: CashierLinks | None = None,
    ) -> None:
        self._book = book
        self._attempts = attempts
        self._channels = channels
        self._limits = limits
        self._routes = routes
        self._work = work
        self._refunds = refunds
        self._clock_ns = clock_ns
        self._links = links

    def refusal(self, payment: NewPayment) -> InvalidRequestError | None:
        """Return why no channel could take a new payment; see ``ChannelMethods.refusal``."""
        return self._limits.refusal(payment)

    async def confirm(self, record: PaymentRecord, confirmation: Confirmation) -> PaymentRecord:
        """Ask the payer through a channel; see ``ChannelMethods.confirm``."""
        self._refuse_impossible(record)
        attempts = [] if record.attempt_id is None else await self._attempts.of_payment(record.id)
        if any(_asks_the_same(attempt, confirmation) for attempt in open_ones(attempts)):
            return await self._unchanged(record, confirmation)
        record = await self._cleared(record, open_ones(attempts))
        if record.status in FINAL:
            return await self._unchanged(record, confirmation)
        choice = await self._choose(record, confirmation)
        numbers = itertools.count(len(attempts) + 1)
        waiting = iter(choice.channels)

        def following() -> AttemptRecord | None:
            channel = next(waiting, None)
            return None if channel is None else self._new_attempt(record, confirmation, channel, next(numbers))

        first = following()
        assert first is not None
        payer = _payer(confirmation)
        _check_order(first, payer)
        await self._begin(record, confirmation, first, choice)
        async with self._book.lent(record.id):
            return await self._work.carry(first, payer, confirmation.reply, following)

    async def cancel(self, record: PaymentRecord, reply: Reply) -> PaymentRecord:
        """Close what is open at channels, then the payment; see ``ChannelMethods.cancel``."""
        now_ns = self._clock_ns()
        open_attempts = open_ones(await self._attempts.of_payment(record.id))
        status = PaymentStatus.PROCESSING if open_attempts else PaymentStatus.CANCELED
        ending = record.changed(now_ns, status=status, next_action=None)
        rows: list[Part] = [tables.changed_payment(ending), reply.kept(encoded(ending.public()), now_ns)]
        if not open_attempts:
            rows.append(tables.payment_event(EventType.PAYMENT_CANCELED, ending))
        for attempt in open_attempts:
            rows += _ending(attempt, EndsAs.CANCELED, now_ns)
        await self._book.commit(rows)
        async with self._book.lent(record.id):
            for attempt in open_attempts:
                await self._work.end(attempt, reply)
        return await self._book.payment(record.id)

    async def clear(self, record: PaymentRecord) -> PaymentRecord:
        """Close what is open at channels; see ``ChannelMethods.clear``."""
        return await self._cleared(record, open_ones(await self._attempts.of_payment(record.id)))

    async def is_open(self, record: PaymentRecord) -> bool:
        """Return whether a channel may still take money for a payment."""
        return bool(open_ones(await self._attempts.of_payment(record.id)))

    async def refund(self, refund: RefundRecord) -> RefundRecord:
        """Ask the channel to give back; see ``ChannelMethods.refund``."""
        return await self._refunds.send(refund)

    def _refuse_impossible(self, record: PaymentRecord) -> None:
        if record.capture_method is CaptureMethod.MANUAL:
            raise cannot_hold()
        if record.expires_at - self._clock_ns() < _SECONDS_LEFT_MIN * 10**9:
            raise InvalidStateError("the payment expires in a moment, or has expired; nothing was recorded")

    async def _unchanged(self, record: PaymentRecord, confirmation: Confirmation) -> PaymentRecord:
        """Answer with the payment as it is."""
        await self._book.commit([_reply(confirmation, record)])
        return record

    async def _cleared(self, record: PaymentRecord, open_attempts: Sequence[AttemptRecord]) -> PaymentRecord:
        for attempt in open_attempts:
            record = await self._replace(record, attempt)
        return record

    async def _replace(self, record: PaymentRecord, attempt: AttemptRecord) -> PaymentRecord:
        """End an open attempt, so that another can begin: never two at once. Raises InvalidStateError."""
        if attempt.ends_as is None:
            await self._book.commit(_ending(attempt, EndsAs.REPLACED, self._clock_ns()))
        async with self._book.lent(record.id):
            await self._work.end(attempt, None)
        ended = await self._attempts.get(attempt.id)
        if ended is not None and ended.is_open:
            raise InvalidStateError(
                f"{attempt.channel} has not said yet that the payment is closed there, so it cannot be paid another"
                " way; try again in a moment"
            )
        return await self._book.payment(record.id)

    async def _choose(self, record: PaymentRecord, confirmation: Confirmation) -> Choice:
        """Return the channels to try, at least one. Raises InvalidRequestError."""
        named, method, live = _named_channel(confirmation), confirmation.method, record.tenant.live
        refusal = self._limits.excluded(record.amount, record.currency, named, method, live=live)
        if refusal is not None:
            raise refusal
        if named is not None:
            return Choice([named], {"named": named})
        choice = await self._routes.choose(record, [method], self._channels.connections(live=live))
        if not choice.channels:
            raise InvalidRequestError(f"method: no channel offers {method} for this payment now; nothing was recorded")
        return choice

    def _new_attempt(
        self, record: PaymentRecord, confirmation: Confirmation, channel: str, number: int
    ) -> AttemptRecord:
        now_ns = self._clock_ns()
        method = Method(confirmation.method)
        seconds = confirmation.seconds
        ends_at = record.expires_at if seconds is None else min(record.expires_at, now_ns + seconds * 10**9)
        cashier_url = None if self._links is None else self._links.payment_url(record.id)
        sent = SentOrder(
            subject=self._title(record, channel, method),
            notify_url=self._channels.notify_url(channel, live=record.tenant.live),
            created_at=moment(now_ns).replace(microsecond=0),
            expires_at=moment(ends_at).replace(microsecond=0),
            client_ip=_address(confirmation),
            return_url=record.return_url or cashier_url,
        )
        self._routes.begin(channel, confirmation.method, live=record.tenant.live)
        return AttemptRecord(
            id=new_id(),
            payment_id=record.id,
            tenant=record.tenant,
            number=number,
            channel=channel,
            method=method,
            amount=record.amount,
            currency=record.currency,
            sent=sent,
            open_since=now_ns,
            next_check_at=now_ns + LADDER_NS[0],
            created_at=now_ns,
            updated_at=now_ns,
        )

    def _title(self, record: PaymentRecord, channel: str, method: Method) -> str:
        connection = self._channels.connection(channel, live=record.tenant.live)
        return record.subject if connection is None else connection.capability.title(method, record.subject)

    async def _begin(
        self, record: PaymentRecord, confirmation: Confirmation, first: AttemptRecord, choice: Choice
    ) -> None:
        """Make the intention durable, and the reply for the case that we never learn more."""
        begun = record.changed(
            first.created_at,
            status=PaymentStatus.PROCESSING,
            method=confirmation.method,
            channel=first.channel,
            attempt_id=first.id,
            next_action=None,
            failure_code=None,
        )
        entries = [Entry(first.created_at, EntryKind.ROUTED, choice.decision), attempted(first, record.subject)]
        rows: list[Part] = [tables.changed_payment(begun), new_attempt(first), _reply(confirmation, begun)]
        await self._book.commit(rows + [entry.row(record.id) for entry in entries])


def _asks_the_same(attempt: AttemptRecord, confirmation: Confirmation) -> bool:
    is_same = attempt.method is Method(confirmation.method) and confirmation.channel in {None, attempt.channel}
    return is_same and attempt.has_action and attempt.ends_as is None


def _reply(confirmation: Confirmation, record: PaymentRecord) -> Part:
    return confirmation.reply.kept(encoded(record.public()), record.updated_at)


def _ending(attempt: AttemptRecord, ends_as: EndsAs, now_ns: int) -> Sequence[Part]:
    entry = Entry(now_ns, EntryKind.ENDING, {"attempt": attempt.number, "as": ends_as})
    return changed_attempt(attempt.ending(ends_as, now_ns)), entry.row(attempt.payment_id)


def _payer(confirmation: Confirmation) -> Payer:
    code = confirmation.payer.auth_code
    return Payer(open_id=confirmation.payer.open_id, auth_code=None if code is None else Secret(code))


def _address(confirmation: Confirmation) -> str | None:
    """Return the payer's address as channels take it. Raises InvalidRequestError."""
    text = confirmation.payer.client_ip
    try:
        return None if text is None else plain_address(text)
    except ValueError:
        raise InvalidRequestError(
            "payer.client_ip: must be one IPv4 or IPv6 address, for example 203.0.113.7; nothing was recorded"
        ) from None


def _named_channel(confirmation: Confirmation) -> str | None:
    """Return the channel the caller names, or whose code the payer shows. Raises InvalidRequestError."""
    if confirmation.method is not PaymentMethod.BAR_CODE:
        return confirmation.channel
    code = confirmation.payer.auth_code
    channel = None if code is None else scanned_code.channel_of(code)
    if channel is None:
        raise InvalidRequestError("payer.auth_code: this is no channel's payment code; nothing was recorded")
    if confirmation.channel not in {None, channel}:
        raise InvalidRequestError(f"channel: the payment code is one of {channel}; nothing was recorded")
    return channel


def _check_order(attempt: AttemptRecord, payer: Payer) -> None:
    """Raise InvalidRequestError where no channel would take what is to be sent."""
    try:
        attempt.order(payer)
    except ValueError as error:
        raise InvalidRequestError(f"{error}; nothing was recorded") from None
