"""``pycore merchant``, ``store``, ``key``, ``customer`` and ``vault``, beside a running server."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner

from api.services import Services
from pycore.command_line import command
from pycore.ids import format_typed_id, parse_typed_id
from pycore.merchants import Customers, NewCustomer, open_vault
from pycore.tenant import Tenant
from pycore.vault import FileKeySource, KeyEncryptionKey, PhoneNumber


@pytest.fixture
def where(services: Services, database_dsn: str, tmp_path: Path) -> tuple[str, ...]:
    return ("--dsn", database_dsn, "--data", str(tmp_path))


async def pycore(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Return the command's exit status, its output and its errors. In this process, because there are so many."""
    found = await asyncio.to_thread(CliRunner().invoke, command, arguments, env=environment)
    return found.exit_code, found.stdout, found.stderr


async def pycore_json(*arguments: str) -> Any:
    code, output, _ = await pycore(*arguments, "--json")
    assert code == 0, output
    return json.loads(output)


async def status_with(session: ClientSession, secret: str, path: str = "/v1/merchant") -> int:
    async with session.get(path, headers={"authorization": f"Bearer {secret}"}) as response:
        return response.status


async def test_u17_a_leaked_code_is_disabled_limited_and_replaced(
    session: ClientSession, services: Services, where: tuple[str, ...]
) -> None:
    """A store's code could be neither switched off nor replaced, nor limited."""
    merchant = await services.merchants.create("Blue Teapot")
    store = await services.stores.create(Tenant(merchant.id, live=False), "Nanjing Road")
    of = (format_typed_id("sto", store.id), "--merchant", format_typed_id("mer", merchant.id), *where)
    (listed,) = (await pycore_json("store", "list", *of[1:]))["stores"]
    assert (listed["id"], listed["name"], listed["code"]) == (of[0], "Nanjing Road", "enabled")
    old = listed["cashier_url"].partition("/pay/")[2]
    assert old == services.cashier.links.store_url(store.code.id).partition("/pay/")[2]

    async def status() -> int:
        async with session.get(f"/pay/{old}/state") as response:
            return response.status

    assert (await pycore_json("store", "disable-code", *of))["store"]["code"] == "disabled"
    assert await status() == 410
    assert (await pycore_json("store", "enable-code", *of))["store"]["code"] == "enabled"
    assert await status() == 200
    limited = (await pycore_json("store", "limit-code", *of, "--amount-max", "30000", "--open-max", "7"))["store"]
    assert (limited["code_amount_max"], limited["code_open_max"]) == (30_000, 7)
    rotated = (await pycore_json("store", "rotate-code", *of))["store"]
    assert await status() == 410
    assert rotated["cashier_url"].partition("/pay/")[2] != old
    code, _, errors = await pycore("store", "limit-code", *of, "--amount-max", "0")
    assert code == 1
    assert "code_amount_max: must be 1 to" in errors


async def test_from_a_merchant_to_a_revoked_key(
    session: ClientSession, services: Services, where: tuple[str, ...]
) -> None:
    merchant = (await pycore_json("merchant", "create", "Blue Teapot", *where))["merchant"]
    of = ("--merchant", merchant["id"])
    made = await pycore_json("key", "create", *of, "--scope", "merchant:read", "--expires-in-days", "30", *where)
    assert made["secret"].startswith("sk_test_")
    assert (made["key"]["scopes"], made["key"]["hint"]) == (["merchant:read"], made["secret"][-4:])
    assert await status_with(session, made["secret"]) == 200

    rolled = await pycore_json("key", "roll", made["key"]["id"], "--overlap-seconds", "0", *where)
    assert rolled["key"]["scopes"] == made["key"]["scopes"]
    assert await status_with(session, rolled["secret"]) == 200
    listed = (await pycore_json("key", "list", *of, *where))["keys"]
    assert [each["id"] for each in listed] == [rolled["key"]["id"], made["key"]["id"]]
    assert listed[1]["replaced_by"] == rolled["key"]["id"]

    await pycore_json("key", "revoke", rolled["key"]["id"], *where)
    services.access.forget()
    assert [await status_with(session, each["secret"]) for each in (made, rolled)] == [401, 401]

    live = await pycore_json("key", "create", *of, "--live", *where)
    assert live["secret"].startswith("sk_live_")
    await pycore_json("merchant", "disable", merchant["id"], *where)
    services.access.forget()
    assert await status_with(session, live["secret"]) == 403
    assert (await pycore_json("merchant", "list", *where))["merchants"] == [merchant | {"status": "disabled"}]
    await pycore_json("merchant", "enable", merchant["id"], *where)
    services.access.forget()
    assert await status_with(session, live["secret"]) == 200


