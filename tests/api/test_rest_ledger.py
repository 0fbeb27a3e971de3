"""The HTTP door: every endpoint, as documentation shows it."""

from typing import Any

import pytest
from aiohttp import ClientSession

from pycore.ids import format_id, new_id

TRANSFER = {"debit_account_id": "1", "credit_account_id": "2", "amount": "5", "ledger": 1, "code": 7}


@pytest.fixture
def session(operator_session: ClientSession) -> ClientSession:
    return operator_session


async def post(session: ClientSession, path: str, body: Any) -> Any:
    async with session.post(path, json=body) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/json"
        return await response.json()


async def get(session: ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def open_accounts(session: ClientSession) -> None:
    accounts = [{"id": id, "ledger": 1, "code": 1, "flags": ["history"]} for id in ("1", "2")]
    answer = await post(session, "/v1/ledger/accounts", {"accounts": accounts})
    assert [result["status"] for result in answer["results"]] == ["created", "created"]


async def test_what_was_written_can_be_read(session: ClientSession) -> None:
    await open_accounts(session)
    ids = [format_id(new_id()) for _ in range(3)]
    transfers = [{**TRANSFER, "id": id, "user_data_64": 2**64 - 1} for id in ids]
    answer = await post(session, "/v1/ledger/transfers", {"transfers": transfers})
    assert [result["status"] for result in answer["results"]] == ["created"] * 3

    found = await post(session, "/v1/ledger/transfers/lookup", {"ids": [ids[2], "404", ids[0]]})
    assert [each["id"] for each in found["transfers"]] == [ids[2], ids[0]]
    accounts = await post(session, "/v1/ledger/accounts/lookup", {"ids": ["2", "404", "1"]})
    assert [each["credits_posted"] for each in accounts["accounts"]] == ["15", "0"]
    history = await get(session, "/v1/ledger/accounts/1/transfers?limit=2&credits=false")
    assert [each["id"] for each in history["transfers"]] == ids[:2]
    last = int(history["transfers"][-1]["timestamp"])
    rest = await get(session, f"/v1/ledger/accounts/1/transfers?limit=2&timestamp_min={last + 1}")
    assert [each["id"] for each in rest["transfers"]] == ids[2:]
    balances = await get(session, "/v1/ledger/accounts/1/balances?reversed=true")
    assert [each["debits_posted"] for each in balances["balances"]] == ["15", "10", "5"]
    totals = await get(session, "/v1/ledger/trial_balance")
    assert totals["balanced"] is True
    assert totals["ledgers"][0]["debits_posted"] == "15"


async def test_one_transfer_in_full(session: ClientSession) -> None:
    await open_accounts(session)
    id = format_id(new_id())
    sent = {**TRANSFER, "id": id, "flags": ["pending"], "timeout": 60, "user_data_128": "77", "user_data_32": 8}
    answer = await post(session, "/v1/ledger/transfers", {"transfers": [sent]})
    assert await get(session, f"/v1/ledger/transfers/{id}") == {
        "id": id,
        "debit_account_id": format_id(1),
        "credit_account_id": format_id(2),
        "amount": "5",
        "pending_id": None,
        "user_data_128": format_id(77),
        "user_data_64": "0",
        "user_data_32": 8,
        "timeout": 60,
        "ledger": 1,
        "code": 7,
        "flags": ["pending"],
        "timestamp": answer["results"][0]["timestamp"],
    }


async def test_one_account_in_full(session: ClientSession) -> None:
    account = {"id": format_id(2**128 - 2), "ledger": 2**32 - 1, "code": 2**16 - 1, "flags": 2, "user_data_64": "9"}
    answer = await post(session, "/v1/ledger/accounts", {"accounts": [account]})
    assert await get(session, f"/v1/ledger/accounts/{2**128 - 2}") == {
        "id": "ffffffff-ffff-ffff-ffff-fffffffffffe",
        "ledger": 4294967295,
        "code": 65535,
        "flags": ["debits_must_not_exceed_credits"],
        "debits_pending": "0",
        "debits_posted": "0",
        "credits_pending": "0",
        "credits_posted": "0",
        "user_data_128": None,
        "user_data_64": "9",
        "user_data_32": 0,
        "timestamp": answer["results"][0]["timestamp"],
    }


async def test_an_imported_account_keeps_the_time_it_was_given(session: ClientSession) -> None:
    account = {"id": "1", "ledger": 1, "code": 1, "flags": ["imported"], "timestamp": "1577836800000000001"}
    answer = await post(session, "/v1/ledger/accounts", {"accounts": [account]})
    assert answer["results"] == [{"status": "created", "timestamp": "1577836800000000001"}]
