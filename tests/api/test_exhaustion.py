"""T13 in small: what a peer can make the server keep or wait for, before anybody knows who it is, has an end.

The stories: four megabytes of pipelined requests whose answers nobody read cost 280 MB for each connection, for ever,
and a server that held them could not be stopped. A thousand slow bodies took every place at the gate, and health was
refused too. ``python -m tests.simulation.exhaustion`` does the same to a server of its own, and weighs it.
"""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import ClientSession
from starlette.types import Receive, Scope, Send

from api import limits
from api.app import Doors, allow_descriptors
from api.rest.connection import Connection
from api.rest.front import Front
from api.strangers import Strangers
from pycore.config import split_address
from pycore.rate_limit import Quota
from tests.simulation.attacks import ADDRESSES, exchange

READ = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
SLOW = b"POST /notifications/wechat/live HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were asked for."""
    paths: list[str] = []
    answer = Front.__call__

    async def noting(self: Front, scope: Scope, receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        await answer(self, scope, receive, send)

    monkeypatch.setattr(Front, "__call__", noting)
    return paths


def open_connections(doors: Doors) -> set[Connection]:
    return doors._rest._connections.open


@asynccontextmanager
async def dialled(doors: Doors, source: str = "127.0.0.1") -> AsyncIterator[socket.socket]:
    """A connection whose other end reads nothing but what it is told to."""
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.setblocking(False)
        peer.bind((source, 0))
        await loop.sock_connect(peer, split_address(doors.http_address))
        yield peer


async def pushed(peer: socket.socket, data: bytes, seconds: float) -> None:
    """Send as much as the server takes in that time."""
    with suppress(OSError):  # also TimeoutError
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_sendall(peer, data)


async def until(condition: object, seconds: float = 5) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def status_of(session: ClientSession, path: str) -> int:
    async with session.get(path) as response:
        await response.read()
        return response.status


async def test_s2_unread_answers_stop_the_parser(
    doors: Doors, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dialled(doors) as peer:
        await pushed(peer, READ * 90_000, 1)
        [connection] = open_connections(doors)
        kept = connection.transport.get_write_buffer_size() + connection.waiting_bytes
        # What the sockets hold, one answer that waits and one that is being written; 90,000 were asked for.
        assert kept < 2 << 20
        assert len(asked) < 100
        monkeypatch.setattr(connection, "_leave_until", 0.0)
        await until(lambda: not open_connections(doors))


async def test_s2_all_answers_come_in_order_when_they_are_read(doors: Doors) -> None:
    paths = [f"/v1/nothing/{number}" for number in range(500)]
    requests = b"".join(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode() for path in ["/healthz", *paths])
    body = b"{" + b"\r\n\r\n" * 1000
    posted = (
        b"POST /v1/ledger/transfers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        + f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    last = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(*split_address(doors.http_address))
    writer.write(requests + posted + requests + posted + last)
    answers = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert answers.count(b"HTTP/1.1 ") == 2 * (len(paths) + 2) + 1
    assert answers.count(b"HTTP/1.1 404") == 2 * len(paths)
    assert answers.index(b'"openapi"') > answers.rindex(b"HTTP/1.1 404")


async def test_s2_unread_answers_of_all_together_have_an_end(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTTP_UNREAD_BYTES_MAX", 200_000)
    async with dialled(doors) as first, dialled(doors) as second:
        for peer in (first, second):
            await pushed(peer, READ * 1000, 0.5)
        await until(lambda: len(open_connections(doors)) < 2)


async def test_s2_requests_of_all_together_have_an_end(
    doors: Doors, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HTTP_WAITING_BYTES_MAX", 30_000)
    head = SLOW.replace(b"1000", b"60000")
    async with dialled(doors) as small, dialled(doors) as large:
        await pushed(small, head + b"x" * 10_000, 1)
        await pushed(large, head + b"x" * 25_000, 1)
        answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(large, 1000), 5)
        assert answer.startswith(b"HTTP/1.1 429")
        await until(lambda: len(open_connections(doors)) == 1)


async def test_s2_a_stop_is_a_stop(services: object, doors: Doors) -> None:
    async with dialled(doors) as unread, dialled(doors) as slow, dialled(doors):
        await pushed(unread, READ * 10_000, 0.3)
        await pushed(slow, SLOW, 0.1)
        began = time.monotonic()
        await doors.close(0.5)
        assert time.monotonic() - began < 3
        assert not open_connections(doors)


async def test_s3_slow_bodies_hold_no_place_at_the_gate(
    doors: Doors, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.rest.app.HTTP_CONCURRENCY_MAX", 2)
    async with dialled(doors) as one, dialled(doors) as two, dialled(doors) as three:
        for peer in (one, two, three):
            await pushed(peer, SLOW + b"x", 0.2)
        assert await status_of(session, "/v1/nothing") == 404
        assert await status_of(session, "/v1/ledger/trial_balance") in {200, 401}
        assert await status_of(session, "/healthz") == 200


async def test_s3_a_body_has_to_bring_so_many_bytes_a_second(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTTP_GRACE_SECONDS", 0.2)
    loop = asyncio.get_running_loop()
    async with dialled(doors) as peer:
        await pushed(peer, SLOW, 0.1)
        answering = asyncio.create_task(loop.sock_recv(peer, 1000))
        for _ in range(100):
            await asyncio.sleep(0.05)
            if answering.done():
                break
            await pushed(peer, b"x", 0.1)
        assert (await answering).startswith(b"HTTP/1.1 408")


async def test_s3_a_connection_that_says_nothing_is_closed(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 0.2)
    async with dialled(doors) as silent:
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(silent, 10), 5) == b""


async def test_s3_an_address_has_so_many_connections(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTTP_CONNECTIONS_PER_ADDRESS_MAX", 2)
    async with dialled(doors), dialled(doors), dialled(doors) as refused, dialled(doors, "127.0.0.9"):
        with suppress(ConnectionError):
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(refused, 10), 5) == b""
        await until(lambda: len(open_connections(doors)) == 3)


async def test_s3_who_has_most_connections_loses_one_to_a_newcomer(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HTTP_CONNECTIONS_MAX", 3)
    async with dialled(doors, "127.0.0.8"), dialled(doors, "127.0.0.8"), dialled(doors, "127.0.0.8"):
        await until(lambda: len(open_connections(doors)) == 3)
        reader, writer = await asyncio.open_connection(*split_address(doors.http_address), local_addr=("127.0.0.9", 0))
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_s8_an_address_that_asks_too_often_is_slowed_and_its_neighbours_are_not(
    doors: Doors, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.rest.front.SLOW_SECONDS", 0.01)
    monkeypatch.setattr(Strangers, "is_slowed", lambda _self, origin: origin == "127.0.0.9")
    assert await status_of(session, "/v1/nothing") == 404
    reader, writer = await asyncio.open_connection(*split_address(doors.http_address), local_addr=("127.0.0.9", 0))
    writer.write(b"GET /v1/nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 429")
    writer.close()


async def test_s8_a_flood_from_several_addresses_is_slowed_and_others_are_answered(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.rest.front.SLOW_SECONDS", 0.05)
    monkeypatch.setattr("api.strangers.SHARE", Quota(1, 10**9, 5))
    monkeypatch.setattr("api.strangers.LEFT_OVER", Quota(1, 10**9, 4))

    async def asked(source: str, path: str, times: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection(*split_address(doors.http_address), local_addr=(source, 0))
        request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
        try:
            return [(await exchange(reader, writer, request))[9:12] for _ in range(times)]
        finally:
            writer.close()

    floods = await asyncio.gather(*[asked(source, "/v1/payments", 20) for source in ADDRESSES[:4]])
    for statuses in floods:
        assert statuses[:5] == [b"401"] * 5
        assert statuses.count(b"429") >= 5
    assert await asked("127.0.0.77", "/v1/payments", 3) == [b"401"] * 3
    assert await asked(ADDRESSES[0], "/healthz", 3) == [b"200"] * 3


async def test_s3_a_payers_page_sends_a_few_bytes(doors: Doors, session: ClientSession) -> None:
    headers = {"content-type": "application/json"}
    async with session.post(
        "/pay/s/nothing/order", data=b" " * (limits.PAYER_BYTES_MAX + 1), headers=headers
    ) as answer:
        assert (answer.status, (await answer.json(content_type=None))["reason"]) == (413, "request_too_large")


def test_s3_the_start_asks_for_the_descriptors_that_the_limits_need(monkeypatch: pytest.MonkeyPatch) -> None:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lines: list[str] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before, 2000), hard))
        allow_descriptors(lines.append)
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert allowed == (limits.DESCRIPTORS if hard == resource.RLIM_INFINITY else min(limits.DESCRIPTORS, hard))
        monkeypatch.setattr(limits, "DESCRIPTORS", 1 << 40)
        monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, 1024))
        allow_descriptors(lines.append)
        assert "1,024 open files" in lines[-1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
