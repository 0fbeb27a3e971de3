"""B1 and B2: the engine alone, in memory, on one core, by the Rust example ``throughput``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from statistics import median

import msgspec

from bench.result import Result, compared
from bench.suite import Case, Suite

_COMMAND = ("cargo", "run", "--quiet", "--release", "--locked", "-p", "pycore-engine", "--example", "throughput", "--")
_BATCHES = (1, 8, 64, 512, 4096, 8190)
_ACCOUNTS = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
_SKEWS = {"zipf1": "zipf:1.0", "zipf1.5": "zipf:1.5", "zipf2": "zipf:2.0", "hot50": "hot:0.5", "hot100": "hot:1.0"}
_ROUNDS = 3


async def _run(**options: object) -> Result:
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    process = await asyncio.create_subprocess_exec(*_COMMAND, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(_COMMAND)} {' '.join(arguments)} ended with {process.returncode}")
    return msgspec.json.decode(output, type=Result)


async def posts(suite: Suite) -> AsyncIterator[Result]:
    """B1: posts, by batch size and by number of accounts."""
    for batch in _BATCHES:
        if not suite.wants(f"engine_post_{batch}_10k"):
            continue
        transfers = suite.count(4_000_000 if batch > 1 else 1_000_000)
        yield await _run(name=f"engine_post_{batch}_10k", batch=batch, accounts=10_000, transfers=transfers)
    for name, count in _ACCOUNTS.items():
        if not suite.wants(f"engine_post_8190_{name}"):
            continue
        accounts = min(count, 100_000) if suite.quick else count
        yield await _run(name=f"engine_post_8190_{name}", accounts=accounts, transfers=suite.count(4_000_000))


async def skew(suite: Suite) -> AsyncIterator[Result]:
    """B2: skewed accounts against uniform ones, in turn, the middle one of several rounds."""
    transfers = suite.count(4_000_000)
    uniform, skewed = [], {name: list[Result]() for name in _SKEWS}
    for _ in range(1 if suite.quick else _ROUNDS):
        uniform.append((await _run(skew="uniform", transfers=transfers)).value)
        for name, option in _SKEWS.items():
            skewed[name].append(await _run(skew=option, transfers=transfers))
    for name, rounds in skewed.items():
        value = median(each.value for each in rounds)
        yield compared(f"skew_{name}", value, "transfers/s", median(uniform), parameters=rounds[0].parameters)


async def two_phase(suite: Suite) -> AsyncIterator[Result]:
    """B4 without a database: holds, of which 70 % are posted, 20 % voided and 10 % expire."""
    transfers = suite.count(4_000_000)
    single = (await _run(transfers=transfers)).value
    for name, holds in (("10k", 10_000), ("1m", 1_000_000)):
        found = await _run(workload="two_phase", open_holds=suite.count(holds), transfers=transfers)
        yield compared(f"engine_two_phase_{name}", found.value, found.unit, single, parameters=found.parameters)


CASES = (
    Case(
        posts,
        (*(f"engine_post_{batch}_10k" for batch in _BATCHES), *(f"engine_post_8190_{name}" for name in _ACCOUNTS)),
    ),
    Case(skew, tuple(f"skew_{name}" for name in _SKEWS)),
    Case(two_phase, ("engine_two_phase_10k", "engine_two_phase_1m")),
)
