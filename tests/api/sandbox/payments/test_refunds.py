"""Refunds through the simulated channels: each ends, money is given back once or stays where it was."""

import asyncio

import pytest

from pycore.channels import ChannelConnection, Failed, Outcome, ReasonClass, RequiresAction, Unknown
from pycore.channels import Refund as ChannelRefund
from pycore.channels.outcome import HandleByHand
from pycore.errors import InvalidRequestError, InvalidStateError
from pycore.ids import parse_typed_id
from pycore.payments import Payment, PaymentStatus, Refund, RefundStatus
from tests.api.sandbox.payments.paying import Till, eventually

CHANNELS = ("wechat", "alipay", "unionpay")


async def paid(till: Till, channel: str, minor: int = 1050) -> Payment:
    payment = await till.pay(channel, minor=minor)
    await till.act(payment, "pay")
    return await till.until(payment, PaymentStatus.SUCCEEDED)


async def at_end(till: Till, payment: Payment) -> list[Refund]:
    """The refunds of a payment once all have ended; the sweeper goes on meanwhile."""
    found: list[Refund] = []
    for _ in range(30):
        found = await till.refunds(payment)
        if all(each.status in {RefundStatus.SUCCEEDED, RefundStatus.FAILED} for each in found):
            return found
        till.pass_time(20)
        await till.sweep()
    raise AssertionError(found)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_payment_is_given_back_in_parts_and_wholly(till: Till, channel: str) -> None:
    payment = await paid(till, channel)
    first = await till.refund(payment, 50)
    assert (first.amount, first.channel, first.is_automatic) == (50, channel, False)
    till.pass_time(61)  # a minute between two refunds at WeChat
    await till.refund(payment)
    assert [each.status for each in await at_end(till, payment)] == [RefundStatus.SUCCEEDED] * 2
    assert await till.books(channel) == {}
    whole = await till.get(payment)
    assert (whole.amount_captured, whole.amount_refunded, whole.allowed_actions) == (1050, 1050, [])
    with pytest.raises(InvalidRequestError):
        await till.refund(payment, 1)
    assert till.sandbox.order(await till.reference(payment))["refunded"] == 1050
    assert (await till.events()).count("refund.succeeded") == 2


async def test_refunds_at_once_never_exceed_the_payment(till: Till) -> None:
    payment = await paid(till, "alipay", 1000)
    outcomes = await asyncio.gather(*(till.refund(payment, 100) for _ in range(30)), return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, Refund)]) == 10
    await at_end(till, payment)
    assert await till.books("alipay") == {}
    assert till.sandbox.order(await till.reference(payment))["refunded"] == 1000


async def test_before_success_and_while_unknown_nothing_is_refunded(till: Till) -> None:
    payment = await till.pay("wechat")
    with pytest.raises(InvalidStateError):
        await till.refund(payment)
    till.sandbox.fault("timeout_hidden_success", protocol="alipay", operation="charge", hold_ms=1500)
    till.sandbox.fault("notice_lost", protocol="alipay")
    unknown = await till.pay("alipay", "bar_code")
    with pytest.raises(InvalidStateError):
        await till.refund(unknown)


@pytest.mark.parametrize(
    "fault", ["timeout_hidden_success", "timeout_failure", "server_error", "bad_signature", "channel_down"]
)
@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_refund_of_unknown_outcome_is_completed_once(till: Till, channel: str, fault: str) -> None:
    payment = await paid(till, channel)
    till.sandbox.fault(fault, protocol=channel, operation="refund", times=1, hold_ms=1500)
    till.sandbox.fault("notice_lost", protocol=channel)
    refund = await till.refund(payment)
    assert refund.status is RefundStatus.PENDING
    assert await till.books(channel) == {"receivable": 1050, "refunding": 1050}
    till.reopen()
    assert [each.status for each in await at_end(till, payment)] == [RefundStatus.SUCCEEDED]
    assert await till.books(channel) == {}
    assert till.sandbox.order(await till.reference(payment))["refunded"] == 1050
    numbers = [each["reference"] for each in till.sandbox.order(await till.reference(payment))["refunds"]]
    assert numbers == [f"{parse_typed_id('rfd', refund.id):032x}"], "the same number every time"


@pytest.mark.parametrize("channel", ["wechat", "unionpay"])
async def test_a_channel_tells_by_itself_when_a_refund_is_done(till: Till, channel: str) -> None:
    payment = await paid(till, channel)
    await till.refund(payment)
    till.pass_time(10)

    async def refunds() -> list[Refund]:
        return await till.refunds(payment)

    (done,) = await eventually(refunds, lambda found: found[0].status is RefundStatus.SUCCEEDED)
    letter = till.mailbox.letters[-1]
    await asyncio.gather(*(till.mailbox.hand_over(letter) for _ in range(50)))
    assert await till.books(channel) == {}
    assert (await till.events()).count("refund.succeeded") == 1
    assert done.failure_code is None


