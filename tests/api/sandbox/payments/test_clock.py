"""The simulators' clock, turned as ``docs/sandbox.md`` says, under payments of the default kind."""

import time
from collections.abc import Iterator

import pytest

from pycore.payments import PaymentStatus
from tests.api.sandbox.payments.paying import Till
from tests.api.sandbox.simulated import Sandbox


@pytest.fixture
def sandbox(timely_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield timely_sandbox
    timely_sandbox.control("DELETE", "/clock")


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_u2_payments_work_after_the_documents_own_turn_of_the_clock_and_after_it_is_set_back(
    till: Till, sandbox: Sandbox, channel: str
) -> None:
    # After the example of the document a new order was already over when it came: no payment could be made at WeChat
    # and Alipay any more, and nothing set the clock back.
    sandbox.control("PUT", "/clock", {"factor": 60, "advance_s": 86_400})
    payment = await till.pay(channel)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    waiting = await till.pay(channel)
    clock = sandbox.control("DELETE", "/clock")
    assert clock["factor"] == 1
    assert abs(clock["now_ms"] / 1000 - time.time()) < 60
    order = sandbox.order(await till.reference(waiting))
    assert order["state"] == "open"
    assert 0 < order["expires_at"] / 1000 - time.time() <= 901 * 60
    again = await till.pay(channel)
    assert again.status is PaymentStatus.REQUIRES_ACTION
    await till.act(again, "pay")
    await till.until(again, PaymentStatus.SUCCEEDED)
