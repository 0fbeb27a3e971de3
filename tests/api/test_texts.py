"""What errors say: the field, what is wrong with it, and an example of what is right."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner

from pycore.command_line import command
from pycore.merchants import OperatorScope
from tests.api.keys import Key


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("merchant_reference", "a b", "as in T1001"),
        ("currency", "yuan", "as in CNY"),
        ("channel", "WeChat", "as in wechat"),
        ("return_url", "shop", "as in https://shop.example.com/done"),
    ],
)
async def test_u14_a_field_is_explained_without_its_pattern(
    session: ClientSession, merchant: Key, field: str, value: str, said: str
) -> None:
    # "Expected `str` matching regex '^[0-9A-Za-z_\\-|*.@:]{1,64}$'" was all that was said.
    body: dict[str, Any] = {"merchant_reference": "T1", "amount": 1, "subject": "tea", field: value}
    async with session.post(
        "/v1/payments", json=body, headers={**merchant.headers, "idempotency-key": "k"}
    ) as response:
        detail = (await response.json())["detail"]
    assert field in detail
    assert said in detail
    assert "regex" not in detail
    assert "\\" not in detail


async def test_u14_a_local_webhook_is_refused_with_the_setting_that_allows_it(
    session: ClientSession, merchant: Key
) -> None:
    for url in ("http://localhost:3000/hook", "https://localhost/hook", "https://127.0.0.1/hook"):
        async with session.post("/v1/webhook_endpoints", json={"url": url}, headers=merchant.headers) as response:
            assert "allow_loopback" in (await response.json())["detail"], url


async def test_u14_a_scope_that_there_is_not_is_answered_with_those_there_are(database_dsn: str) -> None:
    # "'nope' is not a valid Scope"
    asked = ["key", "create", "--scope", "nope", "--dsn", database_dsn]
    done = await asyncio.to_thread(CliRunner().invoke, command, asked)
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "--scope: nope is none" in said
    assert ", ".join(OperatorScope) in said
    assert f"as in --scope {next(iter(OperatorScope))}" in said
