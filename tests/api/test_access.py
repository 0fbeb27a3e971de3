"""Who gets through which door: every endpoint and every method, with the right key, a wrong one and none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import time_ns
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import grpc
import pytest
from aiohttp import ClientSession
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from api.rest import metrics
from api.rest.app import ENDPOINTS
from api.rest.endpoint import AnyEndpoint, TenantEndpoint
from api.services import Services
from pycore.client._generated.pycore.events.v1 import events_pb2
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.client._generated.pycore.payments.v1 import payments_pb2
from pycore.config import ServerSettings
from pycore.ids import format_typed_id
from pycore.merchants import Allowance, MerchantChanges, MerchantStatus, OperatorScope, Scope
from pycore.merchants.secret import KeyPrefix, new_secret
from pycore.tenant import Tenant
from tests.api.keys import Key, merchant_key, tenant_key
from tests.api.shop import Shop

NOBODYS_ID = "0" * 32
SECOND_NS = 10**9
SERVICES: list[ServiceDescriptor] = [
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (ledger_pb2, "LedgerService"),
        (payments_pb2, "PaymentService"),
        (events_pb2, "EventService"),
    )
]
METHODS = [method for service in SERVICES for method in service.methods]


class Answer(NamedTuple):
    """How a call ended."""

    status: int
    reason: str | None


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_dsn)
    yield connection
    await connection.close()


async def ask(
    session: ClientSession,
    endpoint: AnyEndpoint,
    headers: dict[str, str],
    id: str | None = None,
    body: Any = None,
) -> Answer:
    path = endpoint.path.replace("{id}", id or f"{endpoint.id_prefix or ''}_{NOBODYS_ID}".lstrip("_"))
    body = {} if body is None and endpoint.body is not None else body
    async with session.request(endpoint.method, path, json=body, headers=headers) as response:
        answer = await response.json(content_type=None) if response.status >= 400 else {}
        if response.status == 401:
            assert response.headers["www-authenticate"] == "Bearer"
        return Answer(response.status, answer.get("reason"))


async def call(channel: Any, method: MethodDescriptor, metadata: Any, seconds: float = 5.0) -> grpc.StatusCode:
    """Call a method with an empty request and return how that ended."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    arguments = {"metadata": metadata, "timeout": seconds}
    try:
        if method.client_streaming:
            async for _ in channel.stream_stream(path)(iter([b""]), **arguments):
                pass
        elif method.server_streaming:
            async for _ in channel.unary_stream(path)(b"", **arguments):
                pass
        else:
            await channel.unary_unary(path)(b"", **arguments)
    except aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def single_scope_keys(services: Services) -> dict[str, Key]:
    """Return a key for each scope there is, which has no other."""
    tenant = (await merchant_key(services)).tenant
    keys = {scope.value: await tenant_key(services, tenant, scopes=[scope]) for scope in Scope}
    return keys | {scope.value: await tenant_key(services, None, scopes=[scope]) for scope in OperatorScope}


async def test_every_endpoint_needs_its_one_scope(session: ClientSession, services: Services) -> None:
    keys = await single_scope_keys(services)
    for endpoint in (*ENDPOINTS, metrics.endpoint(services)):
        if endpoint.scope is None:
            continue
        name = f"{endpoint.method} {endpoint.path}"
        assert await ask(session, endpoint, {}) == (401, "unauthenticated"), name
        assert await ask(session, endpoint, {"x-forwarded-for": "127.0.0.1"}) == (401, "unauthenticated"), name
        for scope, key in keys.items():
            answer = await ask(session, endpoint, key.headers)
            if scope == endpoint.scope:
                assert answer.status not in {401, 403, 500}, (name, scope, answer)
            else:
                assert answer == (403, "permission_denied"), (name, scope)


