"""Threads for RSA: OpenSSL gives the interpreter away while it computes, so the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pycore.cores import use_all_cores

Value = TypeVar("Value")


class SigningPool:
    """A few threads that sign and verify; more of them than processors gain nothing."""

    def __init__(self, threads: int = 2) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="channel-signing", initializer=use_all_cores)

    async def run(self, work: Callable[..., Value], *arguments: Any) -> Value:
        """Return what ``work`` returns, computed in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)

    def close(self) -> None:
        """End the threads when they are done."""
        self._executor.shutdown(wait=True)
