"""T13 in small, the gRPC door: calls whose message never comes, addresses that take every place.

The story: eight connections with a thousand calls each, none of which ever sent its message, had everybody else
refused, health too. gRPC counts such calls, but shows them to no handler: one is reached when the message is there.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from api import limits
from api.app import Doors
from api.proxies import Proxies
from api.rpc.bounds import Places
from api.rpc.calls import caller_address
from api.strangers import Strangers
from pycore.config import split_address
from pycore.errors import LedgerOverloadedError
from tests.api.keys import Key
from tests.simulation.attacks import Target, rapid_resets

GET = "/pycore.payments.v1.PaymentService/GetPayment"
HEALTH = "/grpc.health.v1.Health/Check"


async def nothing() -> AsyncIterator[bytes]:
    """A message that never comes."""
    await asyncio.sleep(60)
    yield b""


def unfinished(channel: aio.Channel, method: str, key: Key | None) -> Any:
    return stream(channel, method)(nothing(), metadata=key.metadata if key else None, timeout=60)


def stream(channel: aio.Channel, method: str) -> Any:
    return channel.stream_unary(method)


async def ended(call: Any, seconds: float = 5) -> grpc.StatusCode:
    async with asyncio.timeout(seconds):
        code: grpc.StatusCode = await call.code()
        return code


async def test_s4_who_shows_no_key_is_not_waited_for(channel: aio.Channel) -> None:
    assert await ended(unfinished(channel, GET, None)) is grpc.StatusCode.UNAUTHENTICATED


async def test_s4_a_message_that_does_not_come_ends_the_call(
    channel: aio.Channel, merchant: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RPC_MESSAGE_SECONDS_MAX", 0.2)
    calls = [unfinished(channel, GET, merchant), unfinished(channel, HEALTH, None)]
    assert [await ended(call) for call in calls] == [grpc.StatusCode.DEADLINE_EXCEEDED] * 2


async def test_s4_a_call_without_a_message_is_no_call(channel: aio.Channel, merchant: Key) -> None:
    for method, key in ((GET, merchant), (HEALTH, None)):
        call = stream(channel, method)(iter(()), metadata=key.metadata if key else None)
        assert await ended(call) is grpc.StatusCode.INVALID_ARGUMENT


async def test_s4_health_answers_where_every_place_is_taken(
    doors: Doors, channel: aio.Channel, merchant: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors._rpc._bounds._places, "_places_per_address", 3)
    held = [unfinished(channel, GET, merchant) for _ in range(3)]
    deadline = time.monotonic() + 5
    while doors._rpc._bounds._places._count < 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert await ended(unfinished(channel, GET, merchant)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    for call in held:
        call.cancel()
    while doors._rpc._bounds._places._count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_s4_calls_that_are_called_off_at_once_leave_nothing_behind(
    doors: Doors, channel: aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RPC_SLOWED_CALLS_MAX", 8)
    monkeypatch.setattr("api.rpc.bounds.SLOW_SECONDS", 0.2)
    bounds = doors._rpc._bounds
    http, rpc = split_address(doors.http_address), split_address(doors.grpc_address)
    attack = asyncio.create_task(rapid_resets(Target(http, rpc, "", time.monotonic() + 1)))
    slowed, counted = 0, 0
    count = Strangers.count

    def counting(strangers: Strangers, origin: str) -> None:
        nonlocal counted
        counted += 1
        count(strangers, origin)

    monkeypatch.setattr(Strangers, "count", counting)
    while not attack.done():
        slowed = max(slowed, bounds._slowed)
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        await asyncio.sleep(0.05)
    await attack
    assert counted > 20
    assert slowed <= 8
    deadline = time.monotonic() + 5
    while bounds._places._taken or bounds._places._count or bounds._slowed:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_s4_a_newcomer_gets_in_where_others_took_every_place() -> None:
    places = Places(100, 90)
    for number in range(100):
        places.enter(f"203.0.113.{number % 2}")
    with pytest.raises(LedgerOverloadedError):
        places.enter("203.0.113.0")
    places.enter("198.51.100.7")
    places.leave("198.51.100.7")
    for number in range(100):
        places.leave(f"203.0.113.{number % 2}")
    assert not places._taken


async def test_s4_an_address_without_a_good_key_is_slowed(
    channel: aio.Channel, merchant: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(Strangers, "count", lambda _self, origin: counted.append(origin))
    assert await ended(unfinished(channel, GET, None)) is grpc.StatusCode.UNAUTHENTICATED
    assert await ended(stream(channel, GET)(iter((b"",)), metadata=merchant.metadata)) is not grpc.StatusCode.OK
    assert counted == ["127.0.0.1"]
    monkeypatch.setattr("api.rpc.bounds.SLOW_SECONDS", 0.01)
    monkeypatch.setattr(Strangers, "is_slowed", lambda _self, _origin: True)
    assert await ended(unfinished(channel, GET, None)) is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_s4_channelz_is_for_operators(channel: aio.Channel, merchant: Key, operator: Key) -> None:
    stub = channelz_pb2_grpc.ChannelzStub(channel)
    ask = channelz_pb2.GetServersRequest()
    assert (await stub.GetServers(ask, metadata=operator.metadata)).server
    for metadata, code in (
        (None, grpc.StatusCode.UNAUTHENTICATED),
        (merchant.metadata, grpc.StatusCode.PERMISSION_DENIED),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            await stub.GetServers(ask, metadata=metadata)
        assert caught.value.code() is code


class Context:
    """As much of a call's context as tells where it comes from."""

    def __init__(self, peer: str, **metadata: str) -> None:
        self._peer, self._metadata = peer, tuple((name.replace("_", "-"), text) for name, text in metadata.items())

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


def test_s8_both_doors_have_one_rule_about_proxies() -> None:
    proxies = Proxies(["127.0.0.1"])
    told: Any = Context("ipv4:127.0.0.1:5000", x_forwarded_for="192.0.2.1, 198.51.100.7")
    standard: Any = Context("ipv4:127.0.0.1:5000", forwarded="for=198.51.100.7")
    assert caller_address(told, proxies) == caller_address(standard, proxies) == "198.51.100.7"
    made_up: Any = Context("ipv4:127.0.0.2:5000", x_forwarded_for="198.51.100.7", x_real_ip="198.51.100.7")
    assert caller_address(made_up, proxies) == "127.0.0.2"
    assert caller_address(told, Proxies()) == "127.0.0.1"
