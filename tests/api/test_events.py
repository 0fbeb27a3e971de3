"""Events through both doors: the same ones, in order, to their owner only, and webhooks all the way to a receiver."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from aiohttp import ClientSession
from grpc import aio

from api.app import Doors
from api.services import Services, open_services
from pycore.client._generated.pycore.events.v1 import events_pb2 as pb
from pycore.config import Settings, StoreSettings, WebhookSettings
from pycore.events import MEANINGS
from pycore.ledger import Ledger
from pycore.merchants import Scope
from pycore.payments import Payment, Refund
from pycore.payments.wallet import Withdrawal
from pycore.tenant import Tenant
from tests.api.keys import Key, merchant_key, tenant_key
from tests.api.stub import Stub
from tests.unit.events.receiver import Receiver, status


@pytest.fixture
async def services(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(store=StoreSettings(data=str(tmp_path)), webhooks=WebhookSettings(allow_loopback=True))
    services = await open_services(ledger, settings)
    async with services.outbox:
        yield services


@pytest.fixture
def events(channel: aio.Channel) -> Stub:
    return Stub(channel, pb.DESCRIPTOR.services_by_name["EventService"])


@pytest.fixture
async def session(session: ClientSession, merchant: Key) -> ClientSession:
    session.headers.update(merchant.headers)
    return session


async def call(
    session: ClientSession, method: str, path: str, body: Any = None, key: Key | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {} if key is None else key.headers
    async with session.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def triggered(session: ClientSession, type: str = "payment.succeeded") -> dict[str, Any]:
    code, event = await call(session, "POST", "/v1/test_helpers/events", {"type": type})
    assert code == 200, event
    return event


async def test_every_type_can_be_tried_out_and_is_seen_alike_through_both_doors(
    session: ClientSession, events: Stub, merchant: Key
) -> None:
    made = [await triggered(session, type) for type in MEANINGS]
    assert [event["type"] for event in made] == list(MEANINGS)
    for event in made:
        kinds = {"payment": Payment, "refund": Refund, "withdrawal": Withdrawal}
        msgspec.convert(event["data"], kinds[event["type"].partition(".")[0]])
        assert (event["live"], event["data"]["id"]) == (False, event["resource_id"])
        assert await call(session, "GET", f"/v1/events/{event['id']}") == (200, event)
    assert await call(session, "GET", "/v1/events?limit=100") == (200, {"data": made, "has_more": False})

    listed = await events.ListEvents(pb.ListEventsRequest(page_size=100), metadata=merchant.metadata)
    assert [_shown(event) for event in listed.events] == made
    one = await events.GetEvent(pb.GetEventRequest(id=made[3]["id"]), metadata=merchant.metadata)
    assert _shown(one.event) == made[3]


async def test_pages_and_filters(session: ClientSession, events: Stub, merchant: Key) -> None:
    made = [await triggered(session, type) for type in ["payment.created", "payment.succeeded", "refund.created"] * 2]
    code, page = await call(session, "GET", "/v1/events?limit=4")
    assert (code, page) == (200, {"data": made[:4], "has_more": True})
    assert (await call(session, "GET", f"/v1/events?starting_after={made[3]['id']}"))[1]["data"] == made[4:]
    found = (await call(session, "GET", "/v1/events?types=refund.created,payment.created"))[1]["data"]
    assert found == [made[0], made[2], made[3], made[5]]
    assert (await call(session, "GET", f"/v1/events?resource_id={made[1]['resource_id']}"))[1]["data"] == [made[1]]
    page = await events.ListEvents(
        pb.ListEventsRequest(page_size=1, after_event_id=made[0]["id"], types=["refund.created"]),
        metadata=merchant.metadata,
    )
    assert ([_shown(event) for event in page.events], page.has_more) == ([made[2]], True)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("types=payment.stolen", "invalid_request"),
        ("types=,", "invalid_request"),
        ("resource_id=cus_1", "invalid_request"),
        ("resource_id=pay_1", "invalid_request"),
        ("starting_after=evt_1", "invalid_request"),
        ("starting_after=evt_" + "1" * 32, "not_found"),
        ("limit=0", "malformed_request"),
        ("limit=101", "malformed_request"),
        ("after=evt_1", "malformed_request"),
    ],
)
async def test_questions_that_make_no_sense(session: ClientSession, query: str, reason: str) -> None:
    code, problem = await call(session, "GET", f"/v1/events?{query}")
    expected = {"not_found": 404, "malformed_request": 400, "invalid_request": 422}
    assert (code, problem["reason"]) == (expected[reason], reason)


async def test_another_tenants_events_and_endpoints_are_not_found(
    session: ClientSession, services: Services, merchant: Key, other_merchant: Key
) -> None:
    assert merchant.tenant is not None
    event = await triggered(session)
    async with Receiver() as receiver:
        _, made = await call(session, "POST", "/v1/webhook_endpoints", {"url": receiver.url})
    live = await tenant_key(services, Tenant(merchant.tenant.merchant_id, live=True))
    path = f"/v1/webhook_endpoints/{made['endpoint']['id']}"
    for stranger in (other_merchant, live):
        assert (await call(session, "GET", "/v1/events", key=stranger))[1]["data"] == []
        assert (await call(session, "GET", "/v1/webhook_endpoints", key=stranger))[1]["data"] == []
        for method, where, body in (
            ("GET", f"/v1/events/{event['id']}", None),
            ("GET", f"/v1/events?starting_after={event['id']}", None),
            ("GET", path, None),
            ("PATCH", path, {"description": "mine"}),
            ("DELETE", path, None),
            ("POST", f"{path}/rotate_secret", {}),
            ("GET", f"{path}/deliveries", None),
            ("POST", f"{path}/replay", {"event_id": event["id"]}),
        ):
            assert (await call(session, method, where, body, stranger))[0] == 404, (method, where)


async def test_a_key_does_what_its_scopes_say(session: ClientSession, events: Stub, services: Services) -> None:
    none = await merchant_key(services, scopes=(Scope.PAYMENTS_READ,))
    for method, path, body in (
        ("GET", "/v1/events", None),
        ("POST", "/v1/test_helpers/events", {"type": "payment.succeeded"}),
        ("GET", "/v1/webhook_endpoints", None),
        ("POST", "/v1/webhook_endpoints", {"url": "https://example.com/"}),
    ):
        assert (await call(session, method, path, body, none))[0] == 403
    for request in (
        events.ListEvents(pb.ListEventsRequest(), metadata=none.metadata),
        events.TriggerEvent(pb.TriggerEventRequest(type="payment.succeeded"), metadata=none.metadata),
    ):
        with pytest.raises(aio.AioRpcError) as refused:
            await request
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(aio.AioRpcError) as refused:
        await events.StreamEvents(pb.StreamEventsRequest(), metadata=none.metadata).read()
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_nothing_is_made_up_in_live_mode(session: ClientSession, services: Services, events: Stub) -> None:
    live = await merchant_key(services, live=True)
    code, problem = await call(session, "POST", "/v1/test_helpers/events", {"type": "payment.succeeded"}, live)
    assert (code, problem["reason"]) == (409, "invalid_state")
    with pytest.raises(aio.AioRpcError) as refused:
        await events.TriggerEvent(pb.TriggerEventRequest(type="payment.succeeded"), metadata=live.metadata)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    code, problem = await call(session, "POST", "/v1/test_helpers/events", {"type": "payment.stolen"})
    assert (code, problem["reason"]) == (422, "invalid_request")


async def test_listeners_are_told_at_once_and_from_where_they_left_off(
    session: ClientSession, events: Stub, merchant: Key, doors: Doors
) -> None:
    first = await triggered(session)
    stream = events.StreamEvents(pb.StreamEventsRequest(from_now=True), metadata=merchant.metadata)
    assert dict(await stream.initial_metadata())["last-event-id"] == first["id"]
    refunds = events.StreamEvents(pb.StreamEventsRequest(types=["refund.created"]), metadata=merchant.metadata)
    made = [await triggered(session, type) for type in ("payment.created", "refund.created", "payment.succeeded")]
    assert [_shown((await stream.read()).event) for _ in made] == made
    assert _shown((await refunds.read()).event) == made[1]
    again = events.StreamEvents(pb.StreamEventsRequest(after_event_id=first["id"]), metadata=merchant.metadata)
    assert [_shown((await again.read()).event) for _ in made] == made

    closing = asyncio.create_task(doors.close(10))
    with pytest.raises(aio.AioRpcError) as ended:
        await stream.read()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    await closing


async def test_a_webhook_from_its_endpoint_to_its_delivery(session: ClientSession) -> None:
    async with Receiver(status(500)) as receiver:
        code, made = await call(
            session, "POST", "/v1/webhook_endpoints", {"url": receiver.url, "event_types": ["payment.succeeded"]}
        )
        assert code == 200
        endpoint, receiver.secret = made["endpoint"], made["secret"]
        assert (await call(session, "GET", "/v1/webhook_endpoints"))[1] == {"data": [endpoint]}
        path = f"/v1/webhook_endpoints/{endpoint['id']}"
        assert (await call(session, "GET", path))[1] == endpoint
        assert made["secret"] not in json.dumps(endpoint)

        await triggered(session, "payment.created")
        event = await triggered(session)
        assert (await receiver.until(1))[0] == event

        async def delivery() -> dict[str, Any]:
            code, page = await call(session, "GET", f"{path}/deliveries")
            assert code == 200
            assert page["has_more"] is False
            (only,) = page["data"]
            return dict(only)

        while (failed := await delivery())["tries_count"] == 0:
            await asyncio.sleep(0.02)
        assert (failed["event_id"], failed["status"]) == (event["id"], "pending")
        assert (failed["last_status"], failed["last_error"]) == (500, "http_500")
        assert failed["next_try_at"] is not None

        receiver.answer = status(200)
        code, rotated = await call(session, "POST", f"{path}/rotate_secret", {})
        assert code == 200
        receiver.secret = rotated["secret"]
        assert rotated["endpoint"]["previous_secret_until"] is not None
        assert await call(session, "POST", f"{path}/replay", {"event_id": event["id"]}) == (200, {"events": 1})
        await receiver.until(2)
        while (accepted := await delivery())["status"] != "delivered":
            await asyncio.sleep(0.02)
        assert accepted["last_status"] == 200
        assert await call(session, "POST", f"{path}/replay", {"since_event_id": event["id"]}) == (200, {"events": 0})

        code, changed = await call(session, "PATCH", path, {"status": "disabled", "event_types": []})
        assert (code, changed["status"], changed["disabled_reason"]) == (200, "disabled", "by_merchant")
        assert await call(session, "DELETE", path) == (200, {"id": endpoint["id"]})
        assert (await call(session, "GET", path))[0] == 404
        assert len(receiver.ids) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "http://example.com/"},
        {"url": "https://169.254.169.254/latest/meta-data"},
        {"url": "https://localhost.localdomain./"},
        {"url": "https://127.0.0.1.:443/"},
        {"url": "https://example.com/", "event_types": ["*"]},
        {"url": "https://example.com/", "secret": "whsec_mine"},
        {"url": "https://no-such-name.invalid/"},
    ],
)
async def test_endpoints_that_are_not_taken(session: ClientSession, body: dict[str, Any]) -> None:
    assert (await call(session, "POST", "/v1/webhook_endpoints", body))[0] in {400, 422}
    assert (await call(session, "GET", "/v1/webhook_endpoints"))[1] == {"data": []}


@pytest.mark.parametrize("body", [{}, {"event_id": "evt_1"}, {"every": True}, {"event_id": "a", "since_event_id": "b"}])
async def test_replays_that_make_no_sense(session: ClientSession, body: dict[str, Any]) -> None:
    async with Receiver() as receiver:
        _, made = await call(session, "POST", "/v1/webhook_endpoints", {"url": receiver.url})
    path = f"/v1/webhook_endpoints/{made['endpoint']['id']}/replay"
    assert (await call(session, "POST", path, body))[0] == 422


async def test_what_waits_is_measured(session: ClientSession, operator: Key) -> None:
    async with Receiver() as receiver:
        await call(session, "POST", "/v1/webhook_endpoints", {"url": receiver.url})
        await triggered(session)
        await receiver.until(1)
        lines: list[str] = []
        while 'pycore_webhook_tries_total{result="delivered"} 1.0' not in lines:
            async with session.get("/metrics", headers=operator.headers) as response:
                lines = (await response.text()).splitlines()
        assert any(line.startswith("pycore_webhooks_waiting ") for line in lines)
        assert "pycore_webhooks_oldest_seconds 0.0" in lines


def _shown(event: pb.Event) -> dict[str, Any]:
    """Return a message as JSON shows the event."""
    text = event.timestamp.ToJsonString()
    return {
        "id": event.id,
        "type": event.type,
        "timestamp": text,
        "live": event.live,
        "resource_id": event.resource_id,
        "data": json.loads(event.data_json),
    }
