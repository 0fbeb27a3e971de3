"""Where faults meet requests: what a protocol's door does with a request it has understood, if nothing goes wrong."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.sandbox.core.fault import REQUEST_KINDS, FaultKind, Faults, Hit, Operation
from api.sandbox.server import CUT

BODY_BYTES_MAX = 1 << 20


class Wording(Protocol):
    """How a protocol says that it cannot serve."""

    def server_error(self) -> Response:
        """Return the answer of a channel that has failed."""

    def rate_limited(self) -> Response:
        """Return the answer to a merchant who asks too often."""


class Cut(Response):
    """No answer: the connection ends."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Cut the connection, and let the server notice before this returns."""
        scope["extensions"][CUT]["cut"]()
        await asyncio.sleep(0.001)


class Gate:
    """Lets requests through to what performs them, with the faults that were ordered."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def through(
        self,
        request: Request,
        wording: Wording,
        call: tuple[Operation, str, str],
        perform: Callable[[bool], Response],
    ) -> Response:
        """Return the answer to ``call`` (operation, protocol, reference).

        ``perform`` does what is asked and returns the reply; it is told whether to sign it so that it does not fit.
        """
        hits = self._faults.hits(REQUEST_KINDS, *call)
        if not hits:
            return perform(False)
        instead = await _instead(request, wording, hits)
        if instead is not None:
            return instead
        response = perform(FaultKind.BAD_SIGNATURE in hits)
        if (held := hits.get(FaultKind.TIMEOUT_AFTER)) is not None:
            return await _silence(request, held)
        return wording.server_error() if FaultKind.ERROR_AFTER in hits else response


async def read_body(request: Request) -> bytes | None:
    """Return the request's body, None where it is larger than any request of these protocols is.

    What is too large is read all the same and thrown away: a caller who is still sending would not see the answer.
    """
    body = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= BODY_BYTES_MAX:
            body += piece
    return bytes(body) if size <= BODY_BYTES_MAX else None


async def _instead(request: Request, wording: Wording, hits: dict[FaultKind, Hit]) -> Response | None:
    """Return what is answered instead of doing anything, None where the request may go on."""
    if FaultKind.CHANNEL_DOWN in hits:
        return Cut()
    if (late := hits.get(FaultKind.LATENCY)) is not None:
        await asyncio.sleep(late.delay_ms() / 1000)
    if FaultKind.RATE_LIMIT in hits:
        return wording.rate_limited()
    if FaultKind.ERROR_BEFORE in hits:
        return wording.server_error()
    if (held := hits.get(FaultKind.TIMEOUT_BEFORE)) is not None:
        return await _silence(request, held)
    return None


async def _silence(request: Request, held: Hit) -> Response:
    """Say nothing until the caller goes away or the time is over."""
    try:
        async with asyncio.timeout(held.rule.hold_ms / 1000):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass
    return Cut()
