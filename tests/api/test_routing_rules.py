"""A merchant's routing rules: put in force, refused with the place of the mistake, read back, and every version."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from api.services import Services
from pycore.ids import format_typed_id
from pycore.merchants import Scope
from tests.api.keys import Key, merchant_key, tenant_key
from tests.api.test_command_line_tenants import pycore, pycore_json

RULES = "/v1/merchant/routing_rules"
NIGHT = "# at night\nwhen hour from 22 to 6 avoid unionpay\n"


@pytest.fixture
def where(services: Services, database_dsn: str, tmp_path: Path) -> tuple[str, ...]:
    return ("--dsn", database_dsn, "--data", str(tmp_path))


async def put(session: ClientSession, key: Key, rules: str) -> tuple[int, dict[str, Any]]:
    async with session.put(RULES, json={"rules": rules}, headers=key.headers) as response:
        return response.status, await response.json()


async def get(session: ClientSession, key: Key, path: str = RULES) -> dict[str, Any]:
    async with session.get(path, headers=key.headers) as response:
        assert response.status == 200, await response.text()
        body: dict[str, Any] = await response.json()
        return body


async def test_u3_rules_are_put_in_force_and_read_back_with_their_history(
    session: ClientSession, merchant: Key, other_merchant: Key
) -> None:
    # Rules could be tried on past traffic, and nothing could put them in force but an UPDATE by hand.
    empty = {"version": 0, "rules": "", "set_by": None, "set_at": None}
    assert await get(session, merchant) == empty
    status, first = await put(session, merchant, NIGHT)
    assert (status, first["version"], first["rules"]) == (200, 1, NIGHT)
    assert first["set_by"] == format_typed_id("key", merchant.id)
    assert await put(session, merchant, NIGHT) == (200, first)
    _, second = await put(session, merchant, "prefer alipay")
    _, third = await put(session, merchant, "")
    assert [second["version"], third["version"]] == [2, 3]
    assert await get(session, merchant) == third
    versions = await get(session, merchant, f"{RULES}/versions?limit=2")
    assert versions == {"data": [third, second], "has_more": True}
    assert await get(session, merchant, f"{RULES}/versions?starting_after=2") == {"data": [first], "has_more": False}
    assert await get(session, other_merchant) == empty


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ("prefer alipay\nprefer palipay", "rules, line 2, column 8: "),
        ("when amount >= 5 prefer alipay", "rules, line 1, column "),
        ("prefer alipay\n\nwhen hour from 22 avoid wechat", "rules, line 3, column "),
        ("# card 4111 1111 1111 1111", "rules: holds "),
    ],
)
async def test_u3_a_mistake_is_refused_with_its_place_and_changes_nothing(
    session: ClientSession, merchant: Key, rules: str, where: str
) -> None:
    _, before = await put(session, merchant, NIGHT)
    status, problem = await put(session, merchant, rules)
    assert (status, problem["reason"]) == (422, "invalid_request")
    assert problem["detail"].startswith(where)
    assert await get(session, merchant) == before


async def test_each_mode_has_rules_of_its_own_and_reading_does_not_allow_setting(
    session: ClientSession, services: Services
) -> None:
    test = await merchant_key(services)
    assert test.tenant is not None
    live = await tenant_key(services, test.tenant._replace(live=True))
    reader = await tenant_key(services, test.tenant, scopes=(Scope.MERCHANT_READ,))
    await put(session, test, NIGHT)
    assert (await get(session, live))["version"] == 0
    assert (await put(session, reader, ""))[0] == 403


async def test_u3_the_command_line_sets_rules_and_labels(
    session: ClientSession, merchant: Key, where: tuple[str, ...], tmp_path: Path
) -> None:
    assert merchant.tenant is not None
    id = format_typed_id("mer", merchant.tenant.merchant_id)
    file = tmp_path / "rules"
    file.write_text("when label is not new prefer alipay\n")
    of = ("--merchant", id, *where)
    made = (await pycore_json("route", "set", str(file), *of))["routing_rules"]
    assert (made["version"], made["set_by"].partition(",")[0]) == (1, "command line")
    assert (await pycore_json("route", "show", *of))["routing_rules"] == made
    assert (await pycore_json("route", "history", *of))["versions"] == [made]
    assert (await get(session, merchant))["rules"] == file.read_text()
    file.write_text("prefer nobody")
    code, _, trouble = await pycore("route", "set", str(file), *of)
    assert (code, "line 1, column 8" in trouble) == (1, True)

    labelled = await pycore_json("merchant", "label", id, "new", "food", *where)
    assert labelled["merchant"]["labels"] == ["food", "new"]
    assert (await get(session, merchant, "/v1/merchant"))["labels"] == ["food", "new"]
    code, _, trouble = await pycore("merchant", "label", id, "not a word", *where)
    assert (code, "as in new_merchant" in trouble) == (1, True)


async def test_operators_give_labels_over_http(session: ClientSession, merchant: Key, operator: Key) -> None:
    assert merchant.tenant is not None
    path = f"/v1/merchants/{format_typed_id('mer', merchant.tenant.merchant_id)}"
    async with session.patch(path, json={"labels": ["vip", "vip"]}, headers=operator.headers) as response:
        assert (response.status, (await response.json())["labels"]) == (200, ["vip"])
    async with session.patch(path, json={"labels": ["a b"]}, headers=operator.headers) as response:
        assert response.status == 422
