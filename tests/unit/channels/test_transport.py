"""The transport: what it may say of a request that got no answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from pycore.channels.message import HttpRequest, HttpResponse
from pycore.channels.transport import NoReply, NotSent, Transport
from pycore.errors import ConfigurationError
from tests.unit.channels.sides import GOLDEN


class Server:
    """A server that answers as it is told, and remembers what it was sent."""

    def __init__(self) -> None:
        self.answer = b""
        self.pause_seconds = 0.0
        self.requests: list[bytes] = []
        self.connections: list[asyncio.Task[None]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await asyncio.sleep(self.pause_seconds)
            writer.write(self.answer)
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        listening = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=context)
        yield listening.sockets[0].getsockname()[1]
        listening.close()
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    told = Server()
    async with told.listening() as port:
        yield told, f"http://127.0.0.1:{port}/path?a=%2F&b=%E8%8C%B6"


async def send(url: str, *, deadline_seconds: float = 5, body: bytes = b"{}", bytes_max: int = 1000) -> object:
    request = HttpRequest(
        method="POST", url=url, headers={"Content-Type": "application/json"}, body=body, reply_bytes_max=bytes_max
    )
    async with Transport() as transport:
        return await transport.send(request, deadline_seconds=deadline_seconds)


async def test_a_reply(server: tuple[Server, str]) -> None:
    told, url = server
    told.answer = b"HTTP/1.1 201 Created\r\nX-Sign: abc\r\nContent-Length: 2\r\n\r\nok"
    found = await send(url)
    assert isinstance(found, HttpResponse)
    assert (found.status, found.headers["x-sign"], found.body) == (201, "abc", b"ok")
    assert told.requests[0].startswith(b"POST /path?a=%2F&b=%E8%8C%B6 HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity" in told.requests[0]
    assert told.requests[0].count(b"Content-Type") == 1


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await send(f"http://127.0.0.1:{port}/") == NotSent()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", NoReply("connection_lost")),
        (b"HTTP/1.1 200 OK\r\nContent-Le", NoReply("connection_lost")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", NoReply("connection_lost")),
        (b"no HTTP at all\r\n\r\n", NoReply("connection_lost")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, NoReply("too_long")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", NoReply("compressed")),
    ],
    ids=["closed", "half a head", "half a body", "no HTTP", "too long", "compressed"],
)
async def test_what_is_no_reply(server: tuple[Server, str], answer: bytes, expected: NoReply) -> None:
    told, url = server
    told.answer = answer
    assert await send(url) == expected
    assert len(told.requests) == 1


async def test_a_deadline(server: tuple[Server, str]) -> None:
    told, url = server
    told.pause_seconds = 5
    assert await send(url, deadline_seconds=0.2) == NoReply("deadline")
    assert len(told.requests) == 1


async def test_a_redirect_is_an_answer_and_not_followed(server: tuple[Server, str]) -> None:
    told, url = server
    told.answer = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    found = await send(url)
    assert isinstance(found, HttpResponse)
    assert found.status == 302
    assert len(told.requests) == 1


async def test_a_server_nobody_vouches_for_is_sent_nothing() -> None:
    told = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(GOLDEN / "signer.crt", GOLDEN / "signer.pem")
    async with told.listening(context) as port:
        assert await send(f"https://127.0.0.1:{port}/") == NotSent()
    assert not told.requests


@pytest.mark.parametrize("url", ["http://pay.example/", "ftp://127.0.0.1/", "file:///etc/passwd"])
async def test_addresses_that_are_not_for_this(url: str) -> None:
    with pytest.raises(ConfigurationError):
        await send(url)


async def test_a_client_certificate_that_is_not_configured() -> None:
    async with Transport() as transport:
        with pytest.raises(ConfigurationError):
            await transport.send(
                HttpRequest(method="POST", url="https://pay.example/", with_client_certificate=True), deadline_seconds=1
            )
    with pytest.raises(ConfigurationError):
        await transport.send(HttpRequest(method="GET", url="https://pay.example/"), deadline_seconds=1)
