"""Payments through the simulated channels, as a merchant sees them; the books after each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pycore.payments import PaymentStatus
from tests.api.sandbox.paying import Till, open_till
from tests.api.sandbox.simulated import Sandbox

CHANNELS = ("wechat", "alipay", "unionpay")


@pytest.fixture
async def till(database_dsn: str, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Till]:
    async with open_till(database_dsn, tmp_path, sandbox) as till:
        yield till


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_shown_code_is_paid_and_the_callback_books_it(till: Till, channel: str) -> None:
    payment = await till.pay(channel)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.next_action is not None
    assert payment.next_action.type == "show_code"
    assert await till.books(channel) == {}
    await till.act(payment, "pay")
    paid = await till.until(payment, PaymentStatus.SUCCEEDED)
    assert (paid.amount_captured, paid.channel, paid.method, paid.next_action) == (1050, channel, "qr_code", None)
    assert await till.books(channel) == {"receivable": 1050, "merchant": 1050}
    assert await till.events(payment) == ["payment.created", "payment.requires_action", "payment.succeeded"]
    kinds = [kind for kind, _ in await till.timeline(payment)]
    assert kinds == ["routed", "attempted", "called", "notified", "booked"]


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_scanned_code_is_paid_at_once(till: Till, channel: str) -> None:
    payment = await till.pay(channel, "bar_code")
    assert payment.status is PaymentStatus.SUCCEEDED
    assert await till.books(channel) == {"receivable": 1050, "merchant": 1050}