def test_what_needs_no_key_is_named_here() -> None:
    # What channels send is believed for its signature.
    assert {each.path for each in ENDPOINTS if each.scope is None} == {
        "/healthz", "/readyz", "/notifications/{channel}/{mode}",
    }  # fmt: skip


async def test_every_method_needs_one_scope(channel: aio.Channel, services: Services) -> None:
    keys = await single_scope_keys(services)
    for method in METHODS:
        assert await call(channel, method, ()) is grpc.StatusCode.UNAUTHENTICATED, method.full_name
        # A stream of events goes on until its caller leaves.
        seconds = 0.5 if method.server_streaming and not method.client_streaming else 5.0
        refused = []
        for scope, key in keys.items():
            code = await call(channel, method, key.metadata, seconds)
            assert code is not grpc.StatusCode.UNAUTHENTICATED, method.full_name
            if code is grpc.StatusCode.PERMISSION_DENIED:
                refused.append(scope)
        assert len(refused) == len(keys) - 1, (method.full_name, refused)


class Belongings(NamedTuple):
    """One of everything a merchant can have, as ids by what they begin with."""

    key: Key
    ids: dict[str, str]


async def belongings(services: Services, session: ClientSession) -> Belongings:
    shop = await Shop.open(services)
    key = Key(shop.tenant, 0, shop.key)

    async def made(path: str, **body: Any) -> str:
        headers = key.headers | {"idempotency-key": path}
        async with session.post(path, json=body, headers=headers) as response:
            assert response.status == 200, (path, await response.text())
            answer = await response.json()
            id: str = answer.get("endpoint", answer)["id"]
            return id

    [listed] = (await services.api_keys.list(shop.tenant)).items
    payment = await made(
        "/v1/payments", merchant_reference="P1", amount=100, currency="CNY", subject="tea", method="balance",
        customer_id=shop.customer_id, confirm=True,
    )  # fmt: skip
    withdrawals = f"/v1/customers/{shop.customer_id}/withdrawals"
    return Belongings(
        key,
        {
            "cus": shop.customer_id,
            "key": format_typed_id("key", listed.id),
            "pay": payment,
            "rfd": await made(f"/v1/payments/{payment}/refunds", merchant_reference="R1", amount=1, reason="cold"),
            "wdr": await made(withdrawals, merchant_reference="W1", amount=1, destination="bank"),
            "sto": await made("/v1/stores", name="Nanjing Road"),
            "evt": await made("/v1/test_helpers/events", type="payment.succeeded"),
            "whe": await made("/v1/webhook_endpoints", url="https://93.184.216.34/hook"),
        },
    )


VALID_BODIES = {
    "/v1/payments/{id}": {"metadata": {"table": "7"}},
    "/v1/payments/{id}/capture": {"amount": 1},
    "/v1/payments/{id}/refunds": {"merchant_reference": "R2", "amount": 1, "reason": "mine"},
    "/v1/payments/{id}/confirm": {"method": "balance"},
    "/v1/customers/{id}/withdrawals": {"merchant_reference": "W2", "amount": 1, "destination": "bank"},
    "/v1/test_helpers/customers/{id}/fund": {"amount": 1},
    "/v1/webhook_endpoints/{id}/replay": {"event_id": f"evt_{NOBODYS_ID}"},
}
"""Of endpoints with an id and a body that must not be empty."""


