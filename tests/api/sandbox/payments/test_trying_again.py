"""A try that failed at a channel is not the end of the payment: it can be tried again until it expires.

A channel that refused the connection made payments finally ``failed``, and the merchant's order number was burnt for
something that was neither his nor the payer's doing.
"""

from collections.abc import Callable

import pytest

from pycore.channels import ChannelConnection, ChannelOrder, Failed, Outcome, ReasonClass, Transport
from pycore.channels.transport import Exchange, NotSent
from pycore.ids import parse_typed_id
from pycore.payments import ConfirmPayment, PaymentMethod, PaymentStatus
from pycore.payments.payment import Action
from pycore.payments.wallet import Fund
from tests.api.sandbox.payments.paying import Till

PAID = {"receivable": 1050, "merchant": 1050}
_CREATE = ChannelConnection.create


def refusing(reason: ReasonClass) -> Callable[[ChannelConnection, ChannelOrder], object]:
    async def refuse(*_: object) -> Outcome:
        return Failed(reason, "REFUSED")

    return refuse


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_s10_a_channel_that_refuses_the_connection_leaves_the_payment_to_be_tried_again(
    till: Till, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    async def refuse_connection(*_: object, **__: object) -> Exchange:
        return NotSent()

    with monkeypatch.context() as away:
        away.setattr(Transport, "send", refuse_connection)
        payment = await till.pay(channel, "bar_code", reference=f"S10-{channel}")
    assert (payment.status, payment.failure_code) == (PaymentStatus.REQUIRES_ACTION, "not_sent")
    assert payment.allowed_actions == [Action.CONFIRM, Action.CANCEL]
    assert (payment.next_action, payment.channel, payment.method) == (None, None, None)
    assert await till.events(payment) == ["payment.created", "payment.requires_action"]
    assert await till.books(channel) == {}
    again = await till.confirm(payment, channel, "bar_code")
    if channel == "unionpay":  # its yes means accepted
        again = await till.until(payment, PaymentStatus.SUCCEEDED)
    assert (again.status, again.merchant_reference, again.failure_code) == (
        PaymentStatus.SUCCEEDED,
        f"S10-{channel}",
        None,
    )
    assert await till.books(channel) == PAID
    assert [attempt.number for attempt in await till.attempts(payment)] == [1, 2]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (ReasonClass.RETRY_SAME_ID, PaymentStatus.REQUIRES_ACTION),
        (ReasonClass.CONFIGURATION, PaymentStatus.REQUIRES_ACTION),
        (ReasonClass.LIMIT, PaymentStatus.REQUIRES_ACTION),
        (ReasonClass.RISK, PaymentStatus.REQUIRES_ACTION),
        (ReasonClass.FINAL, PaymentStatus.REQUIRES_ACTION),
        (ReasonClass.NEEDS_PAYER, PaymentStatus.FAILED),
        (ReasonClass.QUERY_FIRST, PaymentStatus.PROCESSING),
    ],
)
async def test_s10_only_the_payers_refusal_is_final(
    till: Till, monkeypatch: pytest.MonkeyPatch, reason: ReasonClass, status: PaymentStatus
) -> None:
    monkeypatch.setattr(ChannelConnection, "create", refusing(reason))
    payment = await till.pay("wechat")
    assert payment.status is status
    assert await till.books("wechat") == {}


async def test_s10_another_channel_may_take_what_one_refused(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(ChannelConnection, "create", refusing(ReasonClass.LIMIT))
        payment = await till.pay("wechat")
    paid = await till.confirm(payment, "alipay", "bar_code")
    assert (paid.status, paid.channel) == (PaymentStatus.SUCCEEDED, "alipay")
    assert await till.books("alipay") == PAID


async def test_s10_what_nobody_tries_again_expires_or_is_canceled(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChannelConnection, "create", refusing(ReasonClass.CONFIGURATION))
    left, called_off = await till.pay("wechat", expires_in_seconds=60), await till.pay("wechat")
    assert (await till.cancel(called_off)).status is PaymentStatus.CANCELED
    await till.sweep(61)
    assert (await till.get(left)).status is PaymentStatus.EXPIRED
    assert (await till.events(left))[-1] == "payment.expired"


async def test_s10_a_late_success_of_a_failed_try_pays_what_is_still_open(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel took the order, called it refused, and the payer paid: one payment, booked once."""

    async def refuse_after_making(connection: ChannelConnection, order: ChannelOrder) -> Outcome:
        await _CREATE(connection, order)
        return Failed(ReasonClass.LIMIT, "QUOTA_EXCEED")

    monkeypatch.setattr(ChannelConnection, "create", refuse_after_making)
    payment = await till.pay("wechat")
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    await till.act(payment, "pay")
    paid = await till.until(payment, PaymentStatus.SUCCEEDED)
    assert (paid.channel, paid.failure_code) == ("wechat", None)
    assert await till.books("wechat") == PAID
    assert await till.refunds(payment) == []


async def test_s10_a_balance_may_pay_what_a_channel_refused(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a payment nobody had been asked for could be paid from a balance."""
    await till.add_customer()
    await till.desk.payments.wallet.fund(till.tenant, till.customer, "fund", Fund(amount=2000))
    monkeypatch.setattr(ChannelConnection, "create", refusing(ReasonClass.CONFIGURATION))
    payment = await till.pay("wechat", customer_id=till.customer_id)
    paid = await till.desk.payments.payments.confirm(
        till.tenant, parse_typed_id("pay", payment.id), "balance", ConfirmPayment(method=PaymentMethod.BALANCE)
    )
    assert (paid.status, paid.method, paid.failure_code) == (PaymentStatus.SUCCEEDED, PaymentMethod.BALANCE, None)
    assert await till.books("wechat") == {"customer": 950, "merchant": 1050}
