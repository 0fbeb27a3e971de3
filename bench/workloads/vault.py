"""B8, the vault: sealing and opening one field in Rust, on one core, by the example ``latency``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from bench.result import Result
from bench.suite import Case, Suite

_COMMAND = ("cargo", "run", "--quiet", "--release", "--locked", "-p", "pycore-vault", "--example", "latency", "--")
_SIZES = (64, 256, 1024)
_NAMES = tuple(
    f"vault_{verb}_{cipher}{size}" for size in _SIZES for cipher in ("", "sm4_") for verb in ("seal", "open")
)
_KEYS = 1000


async def fields(suite: Suite) -> AsyncIterator[Result]:
    """Microseconds per call of the median group, for both ciphers, with a thousand data keys in the keyring."""
    arguments = ("--keys", str(_KEYS), "--rounds", str(suite.count(500_000)))
    process = await asyncio.create_subprocess_exec(*_COMMAND, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(_COMMAND)} {' '.join(arguments)} ended with {process.returncode}")
    for line in output.splitlines():
        result = msgspec.json.decode(line, type=Result)
        if suite.wants(result.name):
            yield result


CASES = (Case(fields, _NAMES),)
