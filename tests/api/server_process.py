"""``python -m api`` in a process of its own."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pycore.client import LedgerClient
from pycore.merchants import OPERATOR_KEY_FILE, read_secret

ROOT = Path(__file__).parents[2]


class Server:
    """A server that runs, and what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, lines: list[str], data: Path, grpc: str, http: str) -> None:
        self.process, self.lines, self.grpc, self.http = process, lines, grpc, http
        self._data = data

    def operator(self, timeout_seconds: float = 10.0) -> LedgerClient:
        """A client with the key that its first start made."""
        key = read_secret(self._data / OPERATOR_KEY_FILE)
        return LedgerClient(self.grpc, timeout_seconds=timeout_seconds, api_key=key)

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 60)


def arguments(dsn: str, data: Path) -> list[str]:
    """Return the command line of a server on any free ports."""
    return ["-m", "api", "--dsn", dsn, "--data", str(data), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]


@asynccontextmanager
async def running(dsn: str, data: Path, **environment: str) -> AsyncIterator[Server]:
    """Run the server until the end of the block; it is ready when the block begins."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments(dsn, data),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        while not lines or not lines[-1].startswith("ready"):
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, f"it ended early: {lines}"
            lines.append(line.decode().rstrip())
        addresses = re.findall(r"127\.0\.0\.1:\d+", lines[-1])[:2]
        yield Server(process, lines, data, *addresses)
        lines += (await process.stdout.read()).decode().splitlines()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
