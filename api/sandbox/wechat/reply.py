"""Replies whose header names are spelled as the channel spells them: some of its own clients look for just that."""

import secrets
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.sandbox.server import SPELL

_REQUEST_ID: Final = "request-id"
_SPELLED: Final = {_REQUEST_ID.encode(): b"Request-ID"}


class SpelledResponse(Response):
    """A response with ``Content-Type``, ``Wechatpay-Serial`` and so on, and the ``Request-ID`` of every reply."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.headers[_REQUEST_ID] = secrets.token_hex(16).upper()
        scope["extensions"][SPELL]["spell"]({name: _SPELLED.get(name, name.title()) for name, _ in self.raw_headers})
        await super().__call__(scope, receive, send)