async def test_a_refused_refund_puts_the_money_back(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> Outcome:
        return Failed(ReasonClass.FINAL, "USER_ACCOUNT_ABNORMAL")

    payment = await paid(till, "wechat")
    monkeypatch.setattr(ChannelConnection, "refund", refuse)
    refund = await till.refund(payment, 50)
    assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "USER_ACCOUNT_ABNORMAL")
    assert await till.books("wechat") == {"receivable": 1050, "merchant": 1050}
    assert (await till.get(payment)).amount_refunded == 0
    assert (await till.events())[-1] == "refund.failed"
    monkeypatch.undo()
    await till.refund(payment, 1050)
    await at_end(till, payment)
    assert await till.books("wechat") == {}


async def test_a_refusal_after_an_unknown_call_decides_nothing_until_the_channel_is_asked(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call was done and its reply lost; that the second one is refused says nothing of the first."""
    payment = await paid(till, "wechat")
    real = ChannelConnection.refund

    async def lost(connection: ChannelConnection, refund: ChannelRefund) -> Outcome:
        await real(connection, refund)
        return Unknown("deadline")

    async def refuse(*_: object) -> Outcome:
        return Failed(ReasonClass.LIMIT, "NOT_ENOUGH")

    async def nobody_knows(*_: object) -> Outcome:
        return Failed(ReasonClass.RETRY_SAME_ID, "RESOURCE_NOT_EXISTS")

    till.sandbox.fault("notice_lost", protocol="wechat")
    monkeypatch.setattr(ChannelConnection, "refund", lost)
    await till.refund(payment)
    monkeypatch.setattr(ChannelConnection, "refund", refuse)
    monkeypatch.setattr(ChannelConnection, "query_refund", nobody_knows)
    await till.sweep(16)
    assert (await till.refunds(payment))[0].status is RefundStatus.PENDING
    monkeypatch.undo()
    assert (await at_end(till, payment))[0].status is RefundStatus.SUCCEEDED
    assert await till.books("wechat") == {}


async def test_a_refund_the_channel_can_neither_finish_nor_refuse_needs_a_person(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await paid(till, "wechat")
    till.sandbox.fault("notice_lost", protocol="wechat")
    await till.refund(payment)

    async def abnormal(*_: object) -> Outcome:
        return RequiresAction(HandleByHand("refund_abnormal"))

    monkeypatch.setattr(ChannelConnection, "query_refund", abnormal)
    await till.sweep(16)
    await till.sweep(31)
    assert (await till.refunds(payment))[0].status is RefundStatus.REQUIRES_ACTION
    assert (await till.events()).count("refund.requires_action") == 1
    assert await till.books("wechat") == {"receivable": 1050, "refunding": 1050}
    monkeypatch.undo()
    assert (await at_end(till, payment))[0].status is RefundStatus.SUCCEEDED


async def test_the_channels_rules_come_before_the_call(till: Till) -> None:
    payment = await paid(till, "wechat")
    await till.refund(payment, 50)
    second = await till.refund(payment, 50)
    assert second.status is RefundStatus.PENDING
    steps = await till.steps(payment)
    assert steps.count("refund") == 1, "the second one waits for its minute"
    till.pass_time(61)
    await till.sweep()
    await at_end(till, payment)
    till.pass_time(366 * 86_400)
    late = await till.refund(payment, 50)
    assert (late.status, late.failure_code) == (RefundStatus.FAILED, "refund_window_passed")
    assert await till.books("wechat") == {"receivable": 950, "merchant": 950}


async def test_all_refunds_are_done_within_the_hour_under_faults(till: Till) -> None:
    """A third of the calls about refunds go wrong, and every second notification is lost."""
    payments = [await paid(till, channel) for channel in CHANNELS for _ in range(4)]
    for kind in ("timeout_hidden_success", "server_error", "bad_signature"):
        for operation in ("refund", "query_refund"):
            till.sandbox.fault(kind, operation=operation, probability=0.12, hold_ms=1500)
    till.sandbox.fault("notice_lost", probability=0.5)
    await asyncio.gather(*(till.refund(payment) for payment in payments))
    for seconds in (16, 31, 61, 181, 601, 1801):
        till.pass_time(seconds)
        await till.sweep()
    for payment in payments:
        (refund,) = await till.refunds(payment)
        assert refund.status is RefundStatus.SUCCEEDED
    for channel in CHANNELS:
        assert await till.books(channel) == {}
