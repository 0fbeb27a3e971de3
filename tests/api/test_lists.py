"""Lists through both doors: where they end, in which order they are, and what can be looked for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services
from pycore.client import PaymentClient
from pycore.client._generated.pycore.events.v1 import events_pb2
from pycore.client._generated.pycore.payments.v1 import payments_pb2
from pycore.errors import IdempotencyMismatchError, InvalidRequestError, NotFoundError
from pycore.ids import new_id, parse_typed_id
from pycore.merchants import NewCustomer
from pycore.payments import CreatePayment, CreateRefund, Payment, PaymentMethod, Refund
from pycore.payments.wallet import CreateWithdrawal
from tests.api.keys import Key
from tests.api.shop import Shop
from tests.api.stub import Stub


@pytest.fixture
async def shop(services: Services, doors: Doors) -> Shop:
    return await Shop.open(services)


@pytest.fixture
async def payments(doors: Doors, shop: Shop) -> AsyncIterator[PaymentClient]:
    async with PaymentClient(doors.grpc_address, api_key=shop.key, timeout_seconds=5) as client:
        yield client


async def paid(payments: PaymentClient, shop: Shop, reference: str, **fields: Any) -> Payment:
    method = {"method": PaymentMethod.BALANCE, "customer_id": shop.customer_id, "confirm": True}
    return await payments.create(
        CreatePayment(merchant_reference=reference, amount=100, subject="tea", **method, **fields)  # type: ignore[arg-type]
    )


async def given_back(payments: PaymentClient, payment: Payment, reference: str) -> Refund:
    return await payments.refund(payment.id, CreateRefund(merchant_reference=reference, amount=10))


async def page(session: ClientSession, path: str, headers: dict[str, str], **query: str) -> dict[str, Any]:
    async with session.get(path, params=query, headers=headers) as response:
        body: dict[str, Any] = await response.json()
        assert response.status == 200, body
        return body


async def test_f7_a_last_page_that_is_full_has_no_more_on_every_list_over_http(
    session: ClientSession, services: Services, shop: Shop, payments: PaymentClient, operator: Key
) -> None:
    # A list of exactly `limit` payments said that more would follow, and the next page was empty.
    await paid(payments, shop, "T1")
    payment = await paid(payments, shop, "T2")
    for number in (1, 2):
        await given_back(payments, payment, f"R{number}")
    await services.customers.create(shop.tenant, NewCustomer(merchant_reference="c2"))
    for name in ("first", "second"):
        await services.stores.create(shop.tenant, name)
    made = {"name": "second", "scopes": ["payments:read"]}
    async with session.post("/v1/api_keys", json=made, headers={**shop.headers, "idempotency-key": "k"}) as response:
        assert response.status == 200
    await services.merchants.create("second")
    for reference in ("W1", "W2"):
        asked = CreateWithdrawal(merchant_reference=reference, amount=1, destination="bank")
        await services.payments.wallet.withdraw(shop.tenant, shop.customer, reference, asked)
    lists = {
        "/v1/payments": (shop.headers, {}),
        "/v1/refunds": (shop.headers, {}),
        f"/v1/payments/{payment.id}/refunds": (shop.headers, {}),
        "/v1/withdrawals": (shop.headers, {"status": "requested", "customer_id": shop.customer_id}),
        "/v1/customers": (shop.headers, {}),
        "/v1/stores": (shop.headers, {}),
        "/v1/api_keys": (shop.headers, {}),
        "/v1/merchants": (operator.headers, {}),
        "/v1/events": (shop.headers, {"types": "payment.succeeded"}),
    }
    for path, (headers, query) in lists.items():
        full = await page(session, path, headers, limit="2", **query)
        assert (len(full["data"]), full["has_more"]) == (2, False), path
        first = await page(session, path, headers, limit="1", **query)
        assert (first["data"], first["has_more"]) == (full["data"][:1], True), path
        last = await page(session, path, headers, limit="1", starting_after=first["data"][0]["id"], **query)
        assert (last["data"], last["has_more"]) == (full["data"][1:], False), path


async def test_f7_a_last_page_that_is_full_has_no_next_token_over_grpc(
    channel: Any, shop: Shop, payments: PaymentClient
) -> None:
    for number in (1, 2):
        payment = await paid(payments, shop, f"T{number}")
        await given_back(payments, payment, f"R{number}")
    key = (("authorization", f"Bearer {shop.key}"),)
    calls = Stub(channel, payments_pb2.DESCRIPTOR.services_by_name["PaymentService"])
    events = Stub(channel, events_pb2.DESCRIPTOR.services_by_name["EventService"])
    for size, has_more in ((2, False), (1, True)):
        listed = await calls.ListPayments(payments_pb2.ListPaymentsRequest(page_size=size), metadata=key)
        assert bool(listed.next_page_token) is has_more
        listed = await calls.ListRefunds(payments_pb2.ListRefundsRequest(page_size=size), metadata=key)
        assert bool(listed.next_page_token) is has_more
        asked = events_pb2.ListEventsRequest(page_size=size, types=["refund.succeeded"])
        assert (await events.ListEvents(asked, metadata=key)).has_more is has_more


async def test_u13_lists_are_newest_first_and_the_log_of_events_can_be_read_both_ways(
    session: ClientSession, shop: Shop, payments: PaymentClient
) -> None:
    # The document said newest first of all lists; refunds and events were oldest first.
    payment = await paid(payments, shop, "T1")
    refunds = [await given_back(payments, payment, f"R{number}") for number in (1, 2, 3)]
    newest = [each.id for each in reversed(refunds)]
    assert [each.id for each in (await payments.refunds(payment.id)).items] == newest
    for path in (f"/v1/payments/{payment.id}/refunds", "/v1/refunds"):
        assert [each["id"] for each in (await page(session, path, shop.headers))["data"]] == newest
    log = (await page(session, "/v1/events", shop.headers))["data"]
    back = await page(session, "/v1/events", shop.headers, reversed="true")
    assert back["data"] == log[::-1]
    older = await page(session, "/v1/events", shop.headers, reversed="true", starting_after=log[2]["id"], limit="2")
    assert (older["data"], older["has_more"]) == ([log[1], log[0]], False)


async def test_u13_the_client_has_the_time_line_and_every_filter(payments: PaymentClient, shop: Shop) -> None:
    # `PaymentClient.list` knew a status only, and nothing told what happened to a payment.
    first = await paid(payments, shop, "T1", metadata={"table": "7", "floor": "1"})
    await paid(payments, shop, "T2", metadata={"table": "8"})
    waiting = await payments.create(CreatePayment(merchant_reference="T3", amount=5, subject="tea"))
    kinds = [entry.kind for entry in await payments.timeline(first.id)]
    assert kinds == ["payment.succeeded"]

    async def found(**wanted: Any) -> list[str]:
        return [each.merchant_reference for each in (await payments.list(**wanted)).items]

    assert await found(customer_id=shop.customer_id) == ["T2", "T1"]
    assert await found(merchant_reference="T2") == ["T2"]
    assert await found(merchant_reference="T2", status=waiting.status) == []
    assert await found(metadata={"table": "7"}) == ["T1"]
    assert await found(metadata={"table": "7", "floor": "2"}) == []
    assert await found(created_from=first.created_at, limit=2) == ["T3", "T2"]
    assert await found(created_before=datetime(2026, 1, 1, tzinfo=UTC)) == []
    with pytest.raises(NotFoundError):
        await payments.refunds("pay_" + "0" * 31 + "1")
    with pytest.raises(InvalidRequestError, match="limit"):
        await payments.list(limit=101)


async def test_u17_all_refunds_are_listed(session: ClientSession, payments: PaymentClient, shop: Shop) -> None:
    refunds = [await given_back(payments, await paid(payments, shop, f"T{number}"), f"R{number}") for number in (1, 2)]
    assert [each.id for each in (await payments.refunds()).items] == [refunds[1].id, refunds[0].id]
    only = await page(session, "/v1/refunds", shop.headers, merchant_reference="R1", status="succeeded")
    assert [each["id"] for each in only["data"]] == [refunds[0].id]
    assert (await page(session, "/v1/refunds", shop.headers, status="failed"))["data"] == []


async def test_u17_metadata_is_changed_and_looked_for(
    session: ClientSession, payments: PaymentClient, shop: Shop
) -> None:
    payment = await paid(payments, shop, "T1", metadata={"table": "7", "floor": "1"})
    path, headers = f"/v1/payments/{payment.id}", {**shop.headers, "idempotency-key": "m1"}
    changes = {"metadata": {"table": "9", "floor": None, "waiter": "李"}}
    for _ in range(2):  # the same request again is answered the same
        async with session.patch(path, json=changes, headers=headers) as response:
            changed = await response.json()
            assert (response.status, changed["metadata"]) == (200, {"table": "9", "waiter": "李"})
            assert (changed["status"], changed["amount_captured"]) == ("succeeded", 100)
    events = await page(session, "/v1/events", shop.headers, resource_id=payment.id)
    assert [each["type"] for each in events["data"]][-2:] == ["payment.succeeded", "payment.updated"]
    query = {"metadata[table]": "9", "metadata[waiter]": "李"}
    assert [each["id"] for each in (await page(session, "/v1/payments", shop.headers, **query))["data"]] == [payment.id]
    assert (await page(session, "/v1/payments", shop.headers, **{"metadata[table]": "7"}))["data"] == []

    after = await payments.update(payment.id, {"table": None}, request_id="m2")
    assert after.metadata == {"waiter": "李"}
    with pytest.raises(IdempotencyMismatchError):
        await payments.update(payment.id, {"table": "1"}, request_id="m2")
    with pytest.raises(InvalidRequestError, match="metadata"):
        await payments.update(payment.id, {f"k{number}": "x" for number in range(50)})
    with pytest.raises(InvalidRequestError, match="metadata"):
        await payments.update(payment.id, {"x" * 41: "x"})
    with pytest.raises(InvalidRequestError, match="metadata"):
        await payments.update(payment.id, {"note": "card 4111 1111 1111 1111"})


@pytest.mark.parametrize(
    "query", ["metadata=x", "metadata=x&metadata[a]=b", "metadata[]=b", "metadata[a]=b&metadata[a]=b"]
)
async def test_what_is_no_filter_of_metadata_is_refused(session: ClientSession, shop: Shop, query: str) -> None:
    async with session.get(f"/v1/payments?{query}", headers=shop.headers) as response:
        assert (response.status, (await response.json())["reason"]) == (400, "malformed_request")


async def test_u8_a_payment_is_found_by_the_numbers_on_the_payers_receipt(
    session: ClientSession, services: Services, payments: PaymentClient, shop: Shop
) -> None:
    # A shopper shows the receipt of WeChat or Alipay; neither number on it led to the payment.
    payment = await payments.create(CreatePayment(merchant_reference="T1", amount=100, subject="tea"))
    await payments.create(CreatePayment(merchant_reference="T2", amount=100, subject="tea"))
    attempt = UUID(int=new_id())
    await services.ledger.store.pool.execute(
        "INSERT INTO payment_attempts (id, payment_id, merchant_id, live, number, channel, method, status, amount,"
        " currency, channel_order, transaction_id, open_since, created_at, updated_at, version) VALUES ($1, $2, $3,"
        " false, 1, 'wechat', 'qr_code', 'succeeded', 100, 'CNY', '{}', '4200001234202612010000000001', 0, 0, 0, 1)",
        attempt,
        UUID(int=parse_typed_id("pay", payment.id)),
        UUID(int=shop.tenant.merchant_id),
    )
    numbers = {
        "channel_transaction_id": "4200001234202612010000000001",
        "channel_order_number": attempt.hex,
    }
    stranger = await Shop.open(services, minor=0)
    for name, number in numbers.items():
        found = await page(session, "/v1/payments", shop.headers, **{name: number})
        assert [each["id"] for each in found["data"]] == [payment.id]
        assert [each.id for each in (await payments.list(**{name: number})).items] == [payment.id]  # type: ignore[arg-type]
        assert (await page(session, "/v1/payments", stranger.headers, **{name: number}))["data"] == []
        assert (await page(session, "/v1/payments", shop.headers, **{name: "20261201"}))["data"] == []