async def test_a_key_for_people_is_shown_once(where: tuple[str, ...]) -> None:
    code, output, _ = await pycore("key", "create", "--name", "prometheus", "--scope", "metrics:read", *where)
    assert (code, "ok_live_" in output, "shown this once" in output) == (0, True, True)
    code, output, _ = await pycore("key", "list", *where)
    assert (code, "ok_live_" in output, "prometheus" in output) == (0, False, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "create", "--merchant", "mer_1"),
        ("key", "create", "--merchant", f"mer_{'0' * 32}"),
        ("key", "create", "--scope", "payments:read"),
        ("key", "create", "--network", "203.0.113.7/24"),
        ("key", "revoke", f"key_{'0' * 32}"),
        ("merchant", "create", " "),
        ("merchant", "disable", f"mer_{'0' * 32}"),
    ],
)
async def test_what_makes_no_sense_is_said(where: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    code, output, _ = await pycore(*arguments, *where, "--json")
    assert code == 1
    assert json.loads(output)["error"]["message"]


async def test_customers_and_new_keys_for_the_vault(
    services: Services, where: tuple[str, ...], tmp_path: Path, database_dsn: str
) -> None:
    merchant = (await pycore_json("merchant", "create", "Blue Teapot", *where))["merchant"]
    tenant = Tenant(parse_typed_id("mer", merchant["id"]), live=False)
    phone = PhoneNumber("13812345678")
    for reference in ("kept", "gone"):
        await services.customers.create(tenant, NewCustomer(merchant_reference=reference, phone=phone))
    of = ("--merchant", merchant["id"])
    gone, kept = (await pycore_json("customer", "list", *of, *where))["customers"]
    assert (kept["merchant_reference"], kept["phone"], kept["state"]) == ("kept", "+86138****5678", "active")
    shredded = (await pycore_json("customer", "shred", gone["id"], *of, *where))["customer"]
    assert (shredded["phone"], shredded["state"]) == (None, "shredded")

    # A new key-encryption key above the old one, everything wrapped anew, the old one dropped.
    file = tmp_path / "vault.key"
    old = file.read_text()
    new = KeyEncryptionKey.random().secret.hex()
    file.write_text(f"{new}\n{old}")
    assert (await pycore_json("vault", "rewrap", *where))["rewrapped"] == 3
    assert (await pycore_json("vault", "rewrap", *where))["rewrapped"] == 0
    file.write_text(new)
    await pycore_json("vault", "rotate", *where)
    connection = await asyncpg.connect(database_dsn)
    assert await connection.fetchval("SELECT count(*) FROM vault_keys") == 3
    await connection.close()
    pool = services.ledger.store.pool
    customers = Customers(pool, await open_vault(pool, FileKeySource(file)))
    [found] = await customers.find_by_phone(tenant, phone)
    assert (found.merchant_reference, found.phone) == ("kept", phone)
    code, _, trouble = await pycore("customer", "list", *of, *where, PYCORE_VAULT_KEYS=old.strip())
    assert (code, "cannot be unwrapped" in trouble) == (1, True)
