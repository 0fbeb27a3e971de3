"""The commands, as a shell runs them: against a running server, and against a ledger nobody serves."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.app import Doors
from pycore.errors import StateMismatchError
from pycore.ids import format_id, new_id
from pycore.ledger import Account, AccountFlags, Ledger, Transfer, TransferFlags
from tests.api.command import pycore

NOBODY = "127.0.0.1:1"


async def pycore_json(*arguments: str) -> Any:
    code, output, _ = await pycore(*arguments, "--json")
    assert code == 0, output
    return json.loads(output)


async def move_money(ledger: Ledger) -> list[Transfer]:
    await ledger.create_accounts(
        [Account(id=1, ledger=156, code=7, flags=AccountFlags.HISTORY), Account(id=2, ledger=156, code=8)]
    )
    pending = int(TransferFlags.PENDING)
    transfers = [
        Transfer(id=new_id(), debit_account_id=1, credit_account_id=2, amount=amount, ledger=156, code=3, flags=flags)
        for amount, flags in ((1999, 0), (1, 0), (5, pending))
    ]
    await ledger.create_transfers(transfers)
    return transfers


@pytest.fixture
def with_key(operator_secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCORE_CLIENT_API_KEY", operator_secret)


@pytest.mark.usefixtures("with_key")
async def test_looking_into_a_running_server(ledger: Ledger, doors: Doors) -> None:
    transfers = await move_money(ledger)
    server = ("--server", doors.grpc_address)
    found = await pycore_json("account", "1", "--transfers", "2", *server)
    assert found["account"] == {
        "id": format_id(1), "ledger": 156, "code": 7, "flags": ["history"], "debits_pending": "5",
        "debits_posted": "2000", "credits_pending": "0", "credits_posted": "0", "user_data_128": None,
        "user_data_64": "0", "user_data_32": 0, "timestamp": found["account"]["timestamp"],
    }  # fmt: skip
    assert [each["id"] for each in found["transfers"]] == [format_id(each.id) for each in reversed(transfers[1:])]
    one = await pycore_json("transfer", format_id(transfers[2].id), *server)
    assert (one["transfer"]["amount"], one["transfer"]["flags"]) == ("5", ["pending"])
    assert await pycore_json("trial-balance", *server) == {
        "ledgers": [
            {
                "ledger": 156, "accounts": 2, "debits_pending": "5", "credits_pending": "5", "debits_posted": "2000",
                "credits_posted": "2000", "balanced": True,
            }
        ],
        "balanced": True,
    }  # fmt: skip

    code, output, _ = await pycore("account", format_id(1), *server)
    assert code == 0
    assert "debit balance" in output
    assert "1,999" in output
    code, output, _ = await pycore("trial-balance", *server)
    assert code == 0
    assert "2,000" in output


@pytest.mark.usefixtures("with_key")
async def test_what_is_not_there(ledger: Ledger, doors: Doors) -> None:
    server = ("--server", doors.grpc_address)
    for command in ("account", "transfer"):
        code, _, errors = await pycore(command, "404", *server)
        assert (code, errors) == (1, f"pycore: there is no {command} 404\n")
        code, output, _ = await pycore(command, "404", *server, "--json")
        assert (code, json.loads(output)["error"]["reason"]) == (1, "not_found")
        code, _, errors = await pycore(command, "x", *server)
        assert (code, "not an id" in errors) == (1, True)
    code, output, _ = await pycore("account", "1", "--server", NOBODY, "--json")
    assert (code, json.loads(output)["error"]["reason"]) == (1, "ledger_unavailable")


async def test_looking_makes_no_ledger(tmp_path: Path) -> None:
    data = tmp_path / "nothing"
    environment = {"PYCORE_SERVER_GRPC_ADDRESS": NOBODY}
    for command in (("trial-balance",), ("account", "1"), ("verify",), ("rebuild",)):
        code, _, errors = await pycore(*command, "--data", str(data), **environment)
        assert code == 1
        assert errors.startswith("pycore: ")
    assert not data.exists()


async def test_a_ledger_that_nobody_serves(database_dsn: str, tmp_path: Path) -> None:
    async with Ledger.open(dsn=database_dsn, data=tmp_path) as ledger:
        transfers = await move_money(ledger)
        state_hash = ledger.state_hash().hex()
    where = ("--dsn", database_dsn, "--data", str(tmp_path))
    code, output, _ = await pycore("account", "2", *where, "--json", PYCORE_SERVER_GRPC_ADDRESS=NOBODY)
    assert code == 0
    assert json.loads(output)["account"]["credits_posted"] == "2000"

    report = await pycore_json("verify", *where)
    assert (report["holds"], report["findings"], report["state_hash"]) == (True, [], state_hash)
    assert (report["transfers"], report["accounts"]) == (len(transfers), 2)

    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE accounts SET debits_posted = debits_posted + 1 WHERE code = 7")
    code, output, _ = await pycore("verify", *where)
    assert code == 1
    assert "THE BOOKS DO NOT HOLD" in output
    assert "found: " in output
    with pytest.raises(StateMismatchError):
        await Ledger.open(dsn=database_dsn, data=tmp_path)

    rebuilt = await pycore_json("rebuild", *where)
    assert rebuilt["journal_rows"] == report["journal_rows"]
    assert (await pycore_json("verify", *where))["holds"] is True
    assert await connection.fetchval("SELECT debits_posted FROM accounts WHERE code = 7") == 2000
    await connection.close()


async def test_verify_beside_a_running_server(ledger: Ledger, database_dsn: str, tmp_path: Path) -> None:
    await move_money(ledger)
    await ledger.flush_projection()
    where = ("--dsn", database_dsn, "--data", str(tmp_path))
    assert (await pycore_json("verify", *where))["holds"] is True
    code, _, errors = await pycore("rebuild", *where)
    assert (code, "another process writes this ledger" in errors) == (1, True)


async def test_the_settings_in_force() -> None:
    code, output, _ = await pycore(
        "config", "--json", "--dsn", "postgresql://me:hunter2@db/ledger", PYCORE_LEDGER_QUEUE_EVENTS_MAX="9000"
    )
    assert code == 0
    settings = json.loads(output)
    assert settings["ledger"]["queue_events_max"] == 9000
    assert settings["store"]["dsn"] == "postgresql://me:***@db/ledger"
    assert "hunter2" not in output
    code, _, errors = await pycore("config", PYCORE_LEDGER_QUEUE="1")
    assert (code, "PYCORE_LEDGER_QUEUE" in errors) == (1, True)


@pytest.mark.parametrize("arguments", [("nothing",), ("account",), ("account", "1", "--transfers", "-1"), ("--what",)])
async def test_a_misused_command_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert (await pycore(*arguments))[0] == 2
