"""Channels at the HTTP door: raw bytes in, the channel's own answer out, and no key asked for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services, open_services
from pycore.config import ChannelSettings, Settings, StoreSettings
from pycore.ledger import Ledger
from tests.api.keys import Key, merchant_key
from tests.api.sandbox.payments.paying import eventually
from tests.api.sandbox.simulated import Sandbox


@pytest.fixture
async def services(ledger: Ledger, tmp_path: Path, timely_sandbox: Sandbox) -> AsyncIterator[Services]:
    settings = Settings(
        store=StoreSettings(data=str(tmp_path)), channels=ChannelSettings(sandbox_folder=str(timely_sandbox.folder))
    )
    services = await open_services(ledger, settings)
    async with services.channels:
        yield services


@pytest.fixture
async def doors(services: Services) -> AsyncIterator[Doors]:
    doors = Doors(services)
    await doors.open("127.0.0.1:0", "127.0.0.1:0")
    services.channels.accounts.public_url = doors.http_url
    yield doors
    await doors.close(5)


async def _pay(session: ClientSession, key: Key, channel: str, reference: str) -> dict[str, Any]:
    body = {
        "merchant_reference": reference,
        "amount": 1050,
        "subject": "两杯咖啡",
        "method": "qr_code",
        "channel": channel,
        "confirm": True,
    }
    headers = {**key.headers, "idempotency-key": reference}
    async with session.post("/v1/payments", json=body, headers=headers) as response:
        assert response.status in {200, 201}, await response.text()
        made: dict[str, Any] = await response.json()
        return made


@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
async def test_a_payment_from_create_to_paid_over_http(
    session: ClientSession, merchant: Key, timely_sandbox: Sandbox, channel: str
) -> None:
    made = await _pay(session, merchant, channel, f"T-{channel}")
    assert made["status"] == "requires_action"
    assert made["next_action"]["type"] == "show_code"
    (order, *_) = timely_sandbox.control("GET", "/orders?limit=1")["orders"]
    await asyncio.to_thread(timely_sandbox.act, order["reference"], "pay")

    async def look() -> str:
        async with session.get(f"/v1/payments/{made['id']}", headers=merchant.headers) as response:
            return str((await response.json())["status"])

    assert await eventually(look, lambda status: status == "succeeded")
    await asyncio.to_thread(
        timely_sandbox.until, lambda: timely_sandbox.order(order["reference"])["notices"][0]["delivered_at"] > 0
    )
    assert timely_sandbox.order(order["reference"])["notices"][0]["tries"] == 1
    async with session.get(f"/v1/payments/{made['id']}/timeline", headers=merchant.headers) as response:
        kinds = [entry["kind"] for entry in (await response.json())["data"]]
    steps = ["routed", "attempted", "called", "notified", "booked"]
    assert [kind for kind in kinds if "." not in kind] == steps
    assert [kind for kind in kinds if "." in kind] == [
        "payment.created",
        "payment.requires_action",
        "payment.succeeded",
    ]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("wechat/test", b"", 400),
        ("wechat/test", b"{}", 400),
        ("wechat/test", b"\xff" * 60_000, 400),
        ("alipay/test", b"sign=x&sign_type=RSA2&a=b", 200),
        ("alipay/test", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", 200),
        ("unionpay/test", b"version=5.1.0", 500),
        ("wechat/live", b"{}", 404),
        ("wechat/both", b"{}", 404),
        ("e_cny/test", b"{}", 404),
        ("wechat/test", b"x" * 70_000, 413),
    ],
)
async def test_what_is_no_notification_is_answered_and_changes_nothing(
    session: ClientSession, services: Services, path: str, body: bytes, status: int
) -> None:
    async with session.post(f"/notifications/{path}", data=body) as response:
        assert response.status == status
        assert await response.text() != "success"
    assert await services.ledger.store.pool.fetchval("SELECT count(*) FROM payment_timeline") == 0


async def test_metrics_tell_of_calls_and_notifications(
    session: ClientSession, merchant: Key, operator: Key, services: Services
) -> None:
    await _pay(session, merchant, "wechat", "T-metrics")
    async with session.post("/notifications/wechat/test", data=b"{}"):
        pass
    async with session.get("/metrics", headers=operator.headers) as response:
        text = await response.text()
    assert 'pycore_channel_calls_total{channel="wechat",outcome="requires_action",step="create"} 1.0' in text
    assert 'pycore_channel_notifications_total{channel="wechat",result="not_signed"} 1.0' in text
    assert "pycore_payments_by_hand 0.0" in text


async def test_another_merchants_key_opens_nothing(session: ClientSession, merchant: Key, services: Services) -> None:
    made = await _pay(session, merchant, "wechat", "T-other")
    other = await merchant_key(services)
    for path in (f"/v1/payments/{made['id']}", f"/v1/payments/{made['id']}/timeline"):
        async with session.get(path, headers=other.headers) as response:
            assert response.status == 404
