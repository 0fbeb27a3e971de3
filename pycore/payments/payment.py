"""A payment as its merchant sees it: through the doors, in events, in the library."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

PREFIX: Final = "pay"

# An Enum hashes its name in Python. Those that every payment is looked up by take the hash of what they are: text.


class PaymentStatus(StrEnum):
    """How far a payment is. ``succeeded``, ``failed``, ``canceled`` and ``expired`` are final."""

    __hash__ = str.__hash__

    CREATED = "created"
    """Nobody was asked to pay yet."""
    REQUIRES_ACTION = "requires_action"
    """The payer must act: ``next_action`` says how. Without one the last try failed: confirm again, or another way."""
    PROCESSING = "processing"
    """A channel was asked, and what became of it is not known yet."""
    AUTHORIZED = "authorized"
    """The money is held; capture or cancel."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


FINAL: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED})
"""What a payment stays for ever."""
CONFIRMABLE: Final = frozenset({PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION})
"""When a way to pay may be chosen: none was yet, or the last one may be left for another."""


class CaptureMethod(StrEnum):
    """When the money moves to the merchant."""

    __hash__ = str.__hash__

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Purpose(StrEnum):
    """Where the money goes."""

    __hash__ = str.__hash__

    PURCHASE = "purchase"
    """To the merchant."""
    TOP_UP = "top_up"
    """Onto the customer's stored balance."""


class PaymentMethod(StrEnum):
    """How the payer pays."""

    __hash__ = str.__hash__

    BALANCE = "balance"
    """From the customer's stored value."""
    QR_CODE = "qr_code"
    """The payer scans our code."""
    BAR_CODE = "bar_code"
    """The merchant scans the payer's code."""
    JSAPI = "jsapi"
    """Inside the channel's own app."""
    APP = "app"
    """From the merchant's app."""
    H5 = "h5"
    """A mobile browser opens the channel's app."""
    PAGE = "page"
    """The browser goes to the channel's page."""


class Action(StrEnum):
    """What may be done with a payment now."""

    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class NextAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the payer has to do.

    | ``type`` | what comes along |
    |---|---|
    | ``show_code`` | ``content``: show it as a QR code |
    | ``open_page`` | ``url``: send the payer's browser there |
    | ``submit_form`` | ``url``, ``fields``: let the payer's browser post them |
    | ``call_app`` | ``parameters`` for the channel's script or SDK on the payer's device |
    """

    type: Literal["show_code", "open_page", "submit_form", "call_app"]
    content: str | None = None
    url: str | None = None
    fields: dict[str, str] | None = None
    parameters: dict[str, str] | None = None


class Payment(Struct, frozen=True, kw_only=True, gc=False):
    """What a payer was asked to pay, and what became of it. Amounts are minor units of ``currency``.

    Attributes:
        id: ``pay_…``.
        merchant_reference: the merchant's own order number, unique for ever.
        live: whether real money moves.
        amount_captured: what the merchant got.
        amount_refunded: what was or is being given back.
        method: how it is or was paid; None while that is open.
        channel: through whom; None while that is open.
        failure_code: why it, or the last try to pay it, failed, in one stable word or the channel's own code.
        allowed_actions: what may be done now.
        cashier_url: where a payer can choose how to pay, in replies while the payment is not decided; not in events.
    """

    id: str
    object: Literal["payment"] = "payment"
    merchant_reference: str
    live: bool
    status: PaymentStatus
    purpose: Purpose
    amount: int
    currency: str
    amount_captured: int
    amount_refunded: int
    capture_method: CaptureMethod
    method: PaymentMethod | None
    channel: str | None
    customer_id: str | None
    store_id: str | None
    subject: str
    next_action: NextAction | None
    failure_code: str | None
    return_url: str | None
    metadata: dict[str, str]
    allowed_actions: list[Action]
    created_at: datetime
    expires_at: datetime
    updated_at: datetime
    cashier_url: str | UnsetType = UNSET


class RefundStatus(StrEnum):
    """How far a refund is. ``succeeded`` and ``failed`` are final."""

    PENDING = "pending"
    """Accepted here; the channel has not said yet that it is done."""
    REQUIRES_ACTION = "requires_action"
    """A person of ours must give the money back another way."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The channel refused; the money is the merchant's again."""


class Refund(Struct, frozen=True, kw_only=True, gc=False):
    """One giving back of a payment, in whole or in part.

    Attributes:
        id: ``rfd_…``.
        payment_id: ``pay_…``.
        merchant_reference: the merchant's own number of the refund, unique for ever.
        amount: minor units of ``currency``.
        is_automatic: whether the platform began it, to give back what was paid twice or too late.
    """

    id: str
    object: Literal["refund"] = "refund"
    payment_id: str
    merchant_reference: str
    status: RefundStatus
    amount: int
    currency: str
    channel: str
    reason: str
    is_automatic: bool
    failure_code: str | None
    created_at: datetime
    updated_at: datetime


_ENCODER: Final = msgspec.json.Encoder()
_PAYMENT: Final = msgspec.json.Decoder(Payment)
_REFUND: Final = msgspec.json.Decoder(Refund)


def encoded(resource: Payment | Refund) -> bytes:
    """Return a payment or refund as JSON."""
    return _ENCODER.encode(resource)


def decoded_payment(text: str | bytes) -> Payment:
    """Return the payment ``encoded`` wrote. Raises msgspec.ValidationError."""
    return _PAYMENT.decode(text)


def decoded_refund(text: str | bytes) -> Refund:
    """Return the refund ``encoded`` wrote. Raises msgspec.ValidationError."""
    return _REFUND.decode(text)
