"""The typed async client of ``pycore.payments.v1.PaymentService``."""

import uuid
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from pycore.client import payment_wire as wire
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.credentials import TlsCredentials
from pycore.client.pipelined_stream import PipelinedStream
from pycore.client.server import Client, Server, UnaryMethod
from pycore.errors import PycoreError
from pycore.merchants import Page
from pycore.payments import (
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    TimelineEntry,
)

SERVICE: Final = "pycore.payments.v1.PaymentService"
TIMEOUT_SECONDS: Final = 10.0
UNANSWERED_PAYMENTS_MAX: Final = 4096
"""Payments of a stream on their way without an answer; beyond, its source is not asked for more."""


class PaymentClient(Client):
    """The payments of one merchant, in the mode of its key.

    ``async with PaymentClient("127.0.0.1:7400", api_key="sk_test_…") as payments``. Every call that changes something
    takes a ``request_id``, made here where none is given; a call that meets a full queue, a database that is away or a
    lost connection is sent again with the same one until ``timeout_seconds`` have passed, so that it is done once. Give
    your own where your process may die and ask again.

    Raises, from every method: UnauthenticatedError, PermissionDeniedError, RateLimitedError (the key);
    InvalidRequestError, NotFoundError, InvalidStateError, AlreadyExistsError, IdempotencyMismatchError (the request);
    LedgerOverloadedError, LedgerUnavailableError, DeadlineExceededError (nothing was recorded); and, from those that
    change something, OutcomeUnknownError (ask again with the same ``request_id``).
    """

    def __init__(
        self,
        address: str,
        *,
        api_key: str,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: TlsCredentials | None = None,
    ) -> None:
        """``address`` is ``host:port``; ``credentials`` (``tls_credentials(…)``) are for a server that speaks TLS."""
        super().__init__(Server(address, timeout_seconds, credentials, api_key))
        self._create = self._method("CreatePayment")
        self._submit = self._method("SubmitPayments")
        self._confirm = self._method("ConfirmPayment")
        self._update = self._method("UpdatePayment")
        self._capture = self._method("CapturePayment")
        self._cancel = self._method("CancelPayment")
        self._get = self._method("GetPayment")
        self._list = self._method("ListPayments")
        self._get_timeline = self._method("GetPaymentTimeline")
        self._refund = self._method("CreateRefund")
        self._get_refund = self._method("GetRefund")
        self._list_refunds = self._method("ListRefunds")

    # -- changing

    async def create(self, payment: CreatePayment, *, request_id: str | None = None) -> Payment:
        """Make a payment, and ask the payer at once where it says ``confirm``."""
        request = wire.write_create(request_id or _new_request_id(), payment).SerializeToString()
        response = await self._server.call(self._create, request, writes=True)
        return wire.read_payment(pb.CreatePaymentResponse.FromString(response).payment)

    async def submit(self, payments: Sequence[tuple[str, CreatePayment]]) -> list[Payment | PycoreError]:
        """Make up to 1,000 payments, given with their request ids; one outcome each, in order."""
        request = pb.SubmitPaymentsRequest(requests=[wire.write_create(*each) for each in payments])
        response = await self._server.call(self._submit, request.SerializeToString(), writes=True)
        return [wire.read_result(each) for each in pb.SubmitPaymentsResponse.FromString(response).results]

    async def stream(
        self, payments: AsyncIterable[tuple[str, CreatePayment]] | Iterable[tuple[str, CreatePayment]]
    ) -> AsyncIterator[Payment | PycoreError]:
        """Make payments, given with their request ids, without waiting for each answer; yield outcomes in order.

        A broken stream is taken up again where the answers ended.
        """
        stream = PipelinedStream(
            partial(self._server.stream, f"/{SERVICE}/StreamPayments"),
            payments,
            encode=_encoded,
            decode=_decoded,
            unanswered_items_max=UNANSWERED_PAYMENTS_MAX,
            timeout_seconds=self._server.timeout_seconds,
        )
        try:
            async for outcomes in stream.results():
                for outcome in outcomes:
                    yield outcome
        finally:
            await stream.close()

    async def confirm(self, payment_id: str, request: ConfirmPayment, *, request_id: str | None = None) -> Payment:
        """Ask the payer to pay."""
        message = wire.write_confirm(request_id or _new_request_id(), payment_id, request)
        response = await self._server.call(self._confirm, message, writes=True)
        return wire.read_payment(pb.ConfirmPaymentResponse.FromString(response).payment)

    async def update(
        self, payment_id: str, metadata: Mapping[str, str | None], *, request_id: str | None = None
    ) -> Payment:
        """Change a payment's metadata: set entries, take away those that are None; what is not named stays."""
        message = pb.UpdatePaymentRequest(
            request_id=request_id or _new_request_id(),
            payment_id=payment_id,
            metadata={name: value for name, value in metadata.items() if value is not None},
            removed_metadata=[name for name, value in metadata.items() if value is None],
        )
        response = await self._server.call(self._update, message.SerializeToString(), writes=True)
        return wire.read_payment(pb.UpdatePaymentResponse.FromString(response).payment)

    async def capture(
        self, payment_id: str, request: CapturePayment | None = None, *, request_id: str | None = None
    ) -> Payment:
        """Take what was authorized, or the part ``request`` says; the rest stays held unless that is ``final``."""
        asked = request or CapturePayment()
        message = pb.CapturePaymentRequest(
            request_id=request_id or _new_request_id(),
            payment_id=payment_id,
            amount=asked.amount,
            final=asked.final,
        )
        response = await self._server.call(self._capture, message.SerializeToString(), writes=True)
        return wire.read_payment(pb.CapturePaymentResponse.FromString(response).payment)

    async def cancel(self, payment_id: str, *, request_id: str | None = None) -> Payment:
        """Call a payment off before it is paid."""
        message = pb.CancelPaymentRequest(request_id=request_id or _new_request_id(), payment_id=payment_id)
        response = await self._server.call(self._cancel, message.SerializeToString(), writes=True)
        return wire.read_payment(pb.CancelPaymentResponse.FromString(response).payment)

    async def refund(self, payment_id: str, refund: CreateRefund, *, request_id: str | None = None) -> Refund:
        """Give a succeeded payment back, in whole or in part."""
        message = wire.write_refund(request_id or _new_request_id(), payment_id, refund)
        response = await self._server.call(self._refund, message, writes=True)
        return wire.read_refund(pb.CreateRefundResponse.FromString(response).refund)

    # -- reading

    async def get(self, payment_id: str) -> Payment:
        """Return a payment."""
        return await self._got(pb.GetPaymentRequest(payment_id=payment_id))

    async def get_by_reference(self, merchant_reference: str) -> Payment:
        """Return the payment with the merchant's own number."""
        return await self._got(pb.GetPaymentRequest(merchant_reference=merchant_reference))

    async def list(
        self,
        *,
        limit: int = 20,
        starting_after: str | None = None,
        status: PaymentStatus | None = None,
        customer_id: str | None = None,
        store_id: str | None = None,
        merchant_reference: str | None = None,
        channel_transaction_id: str | None = None,
        channel_order_number: str | None = None,
        metadata: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Page[Payment]:
        """Return payments, newest first: those for which everything holds that is given.

        Args:
            limit: at most so many, 1 to 100.
            starting_after: the last id of the page before.
            status: only those with this status.
            customer_id: ``cus_…``.
            store_id: ``sto_…``.
            merchant_reference: the merchant's own number.
            channel_transaction_id: the channel's own number, as on the payer's receipt.
            channel_order_number: our number at the channel, on the same receipt.
            metadata: entries that it has, and perhaps others.
            created_from: with zone; to the millisecond, as ``created_before``.
            created_before: with zone.
        """
        message = wire.write_list(
            page_size=limit,
            page_token=starting_after,
            status=None if status is None else wire.STATUSES[status],
            customer_id=customer_id,
            store_id=store_id,
            merchant_reference=merchant_reference,
            channel_transaction_id=channel_transaction_id,
            channel_order_number=channel_order_number,
            metadata=metadata,
            created_from=created_from,
            created_before=created_before,
        )
        response = pb.ListPaymentsResponse.FromString(await self._server.call(self._list, message))
        return Page([wire.read_payment(each) for each in response.payments], bool(response.next_page_token))

    async def timeline(self, payment_id: str) -> Sequence[TimelineEntry]:
        """Return what happened to a payment, oldest first: calls to channels, answers, decisions."""
        request = pb.GetPaymentTimelineRequest(payment_id=payment_id).SerializeToString()
        response = await self._server.call(self._get_timeline, request)
        return [wire.read_entry(each) for each in pb.GetPaymentTimelineResponse.FromString(response).entries]

    async def get_refund(self, refund_id: str) -> Refund:
        """Return a refund."""
        request = pb.GetRefundRequest(refund_id=refund_id).SerializeToString()
        response = await self._server.call(self._get_refund, request)
        return wire.read_refund(pb.GetRefundResponse.FromString(response).refund)

    async def refunds(
        self,
        payment_id: str | None = None,
        *,
        limit: int = 20,
        starting_after: str | None = None,
        status: RefundStatus | None = None,
        merchant_reference: str | None = None,
        channel_transaction_id: str | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Page[Refund]:
        """Return refunds, newest first, all or those of one payment; as ``list``."""
        message = wire.write_list_refunds(
            payment_id=payment_id,
            page_size=limit,
            page_token=starting_after,
            status=None if status is None else wire.REFUND_STATUSES[status],
            merchant_reference=merchant_reference,
            channel_transaction_id=channel_transaction_id,
            created_from=created_from,
            created_before=created_before,
        )
        response = pb.ListRefundsResponse.FromString(await self._server.call(self._list_refunds, message))
        return Page([wire.read_refund(each) for each in response.refunds], bool(response.next_page_token))

    async def _got(self, request: pb.GetPaymentRequest) -> Payment:
        response = await self._server.call(self._get, request.SerializeToString())
        return wire.read_payment(pb.GetPaymentResponse.FromString(response).payment)

    def _method(self, name: str) -> UnaryMethod:
        return self._server.method(f"/{SERVICE}/{name}")


def _new_request_id() -> str:
    return uuid.uuid4().hex


def _encoded(payment: tuple[str, CreatePayment]) -> tuple[bytes, int]:
    return pb.StreamPaymentsRequest(request=wire.write_create(*payment)).SerializeToString(), 1


def _decoded(response: bytes) -> tuple[Sequence[Payment | PycoreError], int]:
    results = pb.StreamPaymentsResponse.FromString(response).results
    return [wire.read_result(each) for each in results], len(results)
