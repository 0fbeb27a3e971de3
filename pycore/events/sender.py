"""Sends one signed message to one endpoint, and says what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Self

import aiohttp
import structlog

from pycore.errors import ConfigurationError, InvalidRequestError
from pycore.events.delivery import Result
from pycore.events.event import Event
from pycore.events.secret import WebhookSecret
from pycore.events.target import AddressRefusedError, TargetGuard

DEADLINE_SECONDS: Final = 15.0
"""How long one try may take altogether."""
CONNECT_SECONDS_MAX: Final = 5.0
CONNECTIONS_MAX: Final = 2048
ANSWER_BYTES_MAX: Final = 64 << 10
"""How much of an answer is read before its connection is closed; nothing of it is kept."""
DRAIN_SECONDS: Final = 0.5
GONE: Final = 410

# Where no connection was made, why is for the operator's log alone: told apart, closed ports, silent ones and ones that
# speak something else would make of this server a port scanner, and names an index of the network it stands in.
_TOLD: Final = {
    "connect_deadline": "not_connected",
    "tls_failed": "not_connected",
    "name_not_resolved": "target_refused",
}

log = structlog.get_logger(__name__)


class WebhookSender:
    """A pool of connections to addresses that were checked when they were dialled.

    No redirect is followed, no cookie kept, no proxy looked up. TLS verifies the name in the URL, whatever address it
    led to.

    Args:
        guard: tells allowed targets from others.
        server_trust: whom to trust as receivers; None: the system's certificate authorities.
        deadline_seconds: how long one try may take altogether.
    """

    def __init__(
        self,
        guard: TargetGuard,
        *,
        server_trust: ssl.SSLContext | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._guard = guard
        self._server_trust = server_trust or ssl.create_default_context()
        self._timeout = aiohttp.ClientTimeout(
            total=deadline_seconds, connect=min(CONNECT_SECONDS_MAX, deadline_seconds * 0.9)
        )
        # Test mode may be allowed addresses that live mode is not, so the two share no connections.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        for live in (True, False):
            self._sessions[live] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS_MAX,
                    resolver=self._guard.resolver,
                    socket_factory=partial(self._guard.dial, live=live),
                    ssl=self._server_trust,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": "pycore-webhooks", "Accept-Encoding": "identity"},
                trust_env=False,
                timeout=self._timeout,
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def send(self, event: Event, url: str, secrets: Sequence[WebhookSecret]) -> Result:
        """Send an event and return what came of it: only an answer of 200 to 299 accepts it.

        Args:
            event: the event.
            url: the endpoint's, as it is stored; it is checked again.
            secrets: one signature each.
        """
        live = event.tenant.live
        body = event.view().encoded()
        try:
            target = self._guard.checked(url, live=live)
        except InvalidRequestError:
            return Result(None, "target_refused")
        try:
            async with self._session(live=live).post(
                target, data=body, headers=headers(event.public_id, body, secrets), allow_redirects=False
            ) as reply:
                await _drain(reply)
                return Result(reply.status, None if reply.status // 100 == 2 else f"http_{reply.status}")
        except aiohttp.ClientError as error:
            reason = _reason(error)
            log.info("a webhook was not delivered", event_id=event.public_id, host=target.raw_host, reason=reason)
            return Result(None, _TOLD.get(reason, reason))
        except TimeoutError:
            return Result(None, "deadline")
        except (OSError, ValueError):
            return Result(None, "connection_lost")

    def _session(self, *, live: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(live)
        if session is None:
            raise ConfigurationError("the sender is not open")
        return session


def headers(id: str, body: bytes, secrets: Sequence[WebhookSecret]) -> dict[str, str]:
    """Return the headers of a message by Standard Webhooks; ``id`` is the event's, the same in every try."""
    timestamp = int(time.time())
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(secret.sign(id, timestamp, body) for secret in secrets),
    }


async def _drain(reply: aiohttp.ClientResponse) -> None:
    """Read the rest of an answer, so that its connection can be used again; where that takes long it is closed instead.

    The status has said everything: nothing of the rest is looked at, and no trouble with it changes the result.
    """
    size = 0
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while size <= ANSWER_BYTES_MAX and not reply.content.at_eof():
                size += len(await reply.content.readany())


def _reason(error: aiohttp.ClientError) -> str:
    """Return in one word why no answer came."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "connect_deadline"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "deadline"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name_not_resolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls_failed"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "target_refused" if isinstance(error.os_error, AddressRefusedError) else "not_connected"
    return "connection_lost"
