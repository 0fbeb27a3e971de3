"""Refunds: never more than was captured, and always to an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from pycore.errors import AlreadyExistsError, InvalidRequestError, InvalidStateError
from pycore.events import EventType
from pycore.ids import new_id
from pycore.ledger import CreateTransferStatus
from pycore.ledger.chart import Chart
from pycore.ledger.rows import Part
from pycore.payments import postings, tables
from pycore.payments.book import PaymentBook, TransferRefusedError, looking_again
from pycore.payments.changes import wrong_state
from pycore.payments.channel_methods import ChannelMethods
from pycore.payments.creation import BALANCE
from pycore.payments.idempotency import Reply, RequestKey, RequestMemory, fingerprint
from pycore.payments.payment import PaymentStatus, Refund, RefundStatus, decoded_refund, encoded
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.payments.request import CreateRefund, check_key, check_refund
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

_OPERATION: Final = "refunds.create"
_TAKEN: Final = "SELECT 1 FROM refunds WHERE merchant_id = $1 AND live = $2 AND merchant_reference = $3"


class Refunds:
    """Gives payments back."""

    def __init__(
        self,
        store: Store,
        book: PaymentBook,
        accounts: Chart,
        memory: RequestMemory,
        channels: ChannelMethods,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._book = book
        self._accounts = accounts
        self._memory = memory
        self._channels = channels
        self._clock_ns = clock_ns

    async def create(self, tenant: Tenant, payment_id: int, key: str, request: CreateRefund) -> Refund:
        """Give a succeeded payment back, in whole or in part; the same key gives the same refund.

        A refund to a balance is done at once. One through a channel is durable, its money set aside, before the channel
        is asked; what the channel says later ends it.

        Raises NotFoundError, InvalidStateError (not succeeded, or the money is not there any more), InvalidRequestError
        (more than is left), AlreadyExistsError (the reference is taken), IdempotencyMismatchError,
        RequestInProgressError, and as ``Ledger.enqueue``.
        """
        check_key(key)
        check_refund(request)
        reply = Reply(RequestKey(tenant, _OPERATION, key), fingerprint(request, payment_id))
        claims = (reply.request, (tenant, "refund", request.merchant_reference))

        async def begun() -> Refund | RefundRecord:
            async with self._book.changing(payment_id, tenant) as payment:
                known = await self._memory.recall(reply.request)
                if (kept := known.reply_to(reply.fingerprint)) is not None:
                    return decoded_refund(kept)
                await self._refuse_taken(tenant, request.merchant_reference)
                return await self._begin(payment, request, reply)

        self._memory.claim(*claims)
        try:
            refund = await looking_again(begun)
            if isinstance(refund, Refund):
                return refund
            if refund.channel != BALANCE:
                refund = await self._channels.refund(refund)
            return refund.public()
        finally:
            self._memory.release(claims)

    async def get(self, tenant: Tenant, refund_id: int) -> Refund:
        """Return a refund. Raises NotFoundError."""
        return (await self._book.refund(refund_id, tenant)).public()

    async def _refuse_taken(self, tenant: Tenant, reference: str) -> None:
        with unavailable_raised():
            taken = await self._store.pool.fetchval(_TAKEN, UUID(int=tenant.merchant_id), tenant.live, reference)
        if taken:
            raise AlreadyExistsError(
                f"there is a refund with the merchant_reference {reference} already; nothing was recorded: look at it,"
                " or choose a new reference"
            )

    async def _begin(self, payment: PaymentRecord, request: CreateRefund, reply: Reply) -> RefundRecord:
        """Make the refund durable and take its money. The caller holds the payment's lock."""
        if payment.status is not PaymentStatus.SUCCEEDED or payment.channel is None:
            raise wrong_state(payment, "refunded")
        amount = payment.refundable if request.amount is None else request.amount
        if not 0 < amount <= payment.refundable:
            raise InvalidRequestError(
                f"amount: {payment.refundable} of {payment.amount_captured} is left to refund; nothing was recorded"
            )
        now_ns = self._clock_ns()
        at_once = payment.channel == BALANCE
        refund = RefundRecord(
            id=new_id(),
            payment_id=payment.id,
            attempt_id=payment.attempt_id,
            tenant=payment.tenant,
            merchant_reference=request.merchant_reference,
            status=RefundStatus.SUCCEEDED if at_once else RefundStatus.PENDING,
            amount=amount,
            currency=payment.currency,
            channel=payment.channel,
            reason=request.reason,
            next_check_at=None if at_once else now_ns,
            created_at=now_ns,
            updated_at=now_ns,
        )
        rows: list[Part] = [
            tables.new_refund(refund),
            tables.changed_payment(payment.changed(now_ns, amount_refunded=payment.amount_refunded + amount)),
            tables.refund_event(EventType.REFUND_SUCCEEDED if at_once else EventType.REFUND_CREATED, refund),
            reply.kept(encoded(refund.public()), now_ns),
        ]
        try:
            await self._book.commit(rows, [await postings.refund_began(self._accounts, payment, refund)])
        except TransferRefusedError as refused:
            if refused.results[0].status is not CreateTransferStatus.EXCEEDS_CREDITS:
                raise
            raise InvalidStateError(
                "the customer has spent what the payment put on the balance; nothing was recorded"
            ) from None
        return refund
