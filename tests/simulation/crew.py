"""Workers who ask a server and write down every intention before it and every answer after it.

The process they work in is never killed. They ask again with the same ids until they have a final answer, as the
interface tells callers to. Commands come on standard input, a line each: ``run <log file>``, ``pause``;
``paused <requests> <contradictions>`` answers the latter, when every intention has its answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

_ENTRY = Struct("<cII")
_INTENTION, _ANSWER = b"I", b"A"


class Entry(NamedTuple):
    """One line of the log: an intention (records) or the final answer to it (results)."""

    intention: bool
    number: int
    payload: bytes


def read_log(path: Path) -> Iterator[Entry]:
    """Yield what the witness wrote."""
    data = path.read_bytes()
    position = 0
    while position < len(data):
        kind, number, length = _ENTRY.unpack_from(data, position)
        position += _ENTRY.size
        yield Entry(kind == _INTENTION, number, data[position : position + length])
        position += length


class Log:
    """What an auditor would read: written before the request leaves, and before the answer is believed."""

    def __init__(self) -> None:
        self._file = -1

    def begin(self, path: Path) -> None:
        """Continue in a new file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def intention(self, number: int, records: bytes) -> None:
        """Write what is about to be asked."""
        os.write(self._file, _ENTRY.pack(_INTENTION, number, len(records)) + records)

    def answer(self, number: int, results: bytes) -> None:
        """Write what was answered."""
        os.write(self._file, _ENTRY.pack(_ANSWER, number, len(results)) + results)


class Crew:
    """The workers, the log they share, and what they noticed."""

    def __init__(self) -> None:
        self.log = Log()
        self.requests = 0
        self.contradictions = 0
        self._running = asyncio.Event()
        self._idle = asyncio.Condition()
        self._busy = 0

    def numbers(self, count: int) -> range:
        """Return numbers for so many requests."""
        self.requests += count
        return range(self.requests + 1 - count, self.requests + 1)

    async def obey(self, workers: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """Let each do its work again and again between ``run`` and ``pause``, until standard input ends."""
        tasks = [asyncio.create_task(self._work(worker)) for worker in workers]
        print("ready", flush=True)
        while command := (await asyncio.to_thread(sys.stdin.readline)).split():
            if command[0] == "run":
                self.log.begin(Path(command[1]))
                self._running.set()
            else:
                self._running.clear()
                async with self._idle:
                    await self._idle.wait_for(lambda: self._busy == 0)
                print(f"paused {self.requests} {self.contradictions}", flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, worker: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._running.wait()
            self._busy += 1
            await worker()
            self._busy -= 1
            async with self._idle:
                self._idle.notify_all()
