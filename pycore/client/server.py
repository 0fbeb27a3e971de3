"""A server as the clients reach it: one channel, the key, and calls that are sent again until there is an answer."""

import asyncio
import random
import time
from types import TracebackType
from typing import Final, Self, TypeAlias

from grpc import aio

from pycore.client.credentials import TlsCredentials
from pycore.client.failure import Failure, outcome_unknown

UnaryMethod: TypeAlias = "aio.UnaryUnaryMultiCallable[bytes, bytes]"

_DELAY_SECONDS_MIN: Final = 0.02
_DELAY_SECONDS_MAX: Final = 1.0
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.max_send_message_length", 4 << 20),
    # Retries are made here, where it is known what may be sent again.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 30_000),
)


class Server:
    """One server behind ``host:port``."""

    def __init__(
        self, address: str, timeout_seconds: float, credentials: TlsCredentials | None, api_key: str | None
    ) -> None:
        """``timeout_seconds`` holds for each call, its retries included."""
        self.timeout_seconds = timeout_seconds
        self._metadata = () if api_key is None else (("authorization", f"Bearer {api_key}"),)
        self._channel = (
            aio.insecure_channel(address, options=_OPTIONS)
            if credentials is None
            else aio.secure_channel(address, credentials, options=_OPTIONS)
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    def method(self, path: str) -> UnaryMethod:
        """Return a method, bytes in and bytes out."""
        return self._channel.unary_unary(path)

    def stream(self, path: str) -> "aio.StreamStreamCall[bytes, bytes]":
        """Begin a streaming call, bytes in and bytes out."""
        method: aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(path)
        return method(metadata=self._metadata)

    def listen(self, path: str, request: bytes) -> "aio.UnaryStreamCall[bytes, bytes]":
        """Begin a call whose answers come in a stream, bytes in and bytes out."""
        method: aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        return method(request, metadata=self._metadata)

    async def call(self, method: UnaryMethod, request: bytes, *, writes: bool = False) -> bytes:
        """Send a request until it is answered, refused for good, or the time is up.

        Raises what the server answered, as the library's errors; a request that ``writes`` and whose outcome is not
        known is an OutcomeUnknownError.
        """
        until = time.monotonic() + self.timeout_seconds
        is_outcome_known = True
        delay = _DELAY_SECONDS_MIN
        while True:
            try:
                return await method(request, timeout=until - time.monotonic(), metadata=self._metadata)
            except aio.AioRpcError as error:
                failure = Failure(error)
            is_outcome_known &= failure.is_outcome_known
            wait = max(failure.delay_seconds, delay) * random.uniform(1.0, 1.5)  # noqa: S311 - spreads retries
            delay = min(delay * 2, _DELAY_SECONDS_MAX)
            if not failure.is_retried or time.monotonic() + wait >= until:
                if writes and not is_outcome_known:
                    raise outcome_unknown(failure.error) from failure.error
                raise failure.error
            await asyncio.sleep(wait)


class Client:
    """What every client is: methods of one server, closed at the end of ``async with``."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._server.close()
