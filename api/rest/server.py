"""The HTTP server: uvicorn in an event loop that is not its own, with limits on what a client may send."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import limits

_TOO_LARGE = (
    b'{"title":"Request Header Fields Too Large","status":431,'
    b'"detail":"the request line and headers are too many or too long","reason":"headers_too_large"}'
)
_MALFORMED = (
    b'{"title":"Bad Request","status":400,"detail":"this is not an HTTP/1.1 request","reason":"malformed_request"}'
)


class _LimitedProtocol(HttpToolsProtocol):
    """One connection. Uvicorn bounds neither headers nor the time a request takes to arrive; this does."""

    _header_bytes = 0
    _unfinished_bytes: int | None = None
    """Bytes received since the headers of a request began, or None while there are none to wait for."""
    _too_large = False
    _receiving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > limits.HTTP_CONNECTIONS_MAX:
            transport.close()
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._unfinished_bytes is not None:
            self._unfinished_bytes += len(data)
        super().data_received(data)
        # The parser keeps a header to itself until it is complete, so one that never is has to be noticed here.
        if (self._unfinished_bytes or 0) > limits.HTTP_HEADER_BYTES_MAX and not self.transport.is_closing():
            self._too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._unfinished_bytes = 0
        if self._receiving is None:
            self._expect_request()
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
        # From here the reader of the body has its own time limit.
        self._request_arrived()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or too much of one, and close."""
        del msg
        status, content = (b"400 Bad Request", _MALFORMED)
        if self._too_large:
            status, content = (b"431 Request Header Fields Too Large", _TOO_LARGE)
        head = (
            b"HTTP/1.1 %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head % (status, len(content)) + content)
        self.transport.close()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > limits.HTTP_HEADER_BYTES_MAX:
            self._refuse_size()

    def _refuse_size(self) -> None:
        self._too_large = True
        raise ValueError("the headers are too large")

    def _expect_request(self) -> None:
        self._receiving = self.loop.call_later(limits.HTTP_RECEIVE_SECONDS_MAX, self.timeout_keep_alive_handler)

    def _request_arrived(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None


class _Server(uvicorn.Server):
    """Uvicorn's server without its signal handlers: the application decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """One HTTP server in the running event loop."""

    def __init__(self, application: ASGIApp) -> None:
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
        self._serving: asyncio.Task[None] | None = None

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
        return f"{address.rpartition(':')[0]}:{listener.getsockname()[1]}"

    async def stop(self, seconds: float) -> None:
        """Take nothing new, finish what was accepted; what is not done after ``seconds`` is cut off."""
        self._server.config.timeout_graceful_shutdown = max(1, int(seconds))
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
