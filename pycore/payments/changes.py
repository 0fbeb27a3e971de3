"""Steps of one payment that the ledger alone decides: paying from a balance, capturing, releasing, ending.

The caller holds the payment's lock. Each step is one unit: transfers, the payment's next version, its event, the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pycore.errors import InvalidRequestError, InvalidStateError
from pycore.events import EventType
from pycore.ids import new_id
from pycore.ledger import CreateTransferStatus
from pycore.ledger.chart import Chart
from pycore.ledger.rows import Part
from pycore.payments import postings, tables
from pycore.payments.balance_limits import CURRENCY as LIMITED_CURRENCY
from pycore.payments.balance_limits import Authentication, BalanceLimits
from pycore.payments.book import PaymentBook, TransferRefusedError
from pycore.payments.creation import BALANCE
from pycore.payments.idempotency import Reply
from pycore.payments.payment import CONFIRMABLE, CaptureMethod, PaymentMethod, PaymentStatus, Purpose, encoded
from pycore.payments.record import PaymentRecord
from pycore.payments.request import CapturePayment, UpdatePayment, check_metadata

_SECOND: Final = 10**9
_HOLD_GONE: Final = frozenset(
    {CreateTransferStatus.PENDING_TRANSFER_EXPIRED, CreateTransferStatus.PENDING_TRANSFER_ALREADY_VOIDED}
)
_EVENTS: Final = {
    PaymentStatus.AUTHORIZED: EventType.PAYMENT_AUTHORIZED,
    PaymentStatus.SUCCEEDED: EventType.PAYMENT_SUCCEEDED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.CANCELED: EventType.PAYMENT_CANCELED,
    PaymentStatus.EXPIRED: EventType.PAYMENT_EXPIRED,
}


def wrong_state(record: PaymentRecord, verb: str) -> InvalidStateError:
    """Return the error for an action that a payment's status does not allow."""
    return InvalidStateError(f"the payment is {record.status}, so it cannot be {verb}; nothing was recorded")


def change_rows(record: PaymentRecord, event: EventType, reply: Reply | None) -> list[Part]:
    """Return the rows of a payment's next version, with its event and the reply to the request that caused it."""
    rows: list[Part] = [tables.changed_payment(record), tables.payment_event(event, record)]
    if reply is not None:
        rows.append(reply.kept(encoded(record.public()), record.updated_at))
    return rows


