"""Endpoints: whose they are, what may be said of them, and their secrets."""

from __future__ import annotations

import asyncio
import time

import pytest
import standardwebhooks

from pycore.errors import InvalidRequestError, InvalidStateError, NotFoundError
from pycore.events import EndpointChange, EventType, WebhookEndpoints, WebhookSecret
from pycore.events.webhook_endpoint import ENDPOINTS_MAX
from pycore.store import Pool
from pycore.tenant import Tenant
from tests.unit.events.conftest import merchant

URL = "http://127.0.0.1:9/hook"


async def test_an_endpoint_is_made_changed_and_removed(endpoints: WebhookEndpoints, tenant: Tenant) -> None:
    made, secret = await endpoints.create(tenant, url=URL, event_types=["payment.succeeded"], description="shop")
    assert (made.url, made.status, made.event_types) == (URL, "enabled", ("payment.succeeded",))
    assert secret.reveal().startswith("whsec_")
    assert await endpoints.get(tenant, made.id) == made
    assert await endpoints.of(tenant) == [made]

    changed = await endpoints.update(tenant, made.id, EndpointChange(url=URL + "2", event_types=()))
    assert (changed.url, changed.event_types, changed.description) == (URL + "2", (), "shop")
    disabled = await endpoints.update(tenant, made.id, EndpointChange(status="disabled"))
    assert (disabled.status, disabled.disabled_reason) == ("disabled", "by_merchant")
    enabled = await endpoints.update(tenant, made.id, EndpointChange(status="enabled"))
    assert (enabled.status, enabled.disabled_reason, enabled.version) == ("enabled", None, 4)

    await endpoints.delete(tenant, made.id)
    assert await endpoints.of(tenant) == []
    with pytest.raises(NotFoundError):
        await endpoints.delete(tenant, made.id)


async def test_u13_the_newest_endpoint_comes_first(endpoints: WebhookEndpoints, tenant: Tenant) -> None:
    # The documents say that lists are newest first; this one was the other way round.
    made = [(await endpoints.create(tenant, url=f"{URL}/{number}"))[0] for number in range(3)]
    assert await endpoints.of(tenant) == made[::-1]


async def test_another_tenants_endpoint_is_not_found(endpoints: WebhookEndpoints, pool: Pool, tenant: Tenant) -> None:
    made, _ = await endpoints.create(tenant, url=URL)
    for stranger in (await merchant(pool), Tenant(tenant.merchant_id, live=True)):
        assert await endpoints.of(stranger) == []
        for call in (
            endpoints.get(stranger, made.id),
            endpoints.update(stranger, made.id, EndpointChange(description="mine")),
            endpoints.rotate_secret(stranger, made.id),
            endpoints.delete(stranger, made.id),
        ):
            with pytest.raises(NotFoundError):
                await call
    assert await endpoints.of(tenant) == [made]


async def test_what_is_not_valid_is_refused(endpoints: WebhookEndpoints, tenant: Tenant) -> None:
    for values in (
        {"url": "https://10.0.0.1/"},
        {"url": "http://example.com/"},
        {"url": URL, "event_types": ["payment.stolen"]},
        {"url": URL, "description": "a" * 201},
        {"url": URL, "description": "line\nline"},
    ):
        with pytest.raises(InvalidRequestError):
            await endpoints.create(tenant, **values)
    assert await endpoints.of(tenant) == []


async def test_there_is_an_end_to_endpoints(endpoints: WebhookEndpoints, tenant: Tenant) -> None:
    """Also where they are made all at once."""
    made = await asyncio.gather(
        *(endpoints.create(tenant, url=URL) for _ in range(ENDPOINTS_MAX + 3)), return_exceptions=True
    )
    assert sum(isinstance(each, InvalidStateError) for each in made) == 3
    assert len(await endpoints.of(tenant)) == ENDPOINTS_MAX


async def test_secrets_are_sealed_and_the_one_before_signs_for_a_while(
    endpoints: WebhookEndpoints, pool: Pool, tenant: Tenant
) -> None:
    made, first = await endpoints.create(tenant, url=URL, event_types=[EventType.PAYMENT_SUCCEEDED])

    async def secrets(at_ns: int) -> list[str]:
        row = await pool.fetchrow("SELECT * FROM webhook_endpoints")
        assert row is not None
        assert first.reveal().encode() not in row["secret_sealed"] + (row["previous_secret_sealed"] or b"")
        return [secret.reveal() for secret in endpoints.secrets_of(row, at_ns)]

    now = time.time_ns()
    assert await secrets(now) == [first.reveal()]
    second = await endpoints.rotate_secret(tenant, made.id, overlap_seconds=60)
    assert await secrets(now) == [second.reveal(), first.reveal()]
    assert await secrets(now + 100 * 10**9) == [second.reveal()]
    third = await endpoints.rotate_secret(tenant, made.id, overlap_seconds=0)
    assert await secrets(time.time_ns()) == [third.reveal()]
    with pytest.raises(InvalidRequestError):
        await endpoints.rotate_secret(tenant, made.id, overlap_seconds=-1)


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The example of the specification's reference libraries, and our own secrets verified by one of them."""
    secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    ours, now = WebhookSecret.new(), int(time.time())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": ours.sign("evt_1", now, b"{}"),
    }
    assert standardwebhooks.Webhook(ours.reveal()).verify(b"{}", headers) == {}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(ours.reveal()).verify(b"{} ", headers)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = WebhookSecret.new()
    assert secret.reveal() not in f"{secret} {secret!r}"
    assert WebhookSecret(secret.reveal()).reveal() == secret.reveal()
    for text in ("", "whsec_", "whsec_QUJD", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%%", "whsec_" + "QUJD" * 30):
        with pytest.raises(ValueError, match="24 to 64 bytes"):
            WebhookSecret(text)
