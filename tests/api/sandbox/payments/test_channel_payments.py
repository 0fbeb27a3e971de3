"""Payments through the simulated channels, as a merchant sees them; the books after each."""

from pathlib import Path
from typing import Any

import pytest

from pycore.errors import InvalidRequestError, InvalidStateError
from pycore.payments import CaptureMethod, PaymentStatus
from pycore.payments.attempt import AttemptStatus
from tests.api.sandbox.payments.paying import AUTH_CODES, Till, open_till
from tests.api.sandbox.simulated import Sandbox

CHANNELS = ("wechat", "alipay", "unionpay")


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


@pytest.mark.parametrize(
    ("channel", "method", "action"),
    [
        ("wechat", "jsapi", "call_app"),
        ("wechat", "app", "call_app"),
        ("wechat", "h5", "open_page"),
        ("alipay", "page", "open_page"),
        ("alipay", "h5", "open_page"),
        ("alipay", "app", "call_app"),
        ("unionpay", "page", "submit_form"),
    ],
)
async def test_every_method_tells_the_payer_what_to_do(till: Till, channel: str, method: str, action: str) -> None:
    payment = await till.pay(channel, method, return_url="https://shop.example/done")
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.next_action is not None
    assert payment.next_action.type == action


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_scanned_code_is_paid_at_once_or_asked_about(till: Till, channel: str) -> None:
    payment = await till.pay(channel, "bar_code")
    if channel == "unionpay":  # its yes means accepted
        payment = await till.until(payment, PaymentStatus.SUCCEEDED)
    assert payment.status is PaymentStatus.SUCCEEDED
    assert await till.books(channel) == {"receivable": 1050, "merchant": 1050}
    pool = till.ledger.store.pool
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    for (table,) in tables:
        found = await pool.fetchval(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{AUTH_CODES[channel]}%'")
        assert found == 0, "the payer's code is money: it is kept nowhere"


async def test_a_code_says_whose_it_is(till: Till) -> None:
    payment = await till.create()
    paid = await till.confirm(payment, "alipay", "bar_code")
    assert paid.channel == "alipay"
    for code, cause in (("99" + "1" * 16, "no channel"), ("28" + "1" * 14, "one of alipay")):
        with pytest.raises(InvalidRequestError, match=cause):
            await till.pay("wechat", "bar_code", code=code)


async def test_what_a_channel_cannot_do_is_refused_and_nothing_recorded(till: Till) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"channel": "unionpay", "method": "jsapi"}, "does not offer"),
        ({"channel": "e_cny"}, "no account"),
        ({"channel": "wechat", "currency": "USD"}, "currency"),
        ({"channel": None, "currency": "USD"}, "no channel takes USD"),
        ({"channel": "wechat", "minor": 100_000_001}, "amount"),
        ({"channel": "wechat", "capture_method": CaptureMethod.MANUAL}, "hold"),
    ]
    for asked, cause in refused:
        with pytest.raises(InvalidRequestError, match=cause):
            await till.pay(**asked)
    assert await till.ledger.store.pool.fetchval("SELECT count(*) FROM payment_attempts") == 0


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_canceled_payment_is_closed_at_the_channel_first(till: Till, channel: str) -> None:
    payment = await till.pay(channel)
    canceled = await till.cancel(payment)
    assert canceled.status is PaymentStatus.CANCELED
    (attempt,) = await till.attempts(payment)
    assert attempt.status is AttemptStatus.CLOSED
    assert till.sandbox.order(attempt.reference)["state"] in {"closed", "reversed"}
    assert await till.events(payment) == ["payment.created", "payment.requires_action", "payment.canceled"]
    assert await till.books(channel) == {}


async def test_where_nothing_can_be_closed_canceling_waits_for_the_channels_time_out(till: Till) -> None:
    payment = await till.pay("unionpay", expires_in_seconds=60)
    canceled = await till.cancel(payment)
    assert canceled.status is PaymentStatus.PROCESSING
    assert canceled.next_action is None
    with pytest.raises(InvalidStateError):
        await till.confirm(payment, "wechat")
    till.pass_time(150)
    await till.sweep()
    assert (await till.get(payment)).status is PaymentStatus.CANCELED


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_nobody_paid_in_time_expires_once_the_channel_agrees(till: Till, channel: str) -> None:
    payment = await till.pay(channel, expires_in_seconds=60)
    await till.sweep()
    assert (await till.get(payment)).status is PaymentStatus.REQUIRES_ACTION
    till.pass_time(61)
    await till.sweep()
    if channel == "unionpay":
        till.pass_time(120)
        await till.sweep()
    assert (await till.get(payment)).status is PaymentStatus.EXPIRED
    assert await till.books(channel) == {}
    assert (await till.events(payment))[-1] == "payment.expired"


async def test_a_payment_nobody_confirmed_expires(till: Till) -> None:
    payment = await till.create(expires_in_seconds=60)
    await till.sweep(61)
    assert (await till.get(payment)).status is PaymentStatus.EXPIRED


