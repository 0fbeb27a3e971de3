"""Changes that move no money are done once too, where they come with a key."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from pycore.ids import format_typed_id
from tests.api.keys import Key

KEY = {"name": "till", "scopes": ["payments:write"]}


async def post(session: ClientSession, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    async with session.post(path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def listed(session: ClientSession, path: str, key: Key) -> int:
    async with session.get(path, headers=key.headers) as response:
        return len((await response.json())["data"])


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/stores", {"name": "南京路"}, {"name": "Nanjing Road"}),
        ("/v1/api_keys", KEY, KEY | {"name": "another"}),
        ("/v1/webhook_endpoints", {"url": "https://203.0.112.7/hook"}, {"url": "https://203.0.112.7/other"}),
    ],
)
async def test_u17_what_is_made_with_a_key_is_made_once_and_told_the_same(
    session: ClientSession, merchant: Key, other_merchant: Key, path: str, body: Any, other: Any
) -> None:
    # Whoever lost the answer and asked again had two stores, two keys, two endpoints, each told of everything.
    headers = merchant.headers | {"idempotency-key": "k1"}
    before = await listed(session, path, merchant)
    answers = await asyncio.gather(*(post(session, path, body, headers) for _ in range(4)))
    assert {status for status, _ in answers} == {200}, answers
    assert all(answer == answers[0] for answer in answers)
    assert await listed(session, path, merchant) == before + 1
    status, problem = await post(session, path, other, headers)
    assert (status, problem["reason"]) == (409, "idempotency_mismatch")
    status, elsewhere = await post(session, path, other, other_merchant.headers | {"idempotency-key": "k1"})
    assert (status, elsewhere == answers[0][1]) == (200, False)
    for _ in range(2):  # without a key each is a new one, as before
        assert (await post(session, path, body, merchant.headers))[0] == 200
    assert await listed(session, path, merchant) == before + 3
    status, problem = await post(session, path, body, merchant.headers | {"idempotency-key": "x" * 256})
    assert (status, problem["reason"]) == (422, "invalid_request")


async def test_u17_a_refused_change_does_not_take_its_key(session: ClientSession, merchant: Key) -> None:
    headers = merchant.headers | {"idempotency-key": "k1"}
    assert (await post(session, "/v1/stores", {"name": " "}, headers))[0] == 422
    assert (await post(session, "/v1/stores", {"name": "x"}, headers))[0] == 200


async def test_u17_secrets_are_replaced_once_and_told_the_same(session: ClientSession, merchant: Key) -> None:
    # A second try rolled nothing and told no secret, or replaced one nobody had seen.
    headers = merchant.headers | {"idempotency-key": "k1"}
    path = f"/v1/api_keys/{format_typed_id('key', merchant.id)}/roll"
    first = await post(session, path, {"overlap_seconds": 60}, headers)
    assert first == await post(session, path, {"overlap_seconds": 60}, headers)
    assert first[1]["secret"].startswith("sk_test_")
    _, made = await post(session, "/v1/webhook_endpoints", {"url": "https://203.0.112.7/hook"}, headers)
    path = f"/v1/webhook_endpoints/{made['endpoint']['id']}/rotate_secret"
    first = await post(session, path, {}, headers)
    again = await post(session, path, {}, headers)
    assert first == again
    assert first[1]["secret"] != made["secret"]


async def test_u17_operators_make_a_merchants_key_once(session: ClientSession, merchant: Key, operator: Key) -> None:
    assert merchant.tenant is not None
    path = f"/v1/merchants/{format_typed_id('mer', merchant.tenant.merchant_id)}/api_keys"
    headers = operator.headers | {"idempotency-key": "k1"}
    first = await post(session, path, KEY | {"live": True}, headers)
    assert first == await post(session, path, KEY | {"live": True}, headers)
    assert first[1]["secret"].startswith("sk_live_")
