"""Customers over HTTP: created once, masked, changed, found, restricted, shredded."""

from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession

from api.services import Services
from pycore.tenant import Tenant
from tests.api.keys import Key, tenant_key

PERSON = {
    "merchant_reference": "user-1077",
    "account_class": "II",
    "name": "王小明",
    "phone": "13812345678",
    "id_number": "11010519491231002X",
}
IN_CLEAR = ("王小明", "小明", "13812345678", "12345678", "11010519491231002X")


@pytest.fixture
async def session(session: ClientSession, merchant: Key) -> ClientSession:
    session.headers.update(merchant.headers)
    return session


async def call(session: ClientSession, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    async with session.request(method, path, json=body) as response:
        return response.status, await response.json(content_type=None)


async def created(session: ClientSession, **fields: Any) -> dict[str, Any]:
    status, customer = await call(session, "POST", "/v1/customers", PERSON | fields)
    assert status == 200, customer
    return customer


async def test_a_customer_is_shown_masked(session: ClientSession) -> None:
    customer = await created(session)
    assert customer["name"] == "王**"
    assert customer["phone"] == "+86138****5678"
    assert customer["id_number"] == "1****************X"
    assert (customer["account_class"], customer["state"], customer["live"]) == ("II", "active", False)
    assert await call(session, "GET", f"/v1/customers/{customer['id']}") == (200, customer)
    assert (await call(session, "GET", "/v1/customers"))[1] == {"data": [customer], "has_more": False}


async def test_the_same_request_gives_the_same_customer_and_another_is_refused(session: ClientSession) -> None:
    customer = await created(session)
    assert await created(session, phone="+86 138-1234-5678") == customer
    for change in ({"phone": "13812345679"}, {"name": None}, {"account_class": "I"}, {"id_number": "E1234567"}):
        status, problem = await call(session, "POST", "/v1/customers", PERSON | change)
        assert (status, problem["reason"]) == (409, "already_exists")


async def test_changes(session: ClientSession) -> None:
    path = f"/v1/customers/{(await created(session))['id']}"
    status, customer = await call(session, "PATCH", path, {"phone": None, "account_class": "III"})
    assert (status, customer["phone"], customer["account_class"], customer["name"]) == (200, None, "III", "王**")
    status, customer = await call(session, "PATCH", path, {"phone": "13900001111"})
    assert (status, customer["phone"]) == (200, "+86139****1111")
    assert (await call(session, "POST", "/v1/customers/search", {"phone": "13900001111"}))[1]["data"] == [customer]
    assert (await call(session, "POST", "/v1/customers/search", {"phone": PERSON["phone"]}))[1]["data"] == []


async def test_a_restricted_customer_is_neither_shown_nor_found_nor_changed(session: ClientSession) -> None:
    path = f"/v1/customers/{(await created(session))['id']}"
    status, customer = await call(session, "POST", f"{path}/restrict")
    assert (status, customer["state"]) == (200, "restricted")
    assert await call(session, "POST", f"{path}/restrict") == (200, customer)
    assert [customer[name] for name in ("name", "phone", "id_number")] == [None, None, None]
    assert (await call(session, "POST", "/v1/customers/search", {"phone": PERSON["phone"]}))[1]["data"] == []
    assert (await call(session, "PATCH", path, {"name": "王大明"}))[0] == 409
    assert (await call(session, "PATCH", path, {"account_class": "I"}))[1]["account_class"] == "I"
    assert (await call(session, "DELETE", path))[1]["state"] == "shredded"


async def test_shredding_leaves_nothing_to_read(session: ClientSession, database_dsn: str) -> None:
    path = f"/v1/customers/{(await created(session))['id']}"
    status, customer = await call(session, "DELETE", path)
    assert (status, customer["state"], customer["name"]) == (200, "shredded", None)
    assert await call(session, "DELETE", path) == (200, customer)
    assert customer["merchant_reference"] == PERSON["merchant_reference"]
    assert (await call(session, "POST", f"{path}/restrict"))[1]["reason"] == "invalid_state"
    assert (await call(session, "POST", "/v1/customers", PERSON))[1]["reason"] == "already_exists"
    connection = await asyncpg.connect(database_dsn)
    [row] = await connection.fetch("SELECT * FROM customers")
    await connection.close()
    assert {row[name] for name in ("name_sealed", "phone_sealed", "phone_index", "id_number_sealed")} == {None}
    assert len(row["subject_key"]) == 20


async def test_nothing_personal_is_stored_in_clear(session: ClientSession, database_dsn: str) -> None:
    await created(session)
    connection = await asyncpg.connect(database_dsn)
    [text] = await connection.fetch("SELECT customers::text AS whole FROM customers")
    [stored] = await connection.fetch("SELECT * FROM customers")
    await connection.close()
    sealed = b"".join(value for value in stored.values() if isinstance(value, bytes))
    for part in IN_CLEAR:
        assert part not in text["whole"]
        assert part.encode() not in sealed


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"merchant_reference": ""}, 422, "invalid_request"),
        ({"merchant_reference": "a" * 65}, 422, "invalid_request"),
        ({"merchant_reference": "a b"}, 422, "invalid_request"),
        ({"merchant_reference": "4111111111111111"}, 422, "invalid_request"),
        ({"phone": "12"}, 422, "invalid_personal_data"),
        ({"phone": "１３８１２３４５６７８"}, 422, "invalid_personal_data"),
        ({"name": "4111 1111 1111 1111"}, 422, "invalid_personal_data"),
        ({"name": "a\u0000b"}, 422, "invalid_personal_data"),
        ({"id_number": "110105194912310021"}, 422, "invalid_personal_data"),
        ({"account_class": "IV"}, 400, "malformed_request"),
        ({"cvv": "123"}, 400, "malformed_request"),
        ({"name": 1}, 400, "malformed_request"),
    ],
)
async def test_bad_input_is_refused_without_being_repeated(
    session: ClientSession, change: dict[str, Any], status: int, reason: str
) -> None:
    got, problem = await call(session, "POST", "/v1/customers", PERSON | change)
    assert (got, problem["reason"]) == (status, reason)
    [value] = change.values()
    assert len(str(value)) < 3 or str(value) not in problem["detail"]
    assert (await call(session, "GET", "/v1/customers"))[1]["data"] == []


async def test_pages(session: ClientSession, services: Services, merchant: Key) -> None:
    made = [(await created(session, merchant_reference=f"r{number}"))["id"] for number in range(5)]
    status, first = await call(session, "GET", "/v1/customers?limit=3")
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (made[:1:-1], True)
    _, rest = await call(session, "GET", f"/v1/customers?limit=3&starting_after={first['data'][-1]['id']}")
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (made[1::-1], False)
    for query, status in (
        ("limit=0", 400), ("limit=-1", 400), ("limit=101", 400), ("limit=2147483648", 400), ("limit=1e1", 400),
        ("starting_after=cus_1", 422), ("starting_after=", 422), (f"starting_after=cus_{'0' * 32}", 404),
        ("limit=1&limit=2", 400), ("offset=1", 400),
    ):  # fmt: skip
        assert (await call(session, "GET", f"/v1/customers?{query}"))[0] == status, query
    # The other mode of the same merchant is another world.
    assert merchant.tenant is not None
    live = await tenant_key(services, Tenant(merchant.tenant.merchant_id, live=True))
    session.headers.update(live.headers)
    assert (await call(session, "GET", "/v1/customers"))[1]["data"] == []
    assert (await call(session, "GET", f"/v1/customers?starting_after={made[0]}"))[0] == 404
    assert (await created(session))["id"] not in made