async def test_what_is_anothers_is_not_found(session: ClientSession, services: Services) -> None:
    owner = await belongings(services, session)
    assert owner.key.tenant is not None
    strangers = [
        await merchant_key(services, name="another merchant"),
        await tenant_key(services, Tenant(owner.key.tenant.merchant_id, live=True), name="the same one's other mode"),
    ]
    walked = [each for each in ENDPOINTS if isinstance(each, TenantEndpoint) and "{id}" in each.path]
    assert {each.id_prefix for each in walked} >= owner.ids.keys()
    for endpoint in walked:
        assert endpoint.id_prefix is not None
        mine = owner.ids[endpoint.id_prefix]
        body = VALID_BODIES.get(endpoint.path)
        for stranger in strangers:
            headers = stranger.headers | {"idempotency-key": "k2"}
            for id in (mine, f"{endpoint.id_prefix}_{NOBODYS_ID}"):
                answer = await ask(session, endpoint, headers, id, body)
                if stranger.is_live and endpoint.path.startswith("/v1/test_helpers/"):
                    assert answer.status == 409, endpoint.path
                else:
                    assert answer == (404, "not_found"), (endpoint.method, endpoint.path)
    # What was asked for by the strangers changed nothing: its owner still reads all of it.
    for endpoint in walked:
        if endpoint.method == "GET":
            assert (await ask(session, endpoint, owner.key.headers, owner.ids[endpoint.id_prefix or ""])).status == 200


async def test_lists_hold_the_callers_only(session: ClientSession, services: Services) -> None:
    owner = await belongings(services, session)
    stranger = await merchant_key(services)
    lists = [each for each in ENDPOINTS if isinstance(each, TenantEndpoint) and each.query and "{id}" not in each.path]
    for endpoint in lists:
        async with session.get(endpoint.path, headers=stranger.headers) as response:
            text = await response.text()
            assert response.status == 200, endpoint.path
            assert not [id for id in owner.ids.values() if id in text], endpoint.path
        for prefix, id in owner.ids.items():
            async with session.get(f"{endpoint.path}?starting_after={id}", headers=stranger.headers) as response:
                assert response.status in {200, 400, 404, 422}, (endpoint.path, prefix)
                assert not [id for id in owner.ids.values() if id in await response.text()], endpoint.path


async def status_of(session: ClientSession, authorization: str) -> Answer:
    [endpoint] = [each for each in ENDPOINTS if each.path == "/v1/merchant"]
    return await ask(session, endpoint, {"authorization": authorization})


def spoiled(secret: str) -> Iterator[str]:
    """Yield headers that look like a good one and are none."""
    yield from ("", " ", "Bearer", "Bearer ", "Bearer  " + secret, f"Bearer {secret} ", f"Bearer {secret}x", secret)
    yield from (f"Basic {secret}", f"Token {secret}", f"Bearer {secret[:-1]}", f"Bearer {secret[1:]}")
    yield from (f"Bearer {secret.swapcase()}", f"Bearer {'s' * len(secret)}", f"Bearer {secret}" * 2)
    yield f"Bearer {secret[:20]}{'0' if secret[20] != '0' else '1'}{secret[21:]}"
    yield f"Bearer {secret.replace('sk_test_', 'sk_live_')}"
    yield f"Bearer {'ü' * len(secret)}"
    yield f"Bearer {'a' * 10_240}"
    yield from (f"Bearer {new_secret(prefix)}" for prefix in KeyPrefix)


async def test_credentials_that_are_none(session: ClientSession, merchant: Key, channel: aio.Channel) -> None:
    assert (await status_of(session, f"Bearer {merchant.secret}")).status == 200
    assert (await status_of(session, f"bearer {merchant.secret}")).status == 200
    [method] = [each for each in METHODS if each.name == "ListEvents"]
    for authorization in spoiled(merchant.secret):
        assert await status_of(session, authorization) == (401, "unauthenticated"), authorization[:80]
        if authorization.isascii():
            metadata = (("authorization", authorization),)
            assert await call(channel, method, metadata) is grpc.StatusCode.UNAUTHENTICATED, authorization[:80]
    assert await call(channel, method, merchant.metadata) is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("column", "value", "answer"),
    [
        ("expires_at", -1, (401, "unauthenticated")),
        ("expires_at", 3600, (200, None)),
        ("revoked_at", -1, (401, "unauthenticated")),
        ("revoked_at", 3600, (401, "unauthenticated")),
        ("created_at", 3600, (200, None)),
        ("created_at", 30, (200, None)),
        ("allowed_networks", ["203.0.113.0/24", "2001:db8::/32"], (401, "unauthenticated")),
        ("allowed_networks", ["203.0.113.0/24", "127.0.0.0/8"], (200, None)),
        ("scopes", [], (403, "permission_denied")),
        ("scopes", ["merchant:read", "made:up"], (200, None)),
    ],
)
async def test_when_and_from_where_a_key_is_good(
    session: ClientSession,
    services: Services,
    merchant: Key,
    database: Any,
    column: str,
    value: int | list[str],
    answer: tuple[int, str | None],
) -> None:
    """Times are seconds from now."""
    stored = time_ns() + value * SECOND_NS if isinstance(value, int) else value
    await database.execute(f"UPDATE api_keys SET {column} = $2 WHERE id = $1", UUID(int=merchant.id), stored)
    services.access.forget()
    assert await status_of(session, f"Bearer {merchant.secret}") == answer


