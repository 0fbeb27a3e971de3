"""Messages of ``pycore.payments.v1`` turned into the library's values, and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from api.errors import MalformedRequestError, masked_message, public_error, retry_after_ms
from pycore._core import NewPayment
from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.payment_wire import AUTHENTICATIONS, CAPTURE_METHODS, METHODS, PURPOSES, REFUND_STATUSES, STATUSES
from pycore.errors import InvalidRequestError, PycoreError
from pycore.ids import parse_typed_id
from pycore.merchants import Page
from pycore.payments.creation import Asked, Made
from pycore.payments.listing import PaymentFilter, RefundFilter, TimelineEntry
from pycore.payments.payment import (
    NextAction,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from pycore.payments.payments import Payments
from pycore.payments.request import (
    CapturePayment,
    ConfirmPayment,
    CreateRefund,
    Payer,
    UpdatePayment,
)
from pycore.tenant import Tenant
from pycore.vault import mask_secrets

Known = TypeVar("Known", bound=Message)

_PAGE_SIZE: Final = 20

_STATUS_OF: Final = {number: each for each, number in STATUSES.items()} | {0: None}
_REFUND_STATUS_OF: Final[dict[int, RefundStatus | None]] = {
    number: each for each, number in REFUND_STATUSES.items()
} | {0: None}
_AUTHENTICATION_OF: Final = {number: each for each, number in AUTHENTICATIONS.items()}
_METHOD_OF: Final = {number: each for each, number in METHODS.items()}

# The generator's stubs are older than the library that runs: it takes enum numbers and datetimes too.
_PAYMENT: Final[Any] = pb.Payment
_REFUND: Final[Any] = pb.Refund
_ENTRY: Final[Any] = pb.TimelineEntry


def parsed(kind: type[Known], request: bytes) -> Known:
    """Return the message in ``request``. Raises MalformedRequestError."""
    try:
        return kind.FromString(request)
    except DecodeError as error:
        raise MalformedRequestError(f"not a {kind.DESCRIPTOR.name}: {error}") from None


def read_create(payments: Payments, tenant: Tenant, request: bytes) -> NewPayment:
    """Return the payment a ``CreatePaymentRequest`` asks for. Raises MalformedRequestError, InvalidRequestError."""
    try:
        return payments.read(tenant, request)
    except ValueError as error:
        raise MalformedRequestError(f"not a CreatePaymentRequest: {error}") from None


def read_creates(payments: Payments, tenant: Tenant, request: bytes) -> tuple[list[str], list[Asked]]:
    """Return the payments of a ``SubmitPaymentsRequest``, or ``StreamPaymentsRequest``, and their requests' ids.

    In the place of one that is not allowed is why. Raises MalformedRequestError.
    """
    try:
        read = payments.read_all(tenant, request)
    except ValueError as error:
        raise MalformedRequestError(f"not a request for payments: {error}") from None
    keys = [each.key if isinstance(each, NewPayment) else each[0] for each in read]
    return keys, [each if isinstance(each, NewPayment) else each[1] for each in read]


def read_confirm(message: pb.ConfirmPaymentRequest) -> ConfirmPayment:
    """Return how a payment is to be paid. Raises InvalidRequestError."""
    method = _read(_METHOD_OF, message.method, "method")
    if method is None:
        raise InvalidRequestError("method: is needed to confirm; nothing was recorded: say how the payer pays")
    return ConfirmPayment(
        method=method,
        channel=message.channel or None,
        authentication=_read(_AUTHENTICATION_OF, message.authentication, "authentication"),
        payer=_payer(message),
    )


def read_capture(message: pb.CapturePaymentRequest) -> CapturePayment:
    """Return what to take of a payment."""
    return CapturePayment(amount=_amount_or_none(message), final=message.final)


def read_refund(message: pb.CreateRefundRequest) -> CreateRefund:
    """Return the refund asked for."""
    return CreateRefund(
        merchant_reference=message.merchant_reference, amount=_amount_or_none(message), reason=message.reason
    )


def read_update(message: pb.UpdatePaymentRequest) -> UpdatePayment:
    """Return what to change of a payment."""
    return UpdatePayment(metadata={**message.metadata, **dict.fromkeys(message.removed_metadata)})


def read_payment_filter(message: pb.ListPaymentsRequest) -> PaymentFilter:
    """Return which payments are wanted. Raises InvalidRequestError, MalformedRequestError."""
    status: PaymentStatus | None = _read(_STATUS_OF, message.status, "status")
    return PaymentFilter(
        limit=message.page_size or _PAGE_SIZE,
        before_id=_read_id_or_none("pay", message.page_token),
        status=status,
        customer_id=_read_id_or_none("cus", message.customer_id),
        store_id=_read_id_or_none("sto", message.store_id),
        merchant_reference=message.merchant_reference or None,
        channel_transaction_id=message.channel_transaction_id or None,
        channel_order_number=message.channel_order_number or None,
        metadata=dict(message.metadata),
        created_from=read_moment(message, "created_from"),
        created_before=read_moment(message, "created_before"),
    )


def read_refund_filter(message: pb.ListRefundsRequest) -> RefundFilter:
    """Return which refunds are wanted. Raises InvalidRequestError, MalformedRequestError."""
    status: RefundStatus | None = _read(_REFUND_STATUS_OF, message.status, "status")
    return RefundFilter(
        limit=message.page_size or _PAGE_SIZE,
        before_id=_read_id_or_none("rfd", message.page_token),
        status=status,
        payment_id=_read_id_or_none("pay", message.payment_id),
        merchant_reference=message.merchant_reference or None,
        channel_transaction_id=message.channel_transaction_id or None,
        created_from=read_moment(message, "created_from"),
        created_before=read_moment(message, "created_before"),
    )


def next_page_token(page: Page[Payment] | Page[Refund]) -> str:
    """Return what asks for the page after this one; empty where this is the last."""
    return page.items[-1].id if page.has_more else ""


def read_id(prefix: str, text: str) -> int:
    """Return a typed id. Raises MalformedRequestError."""
    try:
        return parse_typed_id(prefix, text)
    except ValueError as error:
        raise MalformedRequestError(str(error)) from None


def read_moment(message: Any, field: str) -> datetime | None:
    """Return a time, None where it is not given. Raises MalformedRequestError."""
    if not message.HasField(field):
        return None
    try:
        moment: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
        return moment
    except (ValueError, OverflowError) as error:
        raise MalformedRequestError(f"{field}: {error}") from None


def _amount_or_none(message: pb.CapturePaymentRequest | pb.CreateRefundRequest) -> int | None:
    """Return the amount, None where none is given: 0 is an amount, and refused as one."""
    return message.amount if message.HasField("amount") else None


def _read_id_or_none(prefix: str, text: str) -> int | None:
    return read_id(prefix, text) if text else None


def write_payment(payment: Payment) -> pb.Payment:
    """Return a payment's message."""
    message: pb.Payment = _PAYMENT(
        id=payment.id,
        merchant_reference=payment.merchant_reference,
        live=payment.live,
        status=STATUSES[payment.status],
        purpose=PURPOSES[payment.purpose],
        amount=payment.amount,
        currency=payment.currency,
        amount_captured=payment.amount_captured,
        amount_refunded=payment.amount_refunded,
        capture_method=CAPTURE_METHODS[payment.capture_method],
        method=METHODS[payment.method],
        channel=payment.channel,
        customer_id=payment.customer_id,
        store_id=payment.store_id,
        subject=payment.subject,
        failure_code=payment.failure_code,
        return_url=payment.return_url,
        metadata=payment.metadata or None,
        allowed_actions=payment.allowed_actions,
        cashier_url=payment.cashier_url or None,
    )
    _write_moment(message.created_at, payment.created_at)
    _write_moment(message.expires_at, payment.expires_at)
    _write_moment(message.updated_at, payment.updated_at)
    if payment.next_action is not None:
        message.next_action.CopyFrom(_next_action(payment.next_action))
    return message


