"""The HTTP server: listens, looks at the clock for all connections, and stops within its time."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from api import limits
from api.proxies import Proxies
from api.rest.connection import Connection
from api.rest.connections import Connections

_SWEEP_SECONDS: Final = 0.25
_ACCEPT_AGAIN_SECONDS: Final = 0.05
_STOP_POLL_SECONDS: Final = 0.05


class RestServer:
    """One HTTP server in the running event loop."""

    def __init__(self, application: ASGIApp, context: ssl.SSLContext | None, proxies: Proxies) -> None:
        """``context`` makes it speak TLS; ``proxies`` are those whose connections carry others' requests."""
        self._config = uvicorn.Config(
            application,
            http=Connection,
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
        self._config.load()
        self._context = context
        self._connections = Connections(proxies)
        self._close_listener: Callable[[], object] | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, address: str) -> str:
        """Listen on ``host:port`` (port 0: any that is free) and return the address. Raises OSError."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, int(port)), family=family, backlog=limits.HTTP_BACKLOG)
        except OSError as error:
            raise OSError(f"cannot listen for HTTP on {address}: {error}") from error
        loop = asyncio.get_running_loop()
        if self._context is None:
            server = await loop.create_server(
                lambda: Connection(self._config, self._connections), sock=listener, backlog=limits.HTTP_BACKLOG
            )
            self._close_listener = server.close
        else:
            listener.setblocking(False)
            accepting = asyncio.create_task(self._accept(listener, self._context), name="rest-acceptor")
            # The listener is closed by what waits on it.
            self._close_listener = accepting.cancel
        self._sweeper = asyncio.create_task(self._sweep(), name="rest-sweeper")
        return f"{address.rpartition(':')[0]}:{listener.getsockname()[1]}"

    async def stop(self, seconds: float) -> None:
        """Take nothing new, finish what was accepted; what is not done after ``seconds`` is cut off."""
        if self._close_listener is None or self._sweeper is None:
            return
        self._close_listener()
        for connection in list(self._connections.open):
            connection.shutdown()
        now = asyncio.get_running_loop().time
        deadline = now() + seconds
        while self._connections.open and now() < deadline:
            await asyncio.sleep(_STOP_POLL_SECONDS)
        self._sweeper.cancel()
        for connection in list(self._connections.open):
            connection.abort()

    async def _accept(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        """Count each connection before it shakes hands: a handshake costs more than most requests."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(listener)
                except OSError:  # it is gone already, or there is no descriptor for it now
                    await asyncio.sleep(_ACCEPT_AGAIN_SECONDS)
                    continue
                self._admit(accepted, peer[0], context)

    def _admit(self, accepted: socket.socket, address: str, context: ssl.SSLContext) -> None:
        """Let a connection shake hands, if there is a place for it."""
        connection = Connection(self._config, self._connections)
        handshake = asyncio.create_task(self._shake_hands(connection, accepted, context))
        # Also where it is called off before it began.
        handshake.add_done_callback(lambda _: None if connection.has_begun else accepted.close())
        if not connection.admit(address, handshake):
            connection.abort()

    async def _shake_hands(self, connection: Connection, accepted: socket.socket, context: ssl.SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=context,
                ssl_handshake_timeout=limits.HTTP_HEAD_SECONDS_MAX,
                ssl_shutdown_timeout=limits.HTTP_GRACE_SECONDS,
            )
        except OSError:  # also ssl.SSLError: somebody who speaks no TLS, or shows no certificate
            connection.abort()

    async def _sweep(self) -> None:
        """Cut off who sends or takes too slowly. One timer for all, none per request."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for connection in list(self._connections.open):
                connection.look_at_clock(now())
