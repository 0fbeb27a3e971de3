"""The HTTP server of the sandbox: uvicorn, with a way to cut a connection, which is what a broken channel does."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CUT: Final = "sandbox.cut"
"""The ASGI extension whose ``cut`` cuts the connection of the request."""


SPELL: Final = "sandbox.spell"
"""The ASGI extension whose ``spell`` says how the names of the reply's headers are spelled, by their lower case."""


class _Transport:
    """A connection that writes names of headers as it is told: uvicorn knows them in lower case only."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._names: dict[bytes, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def spell(self, names: dict[bytes, bytes]) -> None:
        """Spell the names in the head that is written next."""
        self._names = names

    def write(self, data: bytes) -> None:
        """Write; a reply's head is one piece."""
        if self._names and data.startswith(b"HTTP/1.1 "):
            parts = (line.partition(b":") for line in data.split(b"\r\n"))
            data = b"\r\n".join(self._names.get(name, name) + colon + rest for name, colon, rest in parts)
            self._names = {}
        self._transport.write(data)


class _Protocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._spelling = _Transport(transport)
        super().connection_made(self._spelling)  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"cut": self.transport.abort}, SPELL: {"spell": self._spelling.spell}}


class _Server(uvicorn.Server):
    """Uvicorn's server without its signal handlers: the application decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SandboxServer:
    """One HTTP server in the running event loop. It is for tests, on loopback: it bounds little."""

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None

    def listen(self, address: str) -> str:
        """Listen on ``host:port`` (port 0: any that is free) and return the address. Raises OSError."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, int(port)), family=family, backlog=2048)
        except OSError as error:
            raise OSError(f"cannot listen for HTTP on {address}: {error}") from error
        return f"{address.rpartition(':')[0]}:{self._listener.getsockname()[1]}"

    async def serve(self, application: ASGIApp) -> None:
        """Begin to answer on the address that is listened on."""
        assert self._listener is not None
        self._server = _Server(
            uvicorn.Config(
                application,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._serving = asyncio.create_task(self._server.serve([self._listener]), name="sandbox-server")
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish what was accepted; what is not done after two seconds (a fault that holds a reply back) is cut off."""
        if self._server is None or self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = 2
        self._server.should_exit = True
        await self._serving