async def test_a_disabled_merchant_is_told_so(session: ClientSession, services: Services, merchant: Key) -> None:
    assert merchant.tenant is not None
    for status, answer in (
        (MerchantStatus.DISABLED, (403, "merchant_disabled")),
        (MerchantStatus.ACTIVE, (200, None)),
    ):
        await services.merchants.update(merchant.tenant.merchant_id, MerchantChanges(status=status))
        assert await status_of(session, f"Bearer {merchant.secret}") == answer


async def test_a_rolled_key_overlaps_with_its_successor(session: ClientSession, merchant: Key) -> None:
    async with session.post(
        f"/v1/api_keys/{format_typed_id('key', merchant.id)}/roll",
        json={"overlap_seconds": 3600},
        headers=merchant.headers,
    ) as response:
        made = await response.json()
    for secret in (merchant.secret, made["secret"]):
        assert (await status_of(session, f"Bearer {secret}")).status == 200
    assert made["key"]["scopes"] == [scope.value for scope in Scope]
    async with session.get(f"/v1/api_keys/{format_typed_id('key', merchant.id)}", headers=merchant.headers) as response:
        old = await response.json()
    assert (old["replaced_by"], old["expires_at"] > old["created_at"]) == (made["key"]["id"], True)
    async with session.post(
        f"/v1/api_keys/{old['id']}/roll", json={"overlap_seconds": 0}, headers=merchant.headers
    ) as response:
        assert (response.status, (await response.json(content_type=None))["reason"]) == (409, "invalid_state")
    async with session.post(f"/v1/api_keys/{old['id']}/revoke", headers=merchant.headers) as response:
        assert response.status == 200
    assert (await status_of(session, f"Bearer {merchant.secret}")).status == 401
    assert (await status_of(session, f"Bearer {made['secret']}")).status == 200


async def read_merchant(session: ClientSession, key: Key) -> tuple[int, str | None, dict[str, Any]]:
    async with session.get("/v1/merchant", headers=key.headers) as response:
        return response.status, response.headers.get("retry-after"), await response.json(content_type=None)


