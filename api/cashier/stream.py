"""A payment's state as server-sent events: the page hears of a change when it is durable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from api.cashier.view import PaymentView
from pycore.events.watch import ResourceWatch
from pycore.payments.payment import FINAL

LOOK_SECONDS: Final = 10.0
"""How often is looked without being told, and how often a proxy on the way sees that the stream is alive."""

_PACE_SECONDS: Final = 0.2
_ENCODE: Final = msgspec.json.Encoder().encode


async def states(
    payment_id: int, look: Callable[[], Awaitable[PaymentView]], watch: ResourceWatch, stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    """Yield a payment's state now and after each change, until it is decided or the server stops."""
    with watch.watching(payment_id) as woken:
        told = None
        while not stopping.is_set():
            woken.clear()
            view = await look()
            if told is None or view.version != told.version or view.offers != told.offers:
                told = view
                yield b"event: state\ndata: " + _ENCODE(view) + b"\n\n"
            else:
                yield b": still here\n\n"
            if view.status in FINAL:
                return
            await _first_of(woken, stopping)
            await asyncio.sleep(_PACE_SECONDS)


async def _first_of(woken: asyncio.Event, stopping: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in (woken, stopping)]
    try:
        with suppress(TimeoutError):
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
