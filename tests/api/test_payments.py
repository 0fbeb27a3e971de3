"""Payments through both doors: the typed client over gRPC, and JSON over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services
from pycore.client import PaymentClient
from pycore.errors import (
    IdempotencyMismatchError,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
)
from pycore.merchants import AccountClass, Allowance, CustomerChanges, KeyTerms, Page, Scope
from pycore.payments import (
    Authentication,
    CaptureMethod,
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    CreateRefund,
    Payment,
    PaymentMethod,
    PaymentStatus,
    RefundStatus,
)
from tests.api.shop import Shop


@pytest.fixture
async def shop(services: Services, doors: Doors) -> Shop:
    return await Shop.open(services)


@pytest.fixture
async def payments(doors: Doors, shop: Shop) -> AsyncIterator[PaymentClient]:
    async with PaymentClient(doors.grpc_address, api_key=shop.key, timeout_seconds=5) as client:
        yield client


def from_balance(shop: Shop, reference: str, amount: int = 100, **fields: Any) -> CreatePayment:
    return CreatePayment(
        merchant_reference=reference,
        amount=amount,
        subject="茶 tea",
        method=PaymentMethod.BALANCE,
        customer_id=shop.customer_id,
        confirm=True,
        metadata={"table": "7"},
        **fields,
    )


async def test_the_client_pays_looks_and_gives_back(payments: PaymentClient, shop: Shop) -> None:
    paid = await payments.create(from_balance(shop, "T1", 1999), request_id="k1")
    assert (paid.status, paid.amount_captured, paid.metadata) == (PaymentStatus.SUCCEEDED, 1999, {"table": "7"})
    assert await payments.create(from_balance(shop, "T1", 1999), request_id="k1") == paid
    assert await payments.get(paid.id) == await payments.get_by_reference("T1") == paid
    refund = await payments.refund(paid.id, CreateRefund(merchant_reference="R1", amount=999, reason="少了"))
    assert (refund.status, refund.amount, refund.payment_id) == (RefundStatus.SUCCEEDED, 999, paid.id)
    assert await payments.refunds(paid.id) == Page([refund], has_more=False)
    assert await payments.get_refund(refund.id) == refund
    assert (await payments.get(paid.id)).amount_refunded == 999


async def test_the_client_holds_captures_and_cancels(payments: PaymentClient, shop: Shop) -> None:
    held = await payments.create(from_balance(shop, "T1", capture_method=CaptureMethod.MANUAL))
    part = await payments.capture(held.id, CapturePayment(amount=40))
    assert (part.status, part.amount_captured) == (PaymentStatus.AUTHORIZED, 40)
    done = await payments.cancel(held.id)
    assert (done.status, done.amount_captured) == (PaymentStatus.SUCCEEDED, 40)
    with pytest.raises(InvalidStateError):
        await payments.capture(held.id)
    waiting = await payments.create(CreatePayment(merchant_reference="T2", amount=5, subject="x"))
    assert (await payments.cancel(waiting.id)).status is PaymentStatus.CANCELED
    later = await payments.create(
        CreatePayment(merchant_reference="T3", amount=5, subject="x", customer_id=shop.customer_id)
    )
    confirmed = await payments.confirm(later.id, ConfirmPayment(method=PaymentMethod.BALANCE))
    assert confirmed.status is PaymentStatus.SUCCEEDED
    listed = await payments.list(limit=2)
    assert [each.merchant_reference for each in listed.items] == ["T3", "T2"]
    older = await payments.list(starting_after=listed.items[-1].id)
    assert [each.merchant_reference for each in older.items] == ["T1"]
    assert await payments.list(status=PaymentStatus.CANCELED) == Page([listed.items[1]], has_more=False)
    with pytest.raises(NotFoundError):
        await payments.list(starting_after="pay_" + "0" * 31 + "1")


async def test_the_client_raises_what_the_library_would(payments: PaymentClient, shop: Shop, doors: Doors) -> None:
    await payments.create(from_balance(shop, "T1"), request_id="k1")
    with pytest.raises(IdempotencyMismatchError):
        await payments.create(from_balance(shop, "T1", 101), request_id="k1")
    with pytest.raises(InvalidRequestError, match="amount"):
        await payments.create(from_balance(shop, "T2", 0))
    with pytest.raises(NotFoundError):
        await payments.get("pay_" + "0" * 32)
    async with PaymentClient(doors.grpc_address, api_key="sk_test_nobody") as stranger:
        with pytest.raises(UnauthenticatedError):
            await stranger.get_by_reference("T1")
        with pytest.raises(UnauthenticatedError):
            await anext(stranger.stream([("k", from_balance(shop, "T9"))]))


async def test_batches_and_streams_answer_in_order(payments: PaymentClient, shop: Shop) -> None:
    asked = [(f"k{n}", from_balance(shop, f"T{n}", 0 if n == 7 else 10)) for n in range(20)]
    first = await payments.submit(asked)
    streamed = [outcome async for outcome in payments.stream([*asked, ("k20", from_balance(shop, "T20", 10))])]
    for outcomes in (first, streamed[:20]):
        references = [each.merchant_reference if isinstance(each, Payment) else type(each) for each in outcomes]
        assert references == [InvalidRequestError if n == 7 else f"T{n}" for n in range(20)]
    assert first[:7] == streamed[:7]
    assert isinstance(streamed[20], Payment)
    totals = {each.ledger: each for each in shop.services.ledger.trial_balance()}
    assert all(each.balanced for each in totals.values())


async def test_many_streams_at_once(payments: PaymentClient, shop: Shop) -> None:
    async def stream(number: int) -> int:
        asked = [(f"s{number}-{n}", from_balance(shop, f"S{number}-{n}", 1)) for n in range(300)]
        outcomes = [outcome async for outcome in payments.stream(asked)]
        return sum(isinstance(each, Payment) and each.status is PaymentStatus.SUCCEEDED for each in outcomes)

    assert await asyncio.gather(*map(stream, range(4))) == [300] * 4


async def test_each_payment_of_a_batch_counts_against_the_quota(doors: Doors, shop: Shop) -> None:
    async def key(requests_per_second: int) -> str:
        allowance = Allowance(requests_per_second=requests_per_second, requests_burst=10)
        terms = KeyTerms(name="few", scopes=(Scope.PAYMENTS_WRITE,), allowance=allowance)
        return (await shop.services.api_keys.create(shop.tenant, terms))[1]

    async with PaymentClient(doors.grpc_address, api_key=await key(1), timeout_seconds=0.5) as client:
        asked = [(f"k{n}", from_balance(shop, f"T{n}", 1)) for n in range(10)]
        assert len(await client.submit(asked)) == 10
        with pytest.raises(RateLimitedError):
            await client.submit(asked)
    async with PaymentClient(doors.grpc_address, api_key=await key(50), timeout_seconds=5) as patient:
        asked = [(f"s{n}", from_balance(shop, f"S{n}", 1)) for n in range(12)]
        streamed = [outcome async for outcome in patient.stream(asked)]
    assert all(isinstance(each, Payment) for each in streamed)


async def test_json_pays_looks_and_gives_back(session: ClientSession, shop: Shop) -> None:
    body = {
        "merchant_reference": "T1",
        "amount": 1999,
        "subject": "茶",
        "method": "balance",
        "customer_id": shop.customer_id,
        "confirm": True,
    }
    headers = shop.headers | {"idempotency-key": "k1"}
    async with session.post("/v1/payments", json=body, headers=headers) as response:
        assert response.status == 200
        paid = await response.json()
    assert (paid["object"], paid["status"], paid["allowed_actions"]) == ("payment", "succeeded", ["refund"])
    async with session.post("/v1/payments", json=body, headers=headers) as response:
        assert await response.json() == paid
    async with session.get(f"/v1/payments/{paid['id']}", headers=shop.headers) as response:
        assert await response.json() == paid
    async with session.get("/v1/payments?merchant_reference=T1", headers=shop.headers) as response:
        assert await response.json() == {"data": [paid], "has_more": False}
    async with session.get("/v1/payments?limit=1", headers=shop.headers) as response:
        assert await response.json() == {"data": [paid], "has_more": False}
    refund = {"merchant_reference": "R1", "amount": 1000}
    path = f"/v1/payments/{paid['id']}/refunds"
    async with session.post(path, json=refund, headers=shop.headers | {"idempotency-key": "r1"}) as response:
        given = await response.json()
    assert (given["status"], given["amount"], given["is_automatic"]) == ("succeeded", 1000, False)
    async with session.get(path, headers=shop.headers) as response:
        assert await response.json() == {"data": [given], "has_more": False}
    async with session.get(f"/v1/refunds/{given['id']}", headers=shop.headers) as response:
        assert await response.json() == given
    async with session.get(f"/v1/payments/{paid['id']}/timeline", headers=shop.headers) as response:
        assert [step["kind"] for step in (await response.json())["data"]] == ["payment.succeeded"]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"amount": 0}, 422, "invalid_request"),
        ({"amount": 1.5}, 400, "malformed_request"),
        ({"amount": "1"}, 400, "malformed_request"),
        ({"amount": 2**63}, 422, "invalid_request"),
        ({"currency": "ABC"}, 422, "invalid_request"),
        ({"unknown": 1}, 400, "malformed_request"),
        ({"method": "cash"}, 400, "malformed_request"),
        ({"customer_id": "cus_" + "0" * 32}, 404, "not_found"),
        ({"subject": "a\u0000b"}, 422, "invalid_request"),
        ({"method": "qr_code"}, 422, "invalid_request"),
    ],
)
async def test_bad_json_is_a_problem_with_a_reason(
    session: ClientSession, shop: Shop, change: dict[str, Any], status: int, reason: str
) -> None:
    body = {"merchant_reference": "T1", "amount": 1, "subject": "x", "method": "balance", "confirm": True}
    body |= {"customer_id": shop.customer_id} | change
    async with session.post("/v1/payments", json=body, headers=shop.headers | {"idempotency-key": "k1"}) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["reason"]) == (status, reason)


@pytest.mark.parametrize(
    ("payer", "method"),
    [
        ({"client_ip": "999.1.1.1"}, "qr_code"),
        ({"client_ip": "deadbeef"}, "qr_code"),
        ({"client_ip": "..."}, "qr_code"),
        ({"client_ip": "203.0.113.7, 2001:db8:1111:2222:3333:4444:5555:6666"}, "qr_code"),
        ({}, "h5"),
    ],
)
async def test_f4_what_is_not_the_payer_s_address_is_refused_by_its_field(
    session: ClientSession, payments: PaymentClient, shop: Shop, payer: dict[str, str], method: str
) -> None:
    """It was sent to the channel as it came, and ``127.0.0.1`` where none was given: the browser was turned away."""
    body = {"merchant_reference": "T1", "amount": 1, "subject": "x", "method": method, "payer": payer, "confirm": True}
    async with session.post("/v1/payments", json=body, headers=shop.headers | {"idempotency-key": "k1"}) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["reason"]) == (422, "invalid_request")
        assert "payer.client_ip: must be" in problem["detail"]
    with pytest.raises(InvalidRequestError, match=r"payer\.client_ip: must be"):
        await payments.create(msgspec.convert(body, CreatePayment))


async def test_a_key_is_needed_over_http(session: ClientSession, shop: Shop) -> None:
    body = {"merchant_reference": "T1", "amount": 1, "subject": "x"}
    async with session.post("/v1/payments", json=body, headers=shop.headers) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["reason"]) == (422, "invalid_request")
    async with session.post("/v1/payments", json=body, headers={"idempotency-key": "k1"}) as response:
        assert response.status == 401


async def test_what_happened_is_counted(operator_session: ClientSession, payments: PaymentClient, shop: Shop) -> None:
    await payments.create(from_balance(shop, "T1"))
    refused = await payments.create(from_balance(shop, "T2", 100_001))
    assert refused.failure_code == "daily_limit_exceeded"
    async with operator_session.get("/metrics") as response:
        metrics = await response.text()
    assert 'pycore_payment_events_total{type="payment.succeeded"} 1.0' in metrics
    assert 'pycore_payment_events_total{type="payment.failed"} 1.0' in metrics


async def test_a_raised_account_class_counts_at_once(payments: PaymentClient, shop: Shop) -> None:
    certificate = {"authentication": Authentication.CERTIFICATE}
    over = await payments.create(from_balance(shop, "T1", 100_001, **certificate))
    assert over.failure_code == "account_class_limit_exceeded"
    changes = CustomerChanges(account_class=AccountClass.II)
    await shop.services.customers.update(shop.tenant, shop.customer, changes)
    assert (await payments.create(from_balance(shop, "T2", 100_001, **certificate))).failure_code is None