async def test_a_quota_holds_at_both_doors_together(session: ClientSession, channel: Any, services: Services) -> None:
    key = await merchant_key(services, allowance=Allowance(requests_per_second=1, requests_burst=4))
    answers = await asyncio.gather(*(read_merchant(session, key) for _ in range(50)))
    assert {status for status, _, _ in answers} == {200, 429}
    for status, retry_after, problem in answers:
        if status == 429:
            assert problem["reason"] == "rate_limited"
            assert "this key's quota" in problem["detail"]
            assert 0 < problem["retry_after_ms"] <= 1000
            assert retry_after == "1"
    [method] = [each for each in METHODS if each.name == "ListEvents"]
    list_events = channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
    calls = [list_events(b"", metadata=key.metadata) for _ in range(50)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    refused = [error for error in ended if isinstance(error, aio.AioRpcError)]
    assert {error.code() for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    packed = dict(refused[0].trailing_metadata() or ())["grpc-status-details-bin"]
    retry = RetryInfo()
    assert any(detail.Unpack(retry) for detail in Status.FromString(packed).details if detail.Is(RetryInfo.DESCRIPTOR))
    assert 0 < retry.retry_delay.ToMilliseconds() <= 1000


async def test_the_keys_of_a_merchant_share_its_quota_and_tests_do_not_slow_business(
    session: ClientSession, services: Services
) -> None:
    merchant = await services.merchants.create("Blue Teapot", Allowance(1, 3))
    test = [await tenant_key(services, Tenant(merchant.id, live=False)) for _ in range(3)]
    live = await tenant_key(services, Tenant(merchant.id, live=True))
    answers = await asyncio.gather(*(read_merchant(session, key) for key in test * 15))
    refused = [problem["detail"] for status, _, problem in answers if status == 429]
    assert refused
    assert all("the merchant's quota" in detail for detail in refused)
    assert (await read_merchant(session, live))[0] == 200


async def test_s1_the_ledger_and_the_metrics_need_a_key_wherever_a_call_comes_from(
    session: ClientSession, merchant: Key, operator: Key
) -> None:
    """Whoever was on the machine could move a customer's money: a page in a browser there, any user, any container."""
    assert not hasattr(ServerSettings(), "open_ledger_on_loopback")
    for path in ("/v1/ledger/trial_balance", "/metrics"):
        for headers, status in (
            ({}, 401),
            (operator.headers, 200),
            (merchant.headers, 403),
            ({"authorization": "Bearer x"}, 401),
            ({"x-forwarded-for": "127.0.0.1"}, 401),
            ({"x-real-ip": "127.0.0.1", "via": "1.1 proxy", "forwarded": "for=127.0.0.1"}, 401),
            ({"x-forwarded-for": "203.0.113.7"} | operator.headers, 200),
        ):
            async with session.get(path, headers=headers) as response:
                assert response.status == status, (path, headers)


def payment_request(request_id: str) -> bytes:
    asked = payments_pb2.CreatePaymentRequest(
        request_id=request_id, merchant_reference=request_id, amount=100, currency="CNY", subject="tea"
    )
    return payments_pb2.StreamPaymentsRequest(request=asked).SerializeToString()


async def test_s10_a_stream_ends_with_its_key(
    channel: Any, services: Services, merchant: Key, operator: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream can be open for days: whoever's key is revoked must not go on listening or moving money.

    It went on until it was looked at next; what this process revokes ends at once.
    """
    monkeypatch.setattr("api.rpc.calls.CHECK_SECONDS", 3600)
    listening = channel.unary_stream("/pycore.events.v1.EventService/StreamEvents")(b"", metadata=merchant.metadata)
    await listening.initial_metadata()
    moving = channel.stream_stream("/pycore.ledger.v1.LedgerService/StreamTransfers")(metadata=operator.metadata)
    transfer = ledger_pb2.StreamTransfersRequest(transfers=[ledger_pb2.Transfer()]).SerializeToString()
    await moving.write(transfer)
    assert await moving.read()
    paying = channel.stream_stream("/pycore.payments.v1.PaymentService/StreamPayments")(metadata=merchant.metadata)
    await paying.write(payment_request("k1"))
    first = payments_pb2.StreamPaymentsResponse.FromString(await paying.read())
    assert first.results[0].WhichOneof("outcome") == "payment", first
    for key in (merchant, operator):
        await services.api_keys.revoke(key.tenant, key.id)
    for stream in (listening, moving):
        assert await asyncio.wait_for(stream.code(), 10) is grpc.StatusCode.UNAUTHENTICATED
    await paying.write(payment_request("k2"))
    refused = payments_pb2.StreamPaymentsResponse.FromString(await paying.read())
    assert refused.results[0].error.reason == "UNAUTHENTICATED"
    await paying.done_writing()
