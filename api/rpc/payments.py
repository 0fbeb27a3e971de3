"""``pycore.payments.v1.PaymentService``: each method unpacks, awaits once, packs."""

import asyncio
from typing import Any, Final

import grpc

from api.rpc import payment_messages as messages
from api.rpc.calls import Context, authorized, begin, deadline
from api.rpc.payment_stream import PaymentStream
from api.services import Services
from pycore._core import NewPayment
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.errors import InvalidRequestError, PycoreError
from pycore.merchants import Caller, Scope

SERVICE_NAME: Final = pb.DESCRIPTOR.services_by_name["PaymentService"].full_name


class PaymentService:
    """The payment service's methods."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._desk = services.payments
        self.stopping = asyncio.Event()
        """Once set, streams are read no further: what they sent is finished, then they end with UNAVAILABLE."""

    async def create_payment(self, request: bytes, context: Context, caller: Caller) -> bytes:
        """Make a payment."""
        asked = messages.read_create(self._desk.payments, caller.tenant, request)
        (made,) = await self._desk.payments.make([asked], deadline=deadline(context))
        if isinstance(made, PycoreError):
            raise made
        if isinstance(made, NewPayment):
            return made.response()
        return pb.CreatePaymentResponse(payment=messages.write_payment(made)).SerializeToString()

    async def submit_payments(self, request: bytes, context: Context, caller: Caller) -> bytes:
        """Make many payments."""
        keys, asked = messages.read_creates(self._desk.payments, caller.tenant, request)
        if not asked:
            raise InvalidRequestError("requests: at least one is needed; nothing was recorded")
        self._services.access.charge(caller, len(asked) - 1)
        return messages.write_results(keys, await self._desk.payments.make(asked, deadline=deadline(context)))

    async def stream_payments(self, _requests: Any, context: Context) -> None:
        """Make payments as they come."""
        begin(context)
        await PaymentStream(self._services, context, self.stopping).run()

    async def confirm_payment(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Ask the payer to pay."""
        message = messages.parsed(pb.ConfirmPaymentRequest, request)
        payment = await self._desk.payments.confirm(
            caller.tenant,
            messages.read_id("pay", message.payment_id),
            message.request_id,
            messages.read_confirm(message),
        )
        return pb.ConfirmPaymentResponse(payment=messages.write_payment(payment)).SerializeToString()

    async def update_payment(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Change a payment's metadata."""
        message = messages.parsed(pb.UpdatePaymentRequest, request)
        payment = await self._desk.payments.update(
            caller.tenant,
            messages.read_id("pay", message.payment_id),
            message.request_id,
            messages.read_update(message),
        )
        return pb.UpdatePaymentResponse(payment=messages.write_payment(payment)).SerializeToString()

    async def capture_payment(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Take what was authorized."""
        message = messages.parsed(pb.CapturePaymentRequest, request)
        payment = await self._desk.payments.capture(
            caller.tenant,
            messages.read_id("pay", message.payment_id),
            message.request_id,
            messages.read_capture(message),
        )
        return pb.CapturePaymentResponse(payment=messages.write_payment(payment)).SerializeToString()

    async def cancel_payment(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Call a payment off."""
        message = messages.parsed(pb.CancelPaymentRequest, request)
        payment_id = messages.read_id("pay", message.payment_id)
        payment = await self._desk.payments.cancel(caller.tenant, payment_id, message.request_id)
        return pb.CancelPaymentResponse(payment=messages.write_payment(payment)).SerializeToString()

    async def get_payment(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return a payment."""
        message = messages.parsed(pb.GetPaymentRequest, request)
        if message.HasField("merchant_reference"):
            payment = await self._desk.payments.get_by_reference(caller.tenant, message.merchant_reference)
        else:
            payment = await self._desk.payments.get(caller.tenant, messages.read_id("pay", message.payment_id))
        return pb.GetPaymentResponse(payment=messages.write_payment(payment)).SerializeToString()

    async def list_payments(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return a page of payments."""
        message = messages.parsed(pb.ListPaymentsRequest, request)
        page = await self._desk.lists.page(caller.tenant, messages.read_payment_filter(message))
        return pb.ListPaymentsResponse(
            payments=map(messages.write_payment, page.items), next_page_token=messages.next_page_token(page)
        ).SerializeToString()

    async def get_payment_timeline(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return what happened to a payment."""
        payment_id = messages.read_id("pay", messages.parsed(pb.GetPaymentTimelineRequest, request).payment_id)
        entries = await self._desk.lists.timeline(caller.tenant, payment_id)
        return pb.GetPaymentTimelineResponse(entries=map(messages.write_entry, entries)).SerializeToString()

    async def create_refund(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Give a payment back."""
        message = messages.parsed(pb.CreateRefundRequest, request)
        refund = await self._desk.refunds.create(
            caller.tenant,
            messages.read_id("pay", message.payment_id),
            message.request_id,
            messages.read_refund(message),
        )
        return pb.CreateRefundResponse(refund=messages.write_refund(refund)).SerializeToString()

    async def get_refund(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return a refund."""
        message = messages.parsed(pb.GetRefundRequest, request)
        refund = await self._desk.refunds.get(caller.tenant, messages.read_id("rfd", message.refund_id))
        return pb.GetRefundResponse(refund=messages.write_refund(refund)).SerializeToString()

    async def list_refunds(self, request: bytes, _context: Context, caller: Caller) -> bytes:
        """Return a page of refunds."""
        message = messages.parsed(pb.ListRefundsRequest, request)
        page = await self._desk.lists.refunds(caller.tenant, messages.read_refund_filter(message))
        return pb.ListRefundsResponse(
            refunds=map(messages.write_refund, page.items), next_page_token=messages.next_page_token(page)
        ).SerializeToString()

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service as gRPC takes it: every method by its name in the .proto file, and the scope it needs."""
        methods = {
            "CreatePayment": (Scope.PAYMENTS_WRITE, self.create_payment),
            "SubmitPayments": (Scope.PAYMENTS_WRITE, self.submit_payments),
            "ConfirmPayment": (Scope.PAYMENTS_WRITE, self.confirm_payment),
            "UpdatePayment": (Scope.PAYMENTS_WRITE, self.update_payment),
            "CapturePayment": (Scope.PAYMENTS_WRITE, self.capture_payment),
            "CancelPayment": (Scope.PAYMENTS_WRITE, self.cancel_payment),
            "GetPayment": (Scope.PAYMENTS_READ, self.get_payment),
            "ListPayments": (Scope.PAYMENTS_READ, self.list_payments),
            "GetPaymentTimeline": (Scope.PAYMENTS_READ, self.get_payment_timeline),
            "CreateRefund": (Scope.REFUNDS_WRITE, self.create_refund),
            "GetRefund": (Scope.PAYMENTS_READ, self.get_refund),
            "ListRefunds": (Scope.PAYMENTS_READ, self.list_refunds),
        }
        access = self._services.access
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.stream_unary_rpc_method_handler(authorized(access, scope, method))
            for name, (scope, method) in methods.items()
        }
        handlers["StreamPayments"] = grpc.stream_stream_rpc_method_handler(self.stream_payments)
        return grpc.method_handlers_generic_handler(SERVICE_NAME, handlers)
