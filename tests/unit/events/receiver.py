"""A merchant's server: takes webhooks on this machine, verified by a library nobody here wrote, and misbehaves."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def status(code: int, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return answer


async def silence(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=200)
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


class Receiver:
    """``messages`` are the verified bodies in the order they came, ``headers`` theirs, ``ids`` every ``webhook-id``."""

    def __init__(self, answer: Answer = accept, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.secret: str | None = None
        self.ids: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.arrived = asyncio.Event()
        self._context = context

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.ids.append(request.headers["webhook-id"])
        if self.secret is not None:
            Webhook(self.secret).verify(body, dict(request.headers))
        self.messages.append(json.loads(body))
        self.headers.append(dict(request.headers))
        self.arrived.set()
        return await self.answer(request)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Return the messages once there are so many."""
        async with asyncio.timeout(30):
            while len(self.messages) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.messages
