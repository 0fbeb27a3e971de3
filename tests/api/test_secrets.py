"""Secrets that were once found in clear, by ``tests.simulation.canary``: each test begins with where."""

import json
from typing import Any

import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.rest.customer import CustomerToChange, CustomerToCreate
from api.services import Services
from pycore.client import PaymentClient
from pycore.errors import InvalidRequestError
from pycore.payments import CreatePayment
from tests.api.shop import Shop

CARD = "4111111111111111"


@pytest.fixture
async def shop(services: Services, doors: Doors) -> Shop:
    return await Shop.open(services)


async def refusal(session: ClientSession, shop: Shop, path: str, body: Any, key: str = "k1") -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**shop.headers, "idempotency-key": key, "content-type": "application/json"}
    async with session.post(path, data=data, headers=headers) as response:
        problem: dict[str, Any] = await response.json(content_type=None)
        assert 400 <= response.status < 500, problem
        return problem


PAYMENT = {"merchant_reference": "T1", "amount": 5, "subject": "tea"}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("subject", {"subject": f"tea {CARD}"}),
        ("merchant_reference", {"merchant_reference": CARD}),
        ("return_url", {"return_url": "https://example.com/?c=4111%201111%201111%201111"}),
        ("channel", {"channel": CARD}),
        ("metadata", {"metadata": {"note": "4111-1111 1111-1111"}}),
        ("metadata", {"metadata": {CARD: "x"}}),
        ("metadata", {"metadata": {"cvv": "123"}}),
        ("metadata", {"metadata": {"安全码": "123"}}),
    ],
)
async def test_a_payments_text_holds_no_card(
    session: ClientSession, shop: Shop, field: str, change: dict[str, Any]
) -> None:
    """A card number in a payment's text was kept in five tables, told in events and sent to every webhook."""
    problem = await refusal(session, shop, "/v1/payments", PAYMENT | change)
    assert (problem["reason"], problem["detail"].partition(":")[0]) == ("invalid_request", field)
    assert "111" not in problem["detail"]


async def test_nor_do_keys_of_requests_reasons_and_destinations(session: ClientSession, shop: Shop) -> None:
    """They were kept as long as the books: a card number as idempotency key, in a refund's reason, in a destination."""
    assert "idempotency_key" in (await refusal(session, shop, "/v1/payments", PAYMENT, key=CARD))["detail"]
    customer = f"/v1/customers/{shop.customer_id}/withdrawals"
    out = {"merchant_reference": "W1", "amount": 1, "destination": f"ICBC {CARD}"}
    assert "destination" in (await refusal(session, shop, customer, out))["detail"]
    refund = {"merchant_reference": "R1", "reason": "cvv 123"}
    assert "reason" in (await refusal(session, shop, f"/v1/payments/pay_{1:032x}/refunds", refund))["detail"]


@pytest.mark.parametrize(
    "url",
    [
        f"https://1.1.1.1/{CARD}",
        "https://1.1.1.1/?x=4111%2D1111%2D1111%2D1111",
        "https://1.1.1.1/?access_token=abc",
        "https://1.1.1.1/?a=1&API-KEY=abc",
        "https://1.1.1.1/whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
async def test_a_webhooks_address_holds_no_secret(session: ClientSession, shop: Shop, url: str) -> None:
    """An address is kept in clear and shown to whoever may look at endpoints; tokens were in it."""
    problem = await refusal(session, shop, "/v1/webhook_endpoints", {"url": url})
    assert problem["detail"].startswith("url: holds")


@pytest.mark.parametrize(
    "body",
    [
        b'{"4111111111111111": 1}',
        '{"张三": 1}'.encode(),
        b'{"payer": {"4111 1111`": 1}}',
        b'{"purpose": "4111111111111111"}',
        b'{"method": "Li Lei` - at `$.x"}',
        b'{"metadata": {"4111111111111111": "a", "4111111111111111": "b"}}',
        b'{"merchant_reference":"a","amount":1,"subject":"b","metadata":{"4111":"a","4111":"b"}}',
    ],
)
async def test_answers_do_not_repeat_what_was_sent(session: ClientSession, shop: Shop, body: bytes) -> None:
    """Names of unknown and repeated fields and wrong values came back in the answer, and so into callers' logs."""
    detail = (await refusal(session, shop, "/v1/payments", body))["detail"]
    assert not any(part in detail for part in ("4111", "张三", "Li Lei"))


async def test_a_misspelt_field_is_named(session: ClientSession, shop: Shop) -> None:
    problem = await refusal(session, shop, "/v1/payments", {**PAYMENT, "subjcet": "tea"})
    assert problem["detail"].endswith("Object contains unknown field `subjcet`")
    problem = await refusal(session, shop, "/v1/payments", {**PAYMENT, "payer": {"opne_id": "x"}})
    assert problem["detail"].endswith("unknown field `opne_id` - at `$.payer`")


async def test_a_query_does_not_come_back(session: ClientSession, shop: Shop) -> None:
    """``limit=<phone>`` and ``status=<phone>`` were quoted in the answer."""
    for query in ("limit=13812345678x", "status=13812345678", "13812345678=1"):
        async with session.get(f"/v1/payments?{query}", headers=shop.headers) as response:
            assert response.status == 400
            assert "138" not in await response.text()


async def test_an_id_that_is_a_card_is_masked_in_results(doors: Doors, shop: Shop) -> None:
    """Results of many payments name each by its request's id, a card number too."""
    asked = CreatePayment(merchant_reference="T1", amount=5, subject="tea")
    async with PaymentClient(doors.grpc_address, api_key=shop.key, timeout_seconds=5) as client:
        with pytest.raises(InvalidRequestError) as refused:
            await client.create(asked, request_id=CARD)
    assert "111" not in str(refused.value)


def test_printing_what_came_in_shows_nobody() -> None:
    """A customer's name and phone stood in the value's own ``repr``."""
    assert "张三" not in repr(CustomerToCreate(merchant_reference="r", name="张三"))
    assert "张三" not in repr(CustomerToChange(name="张三"))
