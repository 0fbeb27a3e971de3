"""What no channel can take is refused when it is asked for, at both doors, with the reason and the limit."""

from typing import Any

import pytest

from api.app import Doors
from pycore.client import PaymentClient
from pycore.errors import InvalidRequestError
from pycore.payments import CaptureMethod, CreatePayment, PaymentFilter, PaymentMethod
from tests.api.sandbox.cashier.till import LinkTill

NOBODY_TAKES: list[tuple[dict[str, Any], str]] = [
    ({"amount": 999_999_999_999_900}, "amount: 999999999999900 minor units of CNY .* alipay takes 1 to 10000000000"),
    ({"currency": "USD"}, "currency: no channel takes USD; .* use CNY"),
    ({"amount": 10_000_000_000, "channel": "wechat"}, "wechat takes 1 to 100000000;"),
    ({"amount": 10_000_000_000, "method": PaymentMethod.JSAPI}, "amount: .* wechat takes 1 to 100000000"),
    ({"currency": "USD", "channel": "wechat"}, "currency: wechat does not take USD"),
    ({"channel": "wechat", "method": PaymentMethod.PAGE}, "method: wechat does not offer page; .* h5"),
    ({"channel": "e_cny"}, "channel: there is no account at e_cny now; .* alipay, unionpay, wechat"),
    ({"capture_method": CaptureMethod.MANUAL}, "capture_method: channels take the money at once"),
]


async def test_u9_a_payment_nobody_can_take_is_refused_when_it_is_asked_for(till: LinkTill, doors: Doors) -> None:
    """A payment of USD, or of 9,999,999,999,999 yuan, was made; its payer found no way, its merchant no error."""
    async with PaymentClient(doors.grpc_address, api_key=till.merchant.secret, timeout_seconds=5) as client:
        for asked, cause in NOBODY_TAKES:
            fields: dict[str, Any] = {"merchant_reference": "T1", "amount": 100, "subject": "tea", **asked}
            with pytest.raises(InvalidRequestError, match=cause):
                await client.create(CreatePayment(**fields))
            headers = {**till.merchant.headers, "idempotency-key": "k1"}
            async with till.session.post("/v1/payments", json=fields, headers=headers) as response:
                told = await response.json()
                assert (response.status, told["reason"]) == (422, "invalid_request")
    assert not (await till.services.payments.lists.page(till.tenant, PaymentFilter())).items


async def test_u9_a_balance_takes_what_no_channel_does(till: LinkTill) -> None:
    customer = "cus_" + "0" * 31 + "1"
    with pytest.raises(AssertionError, match="there is no such customer"):  # looked for, so not refused before
        await till.payment(currency="USD", customer_id=customer)


async def test_u9_what_was_made_is_answered_the_same_when_the_limits_are_others(till: LinkTill) -> None:
    """The same key again is the same answer, also where no channel would take it any more."""
    made = await till.payment(amount=10_000_000_000)
    accounts = till.services.channels.accounts
    unionpay = {"unionpay": accounts.connections(live=False)["unionpay"]}
    accounts.connections = lambda *, live: unionpay  # type: ignore[method-assign]
    till.made -= 1
    assert (await till.payment(amount=10_000_000_000))["id"] == made["id"]
    with pytest.raises(AssertionError, match="unionpay takes 1 to 100000000"):
        await till.payment(amount=10_000_000_000)
