"""What the pages are told: as JSON, and nothing that is not for the payer's eyes."""

from typing import Final, Literal

import msgspec

from api.cashier.device import Device, Offer, offers
from pycore.money import decimal_text
from pycore.payments import NextAction, PaymentMethod, PaymentStatus
from pycore.payments.cashier import PaymentAtCashier, StoreAtCashier

_NANOSECONDS: Final = 10**9


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment for its payer.

    Attributes:
        amount: in major units, as text.
        seconds_left: whole seconds until it expires.
        channel: through whom it is being paid, or was.
        action: ``code``: scan the picture at ``code.svg``; ``go``: follow the link ``go``.
        offers: what can be chosen.
        version: grows with each change.
        return_url: where the payer goes afterwards.
        store_url: where another payment can be made.
        simulator_url: in test mode, where a person plays the payer of the code.
    """

    status: PaymentStatus
    live: bool
    merchant: str
    subject: str
    amount: str
    currency: str
    seconds_left: int
    device: Device
    channel: str | None
    action: Literal["code", "go"] | None
    offers: list[Offer]
    version: int
    return_url: str | None
    store_url: str | None
    simulator_url: str | None


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store for who scanned its code; ``order`` is sent back with the amount."""

    live: bool
    merchant: str
    store: str
    currency: str
    decimals: int
    device: Device
    offers: list[Offer]
    order: str


def payment_view(found: PaymentAtCashier, device: Device, payer_page: str | None) -> PaymentView:
    """Return a payment for its payer; ``payer_page`` is the simulators', where there are some."""
    payment = found.payment
    offered = offers(device, found.ways)
    action = _action(payment.next_action, payment.channel, device, offered)
    code = payment.next_action.content if action == "code" and payment.next_action is not None else None
    return PaymentView(
        status=payment.status,
        live=payment.live,
        merchant=found.merchant_name,
        subject=payment.subject,
        amount=decimal_text(payment.amount, found.currency),
        currency=payment.currency,
        seconds_left=-(-found.nanoseconds_left // _NANOSECONDS),
        device=device,
        channel=payment.channel,
        action=action,
        offers=offered,
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
        offers=offers(device, found.ways),
        order=found.order,
    )


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