class PaymentChanges:
    """Takes payments from one state to the next. All raise as ``PaymentBook.commit``."""

    def __init__(self, book: PaymentBook, accounts: Chart, limits: BalanceLimits, clock_ns: Callable[[], int]) -> None:
        self._book = book
        self._accounts = accounts
        self._limits = limits
        self._clock_ns = clock_ns

    async def pay_from_balance(
        self, record: PaymentRecord, authentication: Authentication, reply: Reply
    ) -> PaymentRecord:
        """Take or hold a payment's amount from the customer's balance; too little there makes it ``failed``.

        Raises InvalidRequestError, and InvalidStateError while a channel could still take the payment.
        """
        if record.purpose is Purpose.TOP_UP or record.customer_id is None:
            raise InvalidRequestError("method: a balance pays for purchases of a customer; nothing was recorded")
        if record.status not in CONFIRMABLE:
            raise wrong_state(record, "paid from a balance")
        now_ns = self._clock_ns()
        limited = record.currency == LIMITED_CURRENCY
        if limited:
            await self._limits.load([record.customer_id], now_ns)
            refusal = self._limits.take(record.customer_id, record.amount, authentication, now_ns)
            if refusal is not None:
                return await self._refused(record, refusal, reply)
        paid = record
        try:
            paid = await self._paid(record, reply, now_ns)
        finally:
            if limited:
                self._limits.decided(record.customer_id, record.amount, paid.status)
        return paid

    async def _paid(self, record: PaymentRecord, reply: Reply, now_ns: int) -> PaymentRecord:
        manual = record.capture_method is CaptureMethod.MANUAL
        seconds = max(1, (record.expires_at - now_ns) // _SECOND)
        payer, receiver = await self._accounts.opened([postings.payer_balance(record), postings.beneficiary(record)])
        transfer = postings.pay_from_balance(record, payer, receiver, hold_seconds=seconds if manual else 0)
        paid = record.changed(
            now_ns,
            status=PaymentStatus.AUTHORIZED if manual else PaymentStatus.SUCCEEDED,
            method=PaymentMethod.BALANCE,
            channel=BALANCE,
            attempt_id=None,
            next_action=None,
            failure_code=None,
            amount_captured=0 if manual else record.amount,
            hold_id=record.id if manual else None,
        )
        try:
            await self._book.commit(change_rows(paid, _EVENTS[paid.status], reply), [transfer])
        except TransferRefusedError as refused:
            if refused.results[0].status is not CreateTransferStatus.EXCEEDS_CREDITS:
                raise
            return await self._refused(record, "insufficient_balance", reply)
        return paid

    async def _refused(self, record: PaymentRecord, failure_code: str, reply: Reply) -> PaymentRecord:
        failed = record.changed(
            self._clock_ns(),
            status=PaymentStatus.FAILED,
            method=PaymentMethod.BALANCE,
            channel=BALANCE,
            next_action=None,
            failure_code=failure_code,
        )
        await self._book.commit(change_rows(failed, EventType.PAYMENT_FAILED, reply))
        return failed

    async def update(self, record: PaymentRecord, request: UpdatePayment, reply: Reply) -> PaymentRecord:
        """Change the payment's metadata. Raises InvalidRequestError."""
        merged = {**record.metadata, **request.metadata}
        metadata = {name: value for name, value in merged.items() if value is not None}
        check_metadata(metadata)
        changed = record.changed(self._clock_ns(), metadata=metadata)
        await self._book.commit(change_rows(changed, EventType.PAYMENT_UPDATED, reply))
        return changed

    async def capture(self, record: PaymentRecord, request: CapturePayment, reply: Reply) -> PaymentRecord:
        """Take held money. Raises InvalidRequestError for more than is held, InvalidStateError for a hold gone by."""
        held = record.amount - record.amount_captured
        amount = held if request.amount is None else request.amount
        if amount > held:
            raise InvalidRequestError(f"amount: at most {held} is held; nothing was recorded")
        now_ns = self._clock_ns()
        rest_hold_id = None if request.final or amount == held else new_id()
        seconds = max(1, (record.expires_at - now_ns) // _SECOND)
        transfers = postings.capture_hold(record, amount, rest_hold_id=rest_hold_id, rest_seconds=seconds)
        captured = record.changed(
            now_ns,
            status=PaymentStatus.SUCCEEDED if rest_hold_id is None else PaymentStatus.AUTHORIZED,
            amount_captured=record.amount_captured + amount,
            hold_id=rest_hold_id,
        )
        event = EventType.PAYMENT_PARTIALLY_CAPTURED if rest_hold_id else EventType.PAYMENT_SUCCEEDED
        try:
            await self._book.commit(change_rows(captured, event, reply), transfers)
        except TransferRefusedError as refused:
            if any(result.status in _HOLD_GONE for result in refused.results):
                raise InvalidStateError("the authorization has expired; nothing was recorded") from None
            raise
        return captured

    async def release(self, record: PaymentRecord, status: PaymentStatus, reply: Reply | None) -> PaymentRecord:
        """Give a hold back. What was captured before stays: the payment has then succeeded with that."""
        if record.amount_captured:
            status = PaymentStatus.SUCCEEDED
        released = record.changed(self._clock_ns(), status=status, hold_id=None)
        rows = change_rows(released, _EVENTS[status], reply)
        try:
            await self._book.commit(rows, [postings.release_hold(record)])
        except TransferRefusedError as refused:
            if refused.results[0].status not in _HOLD_GONE:
                raise
            await self._book.commit(rows)
        if record.customer_id is not None:
            self._limits.forget(record.customer_id)
        return released

    async def end(self, record: PaymentRecord, status: PaymentStatus, reply: Reply | None) -> PaymentRecord:
        """End a payment for which nothing was moved and nobody was asked."""
        ended = record.changed(self._clock_ns(), status=status, next_action=None)
        await self._book.commit(change_rows(ended, _EVENTS[status], reply))
        return ended
