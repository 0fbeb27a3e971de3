"""The one HTTP client of all channels: thin, and exact about what may have left the machine."""

from __future__ import annotations

import ssl
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from msgspec import Struct
from yarl import URL

from pycore.channels.message import HttpRequest, HttpResponse
from pycore.errors import ConfigurationError

CONNECTIONS_MAX: Final = 256
CONNECT_SECONDS_MAX: Final = 5.0
_LOOPBACK: Final = {"127.0.0.1", "::1", "localhost"}
_CHUNK_BYTES: Final = 64 << 10


class NotSent(Struct, frozen=True):
    """No connection came about: the channel has not seen a byte of the request."""


class NoReply(Struct, frozen=True):
    """Bytes may have left and no complete reply came: whether the channel acted is unknown.

    Attributes:
        code: why, in one stable word.
    """

    code: str


Exchange: TypeAlias = HttpResponse | NotSent | NoReply


class Transport:
    """A pool of connections. No POST is ever sent twice, no redirect followed, no cookie kept, no proxy looked up.

    A GET may be asked again, once, where a pooled connection turns out to be dead.

    Certificates are verified; plain HTTP is only for this machine (simulators).

    Args:
        server_trust: whom we trust as servers; None: the system's certificate authorities.
        client_certificate: the context with our certificate, for calls that ask for it.
    """

    def __init__(
        self, server_trust: ssl.SSLContext | None = None, client_certificate: ssl.SSLContext | None = None
    ) -> None:
        self._server_trust = server_trust or ssl.create_default_context()
        self._client_certificate = client_certificate
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, limit_per_host=CONNECTIONS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Content-Type"),
            headers={"User-Agent": "pycore", "Accept-Encoding": "identity"},
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: HttpRequest, *, deadline_seconds: float) -> Exchange:
        """Return the reply, or what its absence means. The deadline covers everything, the last byte included.

        Raises ConfigurationError for an address or a certificate that is not configured for this.
        """
        if self._session is None:
            raise ConfigurationError("the transport is not open")
        context = self._context(request)
        timeout = aiohttp.ClientTimeout(
            total=deadline_seconds, connect=min(CONNECT_SECONDS_MAX, deadline_seconds * 0.9)
        )
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),  # as it was signed, not quoted anew
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                timeout=timeout,
                ssl=context,
            ) as reply:
                return await _read(reply, request.reply_bytes_max)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return NotSent()
        except TimeoutError:
            return NoReply("deadline")
        except (aiohttp.ClientError, OSError, ValueError):
            return NoReply("connection_lost")

    def _context(self, request: HttpRequest) -> ssl.SSLContext | bool:
        parts = urlsplit(request.url)
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            return True
        if parts.scheme != "https":
            raise ConfigurationError("a channel is reached by https; plain http is only for this machine")
        if not request.with_client_certificate:
            return self._server_trust
        if self._client_certificate is None:
            raise ConfigurationError("the channel asks for a client certificate on this call, and none is configured")
        return self._client_certificate


async def _read(reply: aiohttp.ClientResponse, bytes_max: int) -> HttpResponse | NoReply:
    # A compressed reply was not asked for; unpacked it could be any size.
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        return NoReply("compressed")
    chunks: list[bytes] = []
    size = 0
    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > bytes_max:
            return NoReply("too_long")
        chunks.append(chunk)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return HttpResponse(status=reply.status, headers=headers, body=b"".join(chunks))
