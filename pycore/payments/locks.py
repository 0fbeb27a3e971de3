"""Locks by key: changes of one payment wait for each other, those of others do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Locks:
    """One lock per key, for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def held(self, key: int) -> AsyncIterator[None]:
        """Hold the key's lock for the block; who came first goes first."""
        lock, holders = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = (lock, holders + 1)
        try:
            async with lock:
                yield
        finally:
            lock, holders = self._locks[key]
            if holders == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, holders - 1)

    @asynccontextmanager
    async def lent(self, key: int) -> AsyncIterator[None]:
        """Let others have the key's lock for the block, in which the holder waits for the outside world."""
        lock, _ = self._locks[key]
        lock.release()
        try:
            yield
        finally:
            await _taken_again(lock)


async def _taken_again(lock: asyncio.Lock) -> None:
    """Take a lock whatever happens: its holder will release it, and must not release another's."""
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            await lock.acquire()
            break
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
