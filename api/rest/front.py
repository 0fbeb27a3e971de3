"""What every HTTP request passes before it is routed: is it for us, whose is it, is it their turn."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.cashier.page import is_return
from api.hosts import Hosts
from api.proxies import FORWARDED, FORWARDED_FOR, Proxies, origin_of
from api.request_id import REQUEST_ID, begin_request
from api.rest.health import PATHS as HEALTH_PATHS
from api.rest.problem import problem_response
from api.strangers import KNOWN, Strangers
from pycore.errors import PycoreError, RateLimitedError

SLOW_SECONDS: Final = 2.0
"""How long a request waits for its refusal where its address asks too often."""

_FORWARDED_FOR: Final = FORWARDED_FOR.encode()
_FORWARDED: Final = FORWARDED.encode()


class Front:
    """An ASGI application in front of another one, which is told the address of who calls as ``client``."""

    def __init__(self, application: ASGIApp, proxies: Proxies, hosts: Hosts) -> None:
        self._application = application
        self._hosts = hosts
        self._proxies = proxies
        self._strangers = Strangers()
        self._health_askers = Strangers()
        """Counted apart, so that health is told whatever else its asker's address does."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, which the connection has named."""
        begin_request(scope[REQUEST_ID])
        try:
            # Health has nothing to give away, and probes ask by whatever address they find us at.
            if not (is_health := scope["path"] in HEALTH_PATHS):
                self._hosts.check(scope, from_anywhere=is_return(scope))
            origin = origin_of(self._tell_caller(scope))
            strangers = self._health_askers if is_health else self._strangers
            if strangers.is_slowed(origin):
                await asyncio.sleep(SLOW_SECONDS)
                raise RateLimitedError(
                    "too many requests without a key come from this address; nothing was recorded, come back later",
                    retry_after_ms=1000,
                )
        except PycoreError as error:
            await problem_response(error)(scope, receive, send)
            return
        await self._application(scope, receive, send)
        if KNOWN not in scope:
            strangers.count(origin)

    def _tell_caller(self, scope: Scope) -> str:
        """Return the caller's address, and put it where handlers look for it. Raises MalformedRequestError."""
        peer: str = scope["client"][0]
        if not self._proxies.trust(peer):
            return peer
        values: dict[bytes, list[str]] = {_FORWARDED_FOR: [], _FORWARDED: []}
        for name, value in scope["headers"]:
            if name in values:
                values[name].append(value.decode("latin-1"))
        caller = self._proxies.caller(peer, values[_FORWARDED_FOR], values[_FORWARDED])
        scope["client"] = (caller, 0)
        return caller
