"""Manual postings over HTTP and at the command line, by two operators with keys of their own."""

import json
from typing import Any

import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services
from pycore.ids import format_id
from pycore.ledger.chart import AccountCode, AccountKey, Chart, customer_balance, ledger_number
from pycore.merchants import OperatorScope
from pycore.money import CNY
from tests.api.command import pycore
from tests.api.keys import Key, tenant_key
from tests.api.shop import Shop

BOOKS = ledger_number(CNY, live=False)


@pytest.fixture
async def shop(services: Services) -> Shop:
    return await Shop.open(services, minor=5000)


@pytest.fixture
async def li(services: Services) -> Key:
    return await tenant_key(services, None, name="Li")


@pytest.fixture
async def wang(services: Services) -> Key:
    return await tenant_key(services, None, name="Wang", scopes=[OperatorScope.POSTINGS_APPROVE])


async def accounts(shop: Shop) -> tuple[str, str]:
    keys = [customer_balance(BOOKS, shop.tenant, shop.customer), AccountKey(AccountCode.CUSTODY_BANK, BOOKS)]
    balance, bank = await Chart(shop.services.ledger).opened(keys)
    return format_id(balance), format_id(bank)


async def available(shop: Shop) -> int:
    return (await shop.services.payments.wallet.balance(shop.tenant, shop.customer)).available


async def test_s1_a_correction_takes_two_keys_over_http(session: ClientSession, shop: Shop, li: Key, wang: Key) -> None:
    debit, credit = await accounts(shop)
    body = {
        "debit_account_id": debit, "credit_account_id": credit, "amount": 2000, "live": False,
        "reason": "credited twice", "reference": "COR-1",
    }  # fmt: skip

    async def call(key: Key, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with session.request(method, f"/v1/postings{path}", json=body, headers=key.headers) as response:
            return response.status, await response.json(content_type=None)

    status, asked = await call(li, "POST", "", body)
    assert (status, asked["state"], asked["asked_by_name"]) == (200, "asked", "Li")
    status, refused = await call(li, "POST", f"/{asked['id']}/approve")
    assert (status, refused["reason"]) == (403, "permission_denied")
    assert await available(shop) == 5000
    # Who may approve may not ask, unless the key says both.
    assert (await call(wang, "POST", "", body))[0] == 403
    status, made = await call(wang, "POST", f"/{asked['id']}/approve")
    assert (status, made["state"], made["decided_by_name"]) == (200, "approved", "Wang")
    assert await available(shop) == 3000
    assert await call(li, "GET", f"/{asked['id']}") == (200, made)
    assert await call(li, "GET", "") == (200, {"data": [made], "has_more": False})


async def test_s1_a_correction_at_the_command_line(doors: Doors, shop: Shop, li: Key, wang: Key) -> None:
    server = ("--server", f"http://{doors.http_address}")
    debit, credit = await accounts(shop)

    async def run(key: Key, *arguments: str) -> tuple[int, Any]:
        code, output, errors = await pycore("posting", *arguments, *server, "--json", PYCORE_CLIENT_API_KEY=key.secret)
        assert output, errors
        return code, json.loads(output)

    terms = ("--debit", debit, "--credit", credit, "--amount", "2000", "--reason", "credited twice")
    _, found = await run(li, "ask", *terms, "--reference", "COR-1")
    first = found["posting"]["id"]
    code, refused = await run(li, "approve", first)
    assert (code, refused["error"]["reason"]) == (1, "permission_denied")
    code, made = await run(wang, "approve", first)
    assert (code, made["posting"]["state"], await available(shop)) == (0, "approved", 3000)
    second = (await run(li, "ask", *terms, "--reference", "COR-2"))[1]["posting"]["id"]
    assert (await run(wang, "refuse", second, "--reason", "no"))[1]["posting"]["note"] == "no"
    third = (await run(li, "ask", *terms, "--reference", "COR-3"))[1]["posting"]["id"]
    assert (await run(li, "withdraw", third))[1]["posting"]["state"] == "withdrawn"
    assert (await run(li, "show", third))[1]["posting"]["reference"] == "COR-3"
    _, listed = await run(li, "list")
    assert [each["state"] for each in listed["postings"]] == ["withdrawn", "refused", "approved"]
    code, output, _ = await pycore("posting", "list", *server, PYCORE_CLIENT_API_KEY=li.secret)
    assert (code, "COR-2" in output) == (0, True)
    assert await available(shop) == 3000


async def test_no_answer_is_no_word_about_the_money(li: Key) -> None:
    nobody = ("--server", "http://127.0.0.1:1", "--json")
    code, output, _ = await pycore("posting", "approve", f"pst_{'0' * 32}", *nobody, PYCORE_CLIENT_API_KEY=li.secret)
    assert (code, json.loads(output)["error"]["reason"]) == (1, "outcome_unknown")
