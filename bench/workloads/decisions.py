"""B8: what a routing decision and a rate limit check cost in the core, by the Rust example ``decisions``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from bench.result import Result
from bench.suite import Case, Suite

_COMMAND = ("cargo", "run", "--quiet", "--release", "--locked", "-p", "pycore-engine", "--example", "decisions", "--")
_LIMITER = ("limiter_check", "limiter_check_1k")
_ROUTING = ("routing_decision", "routing_decision_3", "routing_decision_50", "routing_decision_exploring")


async def _run(kind: str) -> list[Result]:
    process = await asyncio.create_subprocess_exec(*_COMMAND, kind, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(_COMMAND)} {kind} ended with {process.returncode}")
    return [msgspec.json.decode(line, type=Result) for line in output.splitlines()]


async def limiter(_: Suite) -> AsyncIterator[Result]:
    """A check of two limits, with a thousand and a million keys."""
    for each in await _run("limiter_check"):
        yield each


async def routing(_: Suite) -> AsyncIterator[Result]:
    """A decision among 3, 10 and 50 channels, and among 10 with drawn success rates."""
    for each in await _run("routing_decision"):
        yield each


CASES = (Case(limiter, _LIMITER), Case(routing, _ROUTING))
