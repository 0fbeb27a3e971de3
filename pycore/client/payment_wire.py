"""Messages of ``pycore.payments.v1`` as the client writes and reads them."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pycore.client._generated.pycore.payments.v1 import payments_pb2 as pb
from pycore.client.failure import error_of
from pycore.errors import PycoreError
from pycore.payments import (
    Action,
    Authentication,
    CaptureMethod,
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    NextAction,
    Payer,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Purpose,
    Refund,
    RefundStatus,
    TimelineEntry,
)

STATUSES: Final = {each: pb.PaymentStatus.Value(f"PAYMENT_STATUS_{each.name}") for each in PaymentStatus}
PURPOSES: Final = {each: pb.Purpose.Value(f"PURPOSE_{each.name}") for each in Purpose}
CAPTURE_METHODS: Final = {each: pb.CaptureMethod.Value(f"CAPTURE_METHOD_{each.name}") for each in CaptureMethod}
METHODS: Final[dict[PaymentMethod | None, int]] = {
    **{each: pb.PaymentMethod.Value(f"PAYMENT_METHOD_{each.name}") for each in PaymentMethod},
    None: 0,
}
AUTHENTICATIONS: Final[dict[Authentication, int]] = {
    Authentication.NONE: pb.AUTHENTICATION_UNSPECIFIED,
    Authentication.ONE_FACTOR: pb.AUTHENTICATION_ONE_FACTOR,
    Authentication.TWO_FACTORS: pb.AUTHENTICATION_TWO_FACTORS,
    Authentication.CERTIFICATE: pb.AUTHENTICATION_CERTIFICATE,
}
REFUND_STATUSES: Final = {each: pb.RefundStatus.Value(f"REFUND_STATUS_{each.name}") for each in RefundStatus}
"""The numbers of the values on the wire."""

_STATUS_OF: Final = {number: each for each, number in STATUSES.items()}
_PURPOSE_OF: Final = {number: each for each, number in PURPOSES.items()}
_CAPTURE_METHOD_OF: Final = {number: each for each, number in CAPTURE_METHODS.items()}
_METHOD_OF: Final = {number: each for each, number in METHODS.items()}
_REFUND_STATUS_OF: Final = {number: each for each, number in REFUND_STATUSES.items()}
# The generator's stub is older than the library that runs: it takes enum numbers and datetimes too.
_CREATE: Final[Any] = pb.CreatePaymentRequest
_CONFIRM: Final[Any] = pb.ConfirmPaymentRequest
_LIST: Final[Any] = pb.ListPaymentsRequest
_LIST_REFUNDS: Final[Any] = pb.ListRefundsRequest


def write_create(request_id: str, payment: CreatePayment) -> pb.CreatePaymentRequest:
    """Return the message that asks for a payment."""
    message: pb.CreatePaymentRequest = _CREATE(
        request_id=request_id,
        merchant_reference=payment.merchant_reference,
        amount=payment.amount,
        currency=payment.currency,
        subject=payment.subject,
        purpose=PURPOSES[payment.purpose],
        capture_method=CAPTURE_METHODS[payment.capture_method],
        method=METHODS[payment.method],
        channel=payment.channel,
        customer_id=payment.customer_id,
        store_id=payment.store_id,
        confirm=payment.confirm,
        authentication=AUTHENTICATIONS[payment.authentication],
        payer=_payer(payment.payer),
        expires_in_seconds=payment.expires_in_seconds,
        return_url=payment.return_url,
        metadata=payment.metadata,
    )
    return message


def write_confirm(request_id: str, payment_id: str, request: ConfirmPayment) -> bytes:
    """Return a ``ConfirmPaymentRequest``."""
    message: pb.ConfirmPaymentRequest = _CONFIRM(
        request_id=request_id,
        payment_id=payment_id,
        method=METHODS[request.method],
        channel=request.channel,
        authentication=AUTHENTICATIONS[request.authentication],
        payer=_payer(request.payer),
    )
    return message.SerializeToString()


def write_refund(request_id: str, payment_id: str, refund: CreateRefund) -> bytes:
    """Return a ``CreateRefundRequest``."""
    return pb.CreateRefundRequest(
        request_id=request_id,
        payment_id=payment_id,
        merchant_reference=refund.merchant_reference,
        amount=refund.amount,
        reason=refund.reason,
    ).SerializeToString()


def write_list(**fields: Any) -> bytes:
    """Return a ``ListPaymentsRequest``; what is None is not asked for."""
    message: pb.ListPaymentsRequest = _LIST(**fields)
    return message.SerializeToString()


def write_list_refunds(**fields: Any) -> bytes:
    """Return a ``ListRefundsRequest``; what is None is not asked for."""
    message: pb.ListRefundsRequest = _LIST_REFUNDS(**fields)
    return message.SerializeToString()


def read_entry(message: pb.TimelineEntry) -> TimelineEntry:
    """Return one thing that happened to a payment."""
    return TimelineEntry(_moment(message.at), message.kind, msgspec.Raw(message.detail_json.encode()))


def read_payment(message: pb.Payment) -> Payment:
    """Return a payment."""
    return Payment(
        id=message.id,
        merchant_reference=message.merchant_reference,
        live=message.live,
        status=_STATUS_OF[message.status],
        purpose=_PURPOSE_OF[message.purpose],
        amount=message.amount,
        currency=message.currency,
        amount_captured=message.amount_captured,
        amount_refunded=message.amount_refunded,
        capture_method=_CAPTURE_METHOD_OF[message.capture_method],
        method=_METHOD_OF[message.method],
        channel=message.channel or None,
        customer_id=message.customer_id or None,
        store_id=message.store_id or None,
        subject=message.subject,
        next_action=_next_action(message.next_action) if message.HasField("next_action") else None,
        failure_code=message.failure_code or None,
        return_url=message.return_url or None,
        metadata=dict(message.metadata),
        allowed_actions=[Action(each) for each in message.allowed_actions],
        created_at=_moment(message.created_at),
        expires_at=_moment(message.expires_at),
        updated_at=_moment(message.updated_at),
        cashier_url=message.cashier_url or UNSET,
    )


def read_refund(message: pb.Refund) -> Refund:
    """Return a refund."""
    return Refund(
        id=message.id,
        payment_id=message.payment_id,
        merchant_reference=message.merchant_reference,
        status=_REFUND_STATUS_OF[message.status],
        amount=message.amount,
        currency=message.currency,
        channel=message.channel,
        reason=message.reason,
        is_automatic=message.is_automatic,
        failure_code=message.failure_code or None,
        created_at=_moment(message.created_at),
        updated_at=_moment(message.updated_at),
    )


def read_result(message: pb.PaymentResult) -> Payment | PycoreError:
    """Return what became of one request among several."""
    if message.HasField("payment"):
        return read_payment(message.payment)
    error = message.error
    return error_of(error.reason, error.message, error.retry_after_ms)


def _payer(payer: Payer | None) -> pb.Payer | None:
    if payer is None:
        return None
    return pb.Payer(auth_code=payer.auth_code, open_id=payer.open_id, client_ip=payer.client_ip)


def _next_action(message: pb.NextAction) -> NextAction:
    kind: Any = message.type
    return NextAction(
        type=kind,
        content=message.content or None,
        url=message.url or None,
        fields=dict(message.fields) or None,
        parameters=dict(message.parameters) or None,
    )


def _moment(message: Any) -> datetime:
    moment: datetime = message.ToDatetime(tzinfo=UTC)
    return moment
