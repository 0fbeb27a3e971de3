"""``python -m api --demo`` in a process of its own: the server, the simulated channels and a merchant to try them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.api.server_process import ROOT, arguments


class Demo:
    """A server that runs, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, lines: list[str]) -> None:
        self.process, self.lines = process, lines

    def said(self, word: str) -> str:
        """What follows ``word`` where a line begins with it."""
        return next(line.split()[1] for line in self.lines if line.split()[:1] == [word])

    @property
    def grpc(self) -> str:
        return next(line for line in self.lines if line.startswith("ready")).split("gRPC ")[1].split()[0]

    @property
    def http(self) -> str:
        return next(line for line in self.lines if line.startswith("ready")).split("http://")[1].split()[0]

    @property
    def sandbox(self) -> str:
        return self.said("payer").removeprefix("http://").removesuffix("/payer/")

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal to it alone, and return the exit status."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 60)


@asynccontextmanager
async def running(dsn: str, data: Path) -> AsyncIterator[Demo]:
    """Run it until the end of the block; it has said all it says when the block begins."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments(dsn, data),
        *("--demo", "--sandbox", "127.0.0.1:0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        while not lines or "merchant_reference=first" not in lines[-1]:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, f"it ended early: {lines}"
            lines.append(line.decode().rstrip())
        yield Demo(process, lines)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