def write_refund(refund: Refund) -> pb.Refund:
    """Return a refund's message."""
    message: pb.Refund = _REFUND(
        id=refund.id,
        payment_id=refund.payment_id,
        merchant_reference=refund.merchant_reference,
        status=REFUND_STATUSES[refund.status],
        amount=refund.amount,
        currency=refund.currency,
        channel=refund.channel,
        reason=refund.reason,
        is_automatic=refund.is_automatic,
        failure_code=refund.failure_code,
        created_at=refund.created_at,
        updated_at=refund.updated_at,
    )
    return message


def write_entry(entry: TimelineEntry) -> pb.TimelineEntry:
    """Return the message of one thing that happened."""
    message: pb.TimelineEntry = _ENTRY(at=entry.at, kind=entry.kind, detail_json=bytes(entry.detail).decode())
    return message


def write_results(ids: Iterable[str], made: Iterable[Made]) -> bytes:
    """Return the ``SubmitPaymentsResponse`` or ``StreamPaymentsResponse``: what became of each request, in order.

    Messages back to back are one message with the results of all.
    """
    return b"".join([_result(id, each) for id, each in zip(ids, made, strict=True)])


def _result(id: str, made: Made) -> bytes:
    if isinstance(made, NewPayment):
        return made.result()
    if isinstance(made, Payment):
        result = pb.PaymentResult(request_id=id, payment=write_payment(made))
    else:
        # An id that was refused for holding a secret is not said again.
        result = pb.PaymentResult(request_id=mask_secrets(id), error=_error(made))
    return pb.SubmitPaymentsResponse(results=[result]).SerializeToString()


def _error(error: PycoreError) -> pb.PaymentError:
    public = public_error(error)
    return pb.PaymentError(
        reason=public.code.upper(), message=masked_message(public), retry_after_ms=retry_after_ms(public) or 0
    )


def _write_moment(message: Timestamp, moment: datetime) -> None:
    # The library's own way through datetime costs three times as much as all the rest of a payment.
    message.seconds = int(moment.timestamp())
    message.nanos = moment.microsecond * 1000


def _next_action(action: NextAction) -> pb.NextAction:
    return pb.NextAction(
        type=action.type,
        content=action.content,
        url=action.url,
        fields=action.fields or {},
        parameters=action.parameters or {},
    )


def _payer(message: pb.ConfirmPaymentRequest) -> Payer | None:
    if not message.HasField("payer"):
        return None
    payer = message.payer
    return Payer(auth_code=payer.auth_code or None, open_id=payer.open_id or None, client_ip=payer.client_ip or None)


def _read(known: dict[int, Any], number: int, field: str) -> Any:
    try:
        return known[number]
    except KeyError:
        raise InvalidRequestError(f"{field}: {number} is none of its values; nothing was recorded") from None
