"""The payment service: what a merchant's system calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pycore._core import NewPayment, check_confirmation, read_payment, read_payments
from pycore.errors import InvalidRequestError, PycoreError, RequestTooLargeError
from pycore.ids import IDS
from pycore.ledger import Ledger
from pycore.ledger.chart import Chart
from pycore.payments.balance_limits import BalanceLimits
from pycore.payments.book import PaymentBook, looking_again
from pycore.payments.cashier_links import Linked, without_link
from pycore.payments.changes import PaymentChanges, wrong_state
from pycore.payments.channel_methods import ChannelMethods, Confirmation
from pycore.payments.creation import OPERATION, PAYMENTS_MAX, Asked, Made, PaymentCreation, payment_of
from pycore.payments.creation_batches import CreationBatches
from pycore.payments.idempotency import Reply, RequestKey, RequestMemory, fingerprint
from pycore.payments.payment import CONFIRMABLE, FINAL, Payment, PaymentMethod, PaymentStatus, decoded_payment
from pycore.payments.record import PaymentRecord
from pycore.payments.request import (
    CancelPayment,
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    Payer,
    UpdatePayment,
    check_amount,
    check_key,
)
from pycore.tenant import Tenant

_UNPAID: Final = frozenset({PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING})
_NOBODY: Final = Payer()
_PAYER_FIELDS: Final = ("auth_code", "open_id", "client_ip")


class Payments:
    """Makes payments, changes them, and tells how they are.

    Every call that changes something carries an idempotency key: the same call with the same key is answered the same
    and done once. All raise, besides what they name: InvalidRequestError, IdempotencyMismatchError,
    RequestInProgressError, and what ``Ledger.enqueue`` raises.
    """

    def __init__(
        self,
        ledger: Ledger,
        book: PaymentBook,
        accounts: Chart,
        memory: RequestMemory,
        channels: ChannelMethods,
        limits: BalanceLimits,
        clock_ns: Callable[[], int] = time.time_ns,
        linked: Linked = without_link,
    ) -> None:
        self._book = book
        self._memory = memory
        self._channels = channels
        self._clock_ns = clock_ns
        self._linked = linked
        self._changes = PaymentChanges(book, accounts, limits, clock_ns)
        self._creation = PaymentCreation(ledger, book, accounts, limits, channels, clock_ns)
        self._batches = CreationBatches(self._creation.look_up, self._creation.record)

    async def create(
        self, tenant: Tenant, requests: Sequence[tuple[str, CreatePayment]], *, deadline: float | None = None
    ) -> list[Payment | PycoreError]:
        """Make payments, and confirm those that say so; one outcome each, in order: the payment, or why there is none.

        Args:
            tenant: whose they are.
            requests: idempotency keys and payments, at most ``PAYMENTS_MAX``.
            deadline: in ``time.monotonic()`` seconds.

        Raises what concerns all of them: RequestTooLargeError, and as ``Ledger.enqueue``.
        """
        made = await self.make(self._creation.asked(tenant, requests), deadline=deadline)
        return [payment_of(each) if isinstance(each, NewPayment) else each for each in made]

    def read(self, tenant: Tenant, message: bytes) -> NewPayment:
        """Return what a ``CreatePaymentRequest`` of gRPC asks for, to be made.

        Raises ValueError where it is none, InvalidRequestError.
        """
        return read_payment(message, tenant, IDS, self._clock_ns())

    def read_all(self, tenant: Tenant, message: bytes) -> list[NewPayment | tuple[str, InvalidRequestError]]:
        """Return what a ``SubmitPaymentsRequest`` or ``StreamPaymentsRequest`` asks for.

        In the place of a request that is not allowed is its id, and why. Raises ValueError where it is none.
        """
        return read_payments(message, tenant, IDS, self._clock_ns())

    async def make(self, asked: Sequence[Asked], *, deadline: float | None = None) -> list[Made]:
        """Make payments that were read already; as ``create``, but those decided now are not looked at any more.

        This is for callers who pass on many answers, and need no Python object of each.
        """
        if len(asked) > PAYMENTS_MAX:
            raise RequestTooLargeError(f"{len(asked)} payments in one call; the most is {PAYMENTS_MAX}")
        begun = self._creation.begin(asked)
        payments = [each for each in begun if isinstance(each, NewPayment)]
        try:
            await self._batches.made(payments, deadline)
            elsewhere = [each for each in payments if each.is_to_be_confirmed]
            if elsewhere:
                await asyncio.gather(*map(self._confirm_created, elsewhere))
        finally:
            self._creation.end(payments)
        return [self._outcome(each) if isinstance(each, NewPayment) else each for each in begun]

    def _outcome(self, payment: NewPayment) -> Made:
        outcome = payment.outcome
        if outcome is None:
            if payment.status in FINAL:
                return payment
            outcome = payment_of(payment)
        return outcome if isinstance(outcome, PycoreError) else self._linked(outcome)

    async def _confirm_created(self, payment: NewPayment) -> None:
        assert payment.method is not None
        confirmation = Confirmation(
            PaymentMethod(payment.method),
            payment.channel,
            _NOBODY if payment.payer is None else Payer(**dict(zip(_PAYER_FIELDS, payment.payer, strict=True))),
            Reply(RequestKey(payment.tenant, OPERATION, payment.key), payment.fingerprint),
        )
        try:
            async with self._book.changing(payment.id) as record:
                payment.outcome = (await self._channels.confirm(record, confirmation)).public()
        except PycoreError as error:
            payment.outcome = error

    async def get(self, tenant: Tenant, payment_id: int) -> Payment:
        """Return a payment. Raises NotFoundError."""
        return self._linked((await self._book.payment(payment_id, tenant)).public())

    async def get_by_reference(self, tenant: Tenant, merchant_reference: str) -> Payment:
        """Return the payment with the merchant's own number. Raises NotFoundError."""
        return self._linked((await self._book.payment_by_reference(tenant, merchant_reference)).public())

    async def confirm(
        self,
        tenant: Tenant,
        payment_id: int,
        key: str,
        request: ConfirmPayment,
        *,
        seconds_at_channel: int | None = None,
    ) -> Payment:
        """Ask the payer to pay. Raises NotFoundError, InvalidStateError.

        ``seconds_at_channel``: after which the channel takes nothing any more, and the payment can be paid another way;
        None: the payment's own time.
        """
        check_confirmation(request)

        async def confirmed(record: PaymentRecord, reply: Reply) -> PaymentRecord:
            if record.status not in CONFIRMABLE:
                raise wrong_state(record, "confirmed")
            if request.method is PaymentMethod.BALANCE:
                if record.status is PaymentStatus.REQUIRES_ACTION:
                    record = await self._channels.clear(record)
                return await self._changes.pay_from_balance(record, request.authentication, reply)
            payer = request.payer or _NOBODY
            return await self._channels.confirm(
                record, Confirmation(request.method, request.channel, payer, reply, seconds_at_channel)
            )

        return await self._once(tenant, payment_id, "payments.confirm", key, request, confirmed)

    async def update(self, tenant: Tenant, payment_id: int, key: str, request: UpdatePayment) -> Payment:
        """Change a payment's metadata, whatever its status. Raises NotFoundError."""

        async def updated(record: PaymentRecord, reply: Reply) -> PaymentRecord:
            return await self._changes.update(record, request, reply)

        return await self._once(tenant, payment_id, "payments.update", key, request, updated)

    async def capture(self, tenant: Tenant, payment_id: int, key: str, request: CapturePayment) -> Payment:
        """Take what was authorized, or a part. Raises NotFoundError, InvalidStateError."""
        check_amount(request.amount)

        async def captured(record: PaymentRecord, reply: Reply) -> PaymentRecord:
            if record.status is not PaymentStatus.AUTHORIZED:
                raise wrong_state(record, "captured")
            return await self._changes.capture(record, request, reply)

        return await self._once(tenant, payment_id, "payments.capture", key, request, captured)

    async def cancel(self, tenant: Tenant, payment_id: int, key: str) -> Payment:
        """Call a payment off before it is paid. Raises NotFoundError, InvalidStateError."""

        async def canceled(record: PaymentRecord, reply: Reply) -> PaymentRecord:
            if record.status is PaymentStatus.AUTHORIZED:
                return await self._changes.release(record, PaymentStatus.CANCELED, reply)
            if record.status is PaymentStatus.CREATED:
                return await self._changes.end(record, PaymentStatus.CANCELED, reply)
            if record.status in {PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING}:
                return await self._channels.cancel(record, reply)
            raise wrong_state(record, "canceled")

        return await self._once(tenant, payment_id, "payments.cancel", key, CancelPayment(), canceled)

    async def expire(self, payment_id: int) -> None:
        """End a payment whose time has run out and that no channel is concerned with."""
        async with self._book.changing(payment_id) as record:
            if record.expires_at > self._clock_ns():
                return
            if record.status is PaymentStatus.AUTHORIZED:
                await self._changes.release(record, PaymentStatus.EXPIRED, None)
            elif record.status in _UNPAID and not await self._channels.is_open(record):
                await self._changes.end(record, PaymentStatus.EXPIRED, None)

    async def _once(
        self,
        tenant: Tenant,
        payment_id: int,
        operation: str,
        key: str,
        request: object,
        change: Callable[[PaymentRecord, Reply], Awaitable[PaymentRecord]],
    ) -> Payment:
        """Change a payment unless the same request did so before; then its reply is given again."""
        check_key(key)
        reply = Reply(RequestKey(tenant, operation, key), fingerprint(request, payment_id))

        async def changed() -> Payment:
            async with self._book.changing(payment_id, tenant) as record:
                known = await self._memory.recall(reply.request)
                if (kept := known.reply_to(reply.fingerprint)) is not None:
                    return decoded_payment(kept)
                return (await change(record, reply)).public()

        self._memory.claim(reply.request)
        try:
            return self._linked(await looking_again(changed))
        finally:
            self._memory.release([reply.request])
