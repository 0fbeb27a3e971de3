"""B3: the front doors of the running server: unary calls, streams and HTTP, against empty servers of the same kind.

Closed loop figures are ceilings; the open loop ones are what a caller sees at half of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from bench import books
from bench.arrivals import Pattern
from bench.ceiling import Servers, ceiling
from bench.load import DoorKind, Spec
from bench.records import LEDGER
from bench.result import Result
from bench.suite import Case, Suite
from pycore.client import LedgerClient
from pycore.ledger import Account, Ledger

_ACCOUNTS = 10_000
_OPEN_SECONDS = 10.0
_CEILING = "grpc_stream_1"
_OPEN: dict[str, Pattern] = {"grpc_stream_open_poisson": "poisson", "grpc_stream_open_burst": "burst"}


class Door(NamedTuple):
    """A named result, and what its client does."""

    name: str
    spec: Spec
    rate_max: int


def _doors() -> list[Door]:
    def spec(door: DoorKind, callers: int, batch: int = 1) -> Spec:
        return Spec(address="", door=door, callers=callers, batch=batch)

    doors = [Door("grpc_unary_1", spec("unary", 64), 12_000)]
    doors += [Door(f"grpc_unary_1_callers_{callers}", spec("unary", callers), 12_000) for callers in (1, 16, 256)]
    doors += [Door("grpc_stream_1", spec("stream", 64), 60_000)]
    doors += [Door(f"grpc_stream_1_callers_{callers}", spec("stream", callers), 60_000) for callers in (1, 16, 256)]
    doors += [
        Door("grpc_stream_100", spec("stream", 16, 100), 800_000),
        Door("grpc_batch_100", spec("unary", 16, 100), 600_000),
        Door("grpc_batch_1000", spec("unary", 16, 1000), 1_200_000),
        Door("http_json_1", spec("http", 64), 12_000),
    ]
    doors += [Door(f"http_json_1_callers_{callers}", spec("http", callers), 12_000) for callers in (1, 16, 256)]
    return doors


async def doors(suite: Suite) -> AsyncIterator[Result]:
    """Every front door in turn with its empty counterpart, then the open loops."""
    async with suite.new_database() as dsn:
        servers = await asyncio.to_thread(Servers, dsn, suite)
        try:
            await _create_accounts(servers)
            stream_rate = 0.0
            for door in _doors():
                sets_the_rate = door.name == _CEILING and suite.wants(*_OPEN)
                if not suite.wants(door.name) and not sets_the_rate:
                    continue
                spec = msgspec.structs.replace(door.spec, accounts=_ACCOUNTS)
                result = await ceiling(suite, servers, door.name, spec, rate_max=door.rate_max, unit="transfers/s")
                stream_rate = result.value if door.name == _CEILING else stream_rate
                await servers.check()
                yield result
            for name, pattern in _OPEN.items():
                if suite.wants(name):
                    yield await _open_loop(suite, servers, pattern, stream_rate / 2)
                    await servers.check()
        finally:
            servers.stop()
        ledger = await Ledger.open(dsn=dsn, data=suite.folder, key=books.KEY)
        state = ledger.state_hash()
        books.check(ledger, created=servers.transfers, posted=servers.amount)
        await ledger.close()
        await books.check_rebuild(dsn, state)


async def _create_accounts(servers: Servers) -> None:
    async with LedgerClient(servers.ledger.grpc_address, api_key=servers.ledger.operator_key) as client:
        for first in range(1, _ACCOUNTS + 1, 5000):
            await client.create_accounts([Account(id=first + n, ledger=LEDGER, code=1) for n in range(5000)])


async def _open_loop(suite: Suite, servers: Servers, pattern: Pattern, rate: float) -> Result:
    seconds = suite.seconds(_OPEN_SECONDS)
    spec = Spec(address="", door="stream", callers=16, seconds=seconds, rate=rate, pattern=pattern, accounts=_ACCOUNTS)
    meter = suite.cpu(**servers.pids())
    outcome = await servers.load(spec, "ledger")
    return Result(
        name=f"grpc_stream_open_{pattern}",
        value=outcome.latency_ms["p99"],
        unit="ms, p99",
        parameters={
            "loop": f"open, {pattern}",
            "rate": round(rate),
            "offered": outcome.offered,
            "accepted": outcome.accepted,
            "refused": outcome.refused,
            "failed": outcome.failed,
            "latency_ms": outcome.latency_ms,
        },
        cpu=meter.read() | {"client": outcome.cpu_seconds},
    )


CASES = (Case(doors, (*(door.name for door in _doors()), *_OPEN)),)
