"""A store's printed code: what it takes, who takes it out of use, and who is refused first when it is flooded."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from pycore.errors import RateLimitedError
from pycore.ids import format_typed_id
from pycore.merchants import MerchantStore, StoreChanges
from pycore.payments import PaymentFilter
from pycore.payments.cashier_links import Link
from pycore.payments.code_orders import OPEN_PER_ADDRESS_MAX
from tests.api.keys import Key, merchant_key
from tests.api.sandbox.cashier.till import WECHAT, LinkTill


async def call(
    session: ClientSession, key: Key, method: str, store: MerchantStore, action: str = "", content: Any = None
) -> tuple[int, Any]:
    path = f"/v1/stores/{format_typed_id('sto', store.id)}{action}"
    async with session.request(method, path, json=content, headers=key.headers) as response:
        return response.status, await response.json()


async def state(session: ClientSession, path: str) -> tuple[int, Any]:
    async with session.get(f"{path}/state", headers={"user-agent": WECHAT}) as response:
        return response.status, await response.json()


async def order(session: ClientSession, path: str, order: str, amount: str, channel: str = "wechat") -> tuple[int, Any]:
    content = {"order": order, "amount": amount, "channel": channel}
    async with session.post(f"{path}/order", json=content) as response:
        return response.status, await response.json()


async def test_u17_a_leaked_code_is_replaced_and_the_old_one_dies_at_once(
    till: LinkTill, session: ClientSession
) -> None:
    """A code that was copied worked for ever: its merchant could do nothing about it."""
    store, path = await till.store()
    _, before = await state(session, path)
    status, changed = await call(session, till.merchant, "POST", store, "/rotate_code")
    assert status == 200
    new_path = changed["cashier_url"].partition("/pay/s/")[2]
    assert new_path not in path
    for part in ("/state", "/code.svg"):
        async with session.get(path + part) as response:
            assert (response.status, (await response.json())["reason"]) == (410, "code_not_in_use")
    assert (await order(session, path, before["order"], "1"))[0] == 410
    assert (await state(session, f"/pay/s/{new_path}"))[0] == 200
    assert (await call(session, await merchant_key(till.services), "POST", store, "/rotate_code"))[0] == 404


async def test_u17_a_code_is_switched_off_and_on_and_what_was_begun_can_be_paid(
    till: LinkTill, session: ClientSession
) -> None:
    store, path = await till.store()
    _, open_ = await state(session, path)
    _, place = await order(session, path, open_["order"], "1")
    assert (await call(session, till.merchant, "PATCH", store, "", {"code_enabled": False}))[1]["code_enabled"] is False
    assert (await state(session, path))[1]["reason"] == "code_not_in_use"
    async with session.get(f"{place['path']}/state") as response:
        begun = await response.json()
    assert (begun["status"], begun["store_url"]) == ("created", None)
    assert begun["offers"]
    await call(session, till.merchant, "PATCH", store, "", {"code_enabled": True, "name": "外滩"})
    assert (await state(session, path))[1]["store"] == "外滩"


async def test_u17_the_limits_of_a_code_are_its_stores(till: LinkTill, session: ClientSession) -> None:
    store, _ = await till.store()
    _, shown = await call(session, till.merchant, "GET", store)
    assert (shown["code_amount_max"], shown["code_open_max"]) == (5_000_000, 100)
    changes = {"code_amount_max": 30_000, "code_open_max": 7}
    status, changed = await call(session, till.merchant, "PATCH", store, "", changes)
    assert (status, changed) == (200, {**shown, **changes})
    for wrong in ({"code_amount_max": 0}, {"code_amount_max": 2**53}, {"code_open_max": 0}, {"code_open_max": 10_001}):
        status, told = await call(session, till.merchant, "PATCH", store, "", wrong)
        assert (status, told["reason"]) == (422, "invalid_request")
        assert next(iter(wrong)) in told["detail"]
    reader = await merchant_key(till.services)
    assert (await call(session, reader, "PATCH", store, "", changes))[0] == 404


async def test_u9_a_code_takes_what_it_and_the_channel_take(till: LinkTill, session: ClientSession) -> None:
    """A store's code took 9,999,999,999,999.00 yuan; at 100 million WeChat's button led elsewhere, without a word."""
    store, path = await till.store()
    await till.services.stores.update(till.tenant, store.id, StoreChanges(code_amount_max=200_000_000))
    _, seen = await state(session, path)
    (offer,) = seen["offers"]
    assert (offer["minimum"], offer["maximum"]) == ("0.01", "1000000.00")  # WeChat's, below the code's
    refused = [
        ("9999999999999.00", "wechat", "this code takes at most 2000000.00 CNY"),
        ("1000000.01", "wechat", "wechat takes 1 to 100000000"),
        ("1.00", "e_cny", "no account at e_cny"),
    ]
    for amount, channel, cause in refused:
        status, told = await order(session, path, seen["order"], amount, channel)
        assert (status, told["reason"]) == (422, "invalid_request")
        assert cause in told["detail"]
    assert not (await till.services.payments.lists.page(till.tenant, PaymentFilter())).items
    assert (await order(session, path, seen["order"], "1000000.00"))[0] == 200


async def test_s8_who_floods_a_code_is_refused_before_its_customers_are(till: LinkTill) -> None:
    """Forty addresses made 375 junk payments in 15 seconds, and real customers were refused."""
    store, path = await till.store()
    await till.services.stores.update(till.tenant, store.id, StoreChanges(code_open_max=20))
    cashier, token = till.services.cashier, path.rpartition("/")[2]

    async def try_to_order(origin: str) -> str | None:
        number = cashier.links.token(Link.ORDER, till.made)
        till.made += 1
        try:
            return await cashier.order_at_store(token, number, 100, "wechat", origin)
        except RateLimitedError:
            return None

    async def made() -> int:
        sql = "SELECT count(*) FROM payments WHERE store_id = $1"
        count: int = await till.services.ledger.store.pool.fetchval(sql, f"{store.id:032x}")
        return count

    one = [await try_to_order("198.51.100.1") for _ in range(2 * OPEN_PER_ADDRESS_MAX)]
    assert sum(token is not None for token in one) == OPEN_PER_ADDRESS_MAX
    flood = [f"203.0.113.{host}" for host in range(2)]
    await asyncio.gather(*(try_to_order(origin) for origin in flood * 20))
    assert await made() == 10, "a store's second half is for addresses that hold nothing"
    customers = [await try_to_order(f"192.0.2.{host}") for host in range(10)]
    assert None not in customers
    assert await try_to_order("192.0.2.99") is None, "no store holds more than it says"
    # Whoever ends what is open has a place again.
    found = await till.services.payments.lists.page(till.tenant, PaymentFilter())
    await till.services.payments.payments.cancel(till.tenant, int(found.items[0].id[4:], 16), "c1")
    assert await try_to_order("192.0.2.99") is not None


async def test_s8_the_same_order_again_is_answered_where_a_new_one_is_not(till: LinkTill) -> None:
    store, path = await till.store()
    await till.services.stores.update(till.tenant, store.id, StoreChanges(code_open_max=1))
    cashier, token = till.services.cashier, path.rpartition("/")[2]
    first, second = (cashier.links.token(Link.ORDER, number) for number in (1, 2))
    made = await cashier.order_at_store(token, first, 100, "wechat", "192.0.2.1")
    with pytest.raises(RateLimitedError):
        await cashier.order_at_store(token, second, 100, "wechat", "192.0.2.2")
    assert await cashier.order_at_store(token, first, 100, "wechat", "192.0.2.1") == made
