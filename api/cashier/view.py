"""What the pages are told: as JSON, and nothing that is not for the payer's eyes."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from api.cashier.device import Device, Offer, offers
from pycore.moment import moment
from pycore.money import decimal_text
from pycore.payments import NextAction, PaymentMethod, PaymentStatus
from pycore.payments.cashier import PaymentAtCashier, StoreAtCashier

_NANOSECONDS: Final = 10**9


class Barred(msgspec.Struct, frozen=True):
    """A channel that does not take the amount, and what it takes, in major units as text."""

    channel: str
    minimum: str
    maximum: str


class ReceiptView(msgspec.Struct, frozen=True):
    """What shows that it was paid: when, and the numbers the payer's app shows."""

    paid_at: datetime
    reference: str
    transaction_id: str | None


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment for its payer.

    Attributes:
        amount: in major units, as text; of a payment that succeeded, what was taken.
        refunded: what was given back, or is on its way back; None: nothing.
        is_fully_refunded: whether nothing of it is left.
        store: the name of the store it is paid at, where there is one.
        seconds_left: whole seconds until it expires.
        channel: through whom it is being paid, or was.
        action: ``code``: scan the picture at ``code.svg``; ``go``: follow the link ``go``.
        offers: what can be chosen.
        barred: what could be chosen were the amount another.
        was_refused: the last way did not work, and another can be chosen.
        bound_seconds: for how long nothing else can be chosen than what was begun; None: it can.
        receipt: once it was paid through a channel.
        version: grows with each change.
        return_url: where the payer goes afterwards.
        store_url: where another payment can be made.
        simulator_url: in test mode, where a person plays the payer of the code.
    """

    status: PaymentStatus
    live: bool
    merchant: str
    store: str | None
    subject: str
    amount: str
    refunded: str | None
    is_fully_refunded: bool
    currency: str
    seconds_left: int
    device: Device
    channel: str | None
    action: Literal["code", "go"] | None
    offers: list[Offer]
    barred: list[Barred]
    was_refused: bool
    bound_seconds: int | None
    receipt: ReceiptView | None
    version: int
    return_url: str | None
    store_url: str | None
    simulator_url: str | None


class StoreOffer(msgspec.Struct, frozen=True):
    """One way to pay at a store, and how much, in major units as text."""

    channel: str
    method: PaymentMethod
    minimum: str
    maximum: str


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store for who scanned its code; ``order`` is sent back with the amount."""

    live: bool
    merchant: str
    store: str
    currency: str
    decimals: int
    device: Device
    offers: list[StoreOffer]
    order: str


def payment_view(found: PaymentAtCashier, device: Device, payer_page: str | None) -> PaymentView:
    """Return a payment for its payer; ``payer_page`` is the simulators', where there are some."""
    payment, currency = found.payment, found.currency
    offered = offers(device, found.ways)
    action = _action(payment.next_action, payment.channel, device, offered)
    code = payment.next_action.content if action == "code" and payment.next_action is not None else None
    is_paid = payment.status is PaymentStatus.SUCCEEDED
    return PaymentView(
        status=payment.status,
        live=payment.live,
        merchant=found.merchant_name,
        store=found.store_name,
        subject=payment.subject,
        amount=decimal_text(payment.amount_captured if is_paid else payment.amount, currency),
        refunded=decimal_text(payment.amount_refunded, currency) if payment.amount_refunded else None,
        is_fully_refunded=is_paid and payment.amount_refunded == payment.amount_captured,
        currency=payment.currency,
        seconds_left=_seconds(found.nanoseconds_left),
        device=device,
        channel=payment.channel,
        action=action,
        offers=offered,
        barred=_barred(found, device),
        was_refused=payment.failure_code is not None and bool(offered),
        bound_seconds=None if found.bound_nanoseconds is None else _seconds(found.bound_nanoseconds),
        receipt=_receipt(found),
        version=found.version,
        return_url=payment.return_url,
        store_url=found.store_url,
        simulator_url=None if payment.live or code is None or payer_page is None else _played(payer_page, code),
    )


def store_view(found: StoreAtCashier, device: Device) -> StoreView:
    """Return a store for who scanned its code."""
    return StoreView(
        live=found.store.tenant.live,
        merchant=found.merchant_name,
        store=found.store.name,
        currency=found.currency.code,
        decimals=found.currency.exponent,
        device=device,
        offers=[_store_offer(each, found) for each in offers(device, found.ways)],
        order=found.order,
    )


def _store_offer(offer: Offer, found: StoreAtCashier) -> StoreOffer:
    minimum, maximum = (decimal_text(minor, found.currency) for minor in found.limits[offer.channel])
    return StoreOffer(offer.channel, offer.method, minimum, maximum)


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // _NANOSECONDS)


def _barred(found: PaymentAtCashier, device: Device) -> list[Barred]:
    """Return what the payer would look for here and not find."""
    own = device.value if device not in {Device.PHONE, Device.DESKTOP} else None
    return [
        Barred(
            channel,
            decimal_text(limit.minimum_minor, found.currency),
            decimal_text(limit.maximum_minor, found.currency),
        )
        for channel, limit in sorted(found.barred.items())
        if own in {None, channel}
    ]


def _receipt(found: PaymentAtCashier) -> ReceiptView | None:
    receipt = found.receipt
    if receipt is None:
        return None
    return ReceiptView(moment(receipt.paid_at), receipt.reference, receipt.transaction_id)


def _action(
    next_action: NextAction | None, channel: str | None, device: Device, offered: list[Offer]
) -> Literal["code", "go"] | None:
    """Return what the payer does next with this device; None: choose."""
    if next_action is None or next_action.type == "call_app":
        return None
    if next_action.type != "show_code":
        return "go"
    # A phone cannot scan its own screen: what opens the app there is better, where it is offered.
    is_better = any(each.channel == channel and each.method is not PaymentMethod.QR_CODE for each in offered)
    of_other_app = device.value in {"wechat", "alipay", "unionpay"} and device.value != channel
    return None if device is not Device.DESKTOP and (is_better or of_other_app) else "code"


def _played(payer_page: str, code: str) -> str:
    """Return where the simulators' payer pays the order of a code: codes end with the order's token."""
    token = code
    for mark in "/=":
        token = token.rpartition(mark)[2]
    return f"{payer_page}?token={token.removeprefix('bax')}"