async def test_another_way_to_pay_closes_the_first(till: Till) -> None:
    payment = await till.pay("wechat")
    first = await till.reference(payment)
    again = await till.confirm(payment, "wechat")
    assert again.next_action == payment.next_action, "the same way is the same code"
    other = await till.confirm(payment, "alipay")
    assert other.status is PaymentStatus.REQUIRES_ACTION
    assert other.channel == "alipay"
    assert till.sandbox.order(first)["state"] == "closed"
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    assert await till.books("wechat") == {"merchant": 1050}
    assert await till.books("alipay") == {"receivable": 1050, "merchant": 1050}


async def test_an_unclosed_first_way_keeps_a_second_from_beginning(till: Till) -> None:
    payment = await till.pay("wechat")
    till.sandbox.fault("channel_down", await till.reference(payment))
    with pytest.raises(InvalidStateError, match="closed there"):
        await till.confirm(payment, "alipay")
    assert len(await till.attempts(payment)) == 1


async def test_a_top_up_goes_to_the_customers_balance(till: Till) -> None:
    await till.add_customer()
    payment = await till.pay("wechat", purpose="top_up", customer_id=till.customer_id)
    await till.act(payment, "pay")
    await till.until(payment, PaymentStatus.SUCCEEDED)
    assert await till.books("wechat") == {"receivable": 1050, "customer": 1050}


async def test_the_same_request_again_is_answered_the_same(till: Till) -> None:
    first = await till.pay("wechat", key="once")
    assert await till.pay("wechat", key="once", reference=first.merchant_reference) == first
    assert len(await till.attempts(first)) == 1


# -- routing


async def test_without_a_name_the_channel_is_routed_and_the_reasons_are_kept(
    database_dsn: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_till(database_dsn, tmp_path, sandbox, rules="prefer alipay") as till:
        payment = await till.pay(None)
        assert payment.channel == "alipay"
        (_, decision), *_ = await till.timeline(payment)
        first = decision["kept"][0]
        assert (first["route"], first["reason"]) == ("alipay/qr_code", "preferred_by_rule")
        assert len(decision["kept"]) == 3
        assert decision["dropped"] == []


async def test_u3_rules_that_are_set_count_from_the_next_payment_on(till: Till) -> None:
    # What was written into the table was read ten seconds later, and nothing could write it.
    for channel in ("alipay", "unionpay", "wechat"):
        await till.desk.rules.set(till.tenant, f"prefer {channel}", by="test")
        assert (await till.pay(None)).channel == channel


async def test_a_channel_that_refuses_cleanly_is_followed_by_the_next(
    database_dsn: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_till(database_dsn, tmp_path, sandbox, rules="prefer wechat") as till:
        sandbox.fault("rate_limit", protocol="wechat", operation="create")
        payment = await till.pay(None)
        assert payment.status is PaymentStatus.REQUIRES_ACTION
        assert payment.channel in {"alipay", "unionpay"}
        first, second = await till.attempts(payment)
        assert (first.channel, first.status) == ("wechat", AttemptStatus.FAILED)
        assert second.status is AttemptStatus.SUBMITTED
        assert second.reference != first.reference


async def test_a_channel_of_unknown_outcome_is_not_followed_by_another(
    database_dsn: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_till(database_dsn, tmp_path, sandbox, rules="prefer alipay") as till:
        sandbox.fault("channel_down", protocol="alipay", operation="create")
        payment = await till.pay(None)
        assert payment.status is PaymentStatus.PROCESSING
        assert [each.channel for each in await till.attempts(payment)] == ["alipay"]


async def test_what_was_learnt_of_a_channel_outlives_a_restart(
    database_dsn: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_till(database_dsn, tmp_path, sandbox, rules="prefer wechat") as till:
        sandbox.fault("rate_limit", protocol="wechat", operation="create")
        for _ in range(5):
            assert (await till.pay(None)).channel != "wechat"
        sandbox.control("DELETE", "/faults")
        till.reopen()
        payment = await till.pay(None)
        assert payment.channel != "wechat"
        (_, decision), *_ = await till.timeline(payment)
        reasons = {line["route"]: line["reason"] for line in decision["dropped"]}
        assert reasons["wechat/qr_code"] == "cooling_down"


async def test_simulators_that_are_not_there_refuse_cleanly_and_are_found_when_they_come(
    database_dsn: str, tmp_path: Path, sandbox: Sandbox
) -> None:
    async with open_till(database_dsn, tmp_path, sandbox, folder=tmp_path / "later") as till:
        with pytest.raises(InvalidRequestError, match="no account"):
            await till.pay("wechat")
        with pytest.raises(InvalidRequestError, match="no channel"):
            await till.pay(None)
        (tmp_path / "later").symlink_to(sandbox.folder)
        assert (await till.pay("wechat")).status is PaymentStatus.REQUIRES_ACTION
