"""A merchant in test mode whose payments payers find by link."""

from typing import Any

from aiohttp import ClientSession

from api.services import Services
from pycore.ids import parse_typed_id
from pycore.merchants import MerchantStore
from pycore.payments.cashier_links import Link
from tests.api.keys import Key

PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.49"
ALIPAY = "Mozilla/5.0 (Linux; U; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 AlipayClient/10.5.90"
UNIONPAY = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36 UnionPay/1.0 CloudPay"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"


class LinkTill:
    """Makes payments through the merchant's API, and does what only time does otherwise."""

    def __init__(self, services: Services, session: ClientSession, merchant: Key) -> None:
        assert merchant.tenant is not None
        self.services = services
        self.session = session
        self.merchant = merchant
        self.tenant = merchant.tenant
        self.made = 0

    async def payment(self, **more: Any) -> dict[str, Any]:
        """A payment as its merchant sees it; its link is ``cashier_url``."""
        self.made += 1
        reference = f"T{self.made}"
        body = {"merchant_reference": reference, "amount": 1050, "subject": "两杯咖啡", **more}
        headers = {**self.merchant.headers, "idempotency-key": reference}
        async with self.session.post("/v1/payments", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            payment: dict[str, Any] = await response.json()
            return payment

    async def status(self, payment: dict[str, Any]) -> str:
        id = parse_typed_id("pay", payment["id"])
        return (await self.services.payments.payments.get(self.tenant, id)).status

    async def attempts(self, payment: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Channel, method and status of each."""
        found = await self.services.channels.attempts.of_payment(parse_typed_id("pay", payment["id"]))
        return [(each.channel, each.method, each.status) for each in found]

    async def reference(self, payment: dict[str, Any]) -> str:
        """The number of the last attempt at its channel."""
        found = await self.services.channels.attempts.of_payment(parse_typed_id("pay", payment["id"]))
        return found[-1].reference

    async def run_out(self, payment: dict[str, Any]) -> None:
        """Let the payment's time be over."""
        id = parse_typed_id("pay", payment["id"])
        await self.services.ledger.store.pool.execute(
            "UPDATE payments SET expires_at = created_at + 1 WHERE id = $1", f"{id:032x}"
        )
        await self.services.channels.sweeper.sweep()

    async def let_attempt_run_out(self, payment: dict[str, Any]) -> None:
        """Let the time be over in which the payment's attempts can be paid, but not the payment's own."""
        id = parse_typed_id("pay", payment["id"])
        await self.services.ledger.store.pool.execute(
            "UPDATE payment_attempts SET next_check_at = 1, channel_order = (channel_order::jsonb ||"
            """ '{"created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T00:03:00Z"}')::json"""
            " WHERE payment_id = $1",
            f"{id:032x}",
        )
        await self.services.channels.sweeper.sweep()

    async def store(self, name: str = "南京路") -> tuple[MerchantStore, str]:
        """A store and the path its code says."""
        store = await self.services.stores.create(self.tenant, name)
        return store, f"/pay/s/{self.services.cashier.links.token(Link.STORE, store.code.id)}"


def path_of(payment: dict[str, Any]) -> str:
    """The path of a payment's link."""
    path: str = payment["cashier_url"][payment["cashier_url"].index("/pay/") :]
    return path
