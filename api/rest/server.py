"""The HTTP server: uvicorn in an event loop that is not its own, with limits on what a client may send."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import limits
from api.errors import HeadersTooLargeError, MalformedRequestError, RequestTimeoutError
from api.rest.problem import Problem, problem_of

_TOO_LARGE: Final = problem_of(HeadersTooLargeError())
_MALFORMED: Final = problem_of(MalformedRequestError("this is not an HTTP/1.1 request"))
_TOO_SLOW: Final = problem_of(RequestTimeoutError())
_SWEEP_SECONDS: Final = 0.25


class _JoinedWrites(asyncio.Transport):
    """A transport whose writes of one turn of the event loop leave in one piece.

    Uvicorn writes a response's head and its body apart; each would be a system call of its own and wake the caller.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes | bytearray | memoryview] = []
        # What is only handed on.
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.is_reading = transport.is_reading  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.abort = transport.abort  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()


class _LimitedProtocol(HttpToolsProtocol):
    """One connection. Uvicorn bounds neither headers nor the time a request takes to arrive; this does."""

    receiving_since: float | None = None
    """When the request that is arriving began (loop time), or None between requests."""

    _head_bytes = 0
    _unfinished_bytes: int | None = None
    """Bytes received since the head of a request began, or None while there is none to wait for."""
    _too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_JoinedWrites(transport, self.loop))
        self.receiving_since = self.loop.time()
        if len(self.connections) > limits.HTTP_CONNECTIONS_MAX:
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self._unfinished_bytes is not None:
            self._unfinished_bytes += len(data)
        super().data_received(data)
        # The parser keeps a header to itself until it is complete, so one that never is has to be noticed here.
        if (self._unfinished_bytes or 0) > limits.HTTP_HEADER_BYTES_MAX and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._unfinished_bytes = 0
        self.receiving_since = self.loop.time()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= limits.HTTP_HEADERS_MAX:
            self._refuse_size()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.receiving_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or too much of one, and close."""
        del msg
        self._refuse(_TOO_LARGE if self._too_large else _MALFORMED)

    def cut_off(self) -> None:
        """Close a connection whose request takes too long to arrive."""
        self.receiving_since = None
        # Uvicorn declares the cycle as always there, but begins without one.
        if bool(self.cycle) and not self.cycle.response_started:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer and close: after this the two sides no longer agree where a request begins."""
        content = msgspec.json.encode(problem)
        head = (
            f"HTTP/1.1 {problem.status} {problem.title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > limits.HTTP_HEADER_BYTES_MAX:
            self._refuse_size()

    def _refuse_size(self) -> None:
        self._too_large = True
        raise ValueError("the headers are too large")


class _Server(uvicorn.Server):
    """Uvicorn's server without its signal handlers: the application decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """One HTTP server in the running event loop."""

    def __init__(self, application: ASGIApp, context: ssl.SSLContext | None = None) -> None:
        """``context`` makes it speak TLS."""
        self._server = _Server(
            uvicorn.Config(
                application,
                http=_LimitedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
            )
        )
        self._server.config.load()
        # Its own settings for TLS know no oldest version.
        self._server.config.ssl = context
        self._serving: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, address: str) -> str:
        """Listen on ``host:port`` (port 0: any that is free) and return the address. Raises OSError."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, int(port)), family=family, backlog=2048)
        except OSError as error:
            raise OSError(f"cannot listen for HTTP on {address}: {error}") from error
        self._serving = asyncio.create_task(self._server.serve([listener]), name="rest-server")
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.01)
        if self._serving.done():
            await self._serving
        self._sweeper = asyncio.create_task(self._sweep(), name="rest-sweeper")
        return f"{address.rpartition(':')[0]}:{listener.getsockname()[1]}"

    async def stop(self, seconds: float) -> None:
        """Take nothing new, finish what was accepted; what is not done after ``seconds`` is cut off."""
        self._server.config.timeout_graceful_shutdown = max(1, int(seconds))
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _sweep(self) -> None:
        """Cut off connections whose request takes too long to arrive. One timer for all, none per request."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            oldest = now() - limits.HTTP_RECEIVE_SECONDS_MAX
            for connection in list(self._server.server_state.connections):
                assert isinstance(connection, _LimitedProtocol)
                if connection.receiving_since is not None and connection.receiving_since < oldest:
                    connection.cut_off()
