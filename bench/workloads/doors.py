"""B3: the front doors of the running server: unary calls, streams and HTTP, against empty servers of the same kind.

Server, client and database are processes of their own on one machine. Closed loop figures are ceilings; the open loop
ones are what a caller sees at half of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from statistics import median
from typing import NamedTuple

import msgspec

from bench import books
from bench.arrivals import Pattern
from bench.load import DoorKind, Outcome, Spec
from bench.process import Child
from bench.records import LEDGER
from bench.result import Result, compared
from bench.server import ServerProcess
from bench.suite import Case, Suite
from pycore.client import LedgerClient
from pycore.ledger import Account, Ledger

_ACCOUNTS = 10_000
_ROUNDS = 4
_SECONDS = 1.5
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


class Servers:
    """The ledger's server and the two empty ones, the client, and what the client was told."""

    def __init__(self, dsn: str, suite: Suite) -> None:
        self._suite = suite
        environment = {"PYCORE_LEDGER_JOURNAL_KEY": books.KEY.secret.hex()}
        self.ledger = ServerProcess(dsn=dsn, data=suite.folder / "server", environment=environment)
        self._echoes = {kind: Child(["bench.echo", kind]) for kind in ("grpc", "http")}
        self._addresses = {kind: echo.line() for kind, echo in self._echoes.items()}
        self._client = Child(["bench.load"])
        self._runs = 0
        self.transfers = 0
        self.amount = 0

    async def load(self, spec: Spec, target: str) -> Outcome:
        """Run a client against the ledger or the empty server."""
        self._runs += 1
        kind = "http" if spec.door == "http" else "grpc"
        ledger = self.ledger.http_address if kind == "http" else self.ledger.grpc_address
        address = ledger if target == "ledger" else self._addresses[kind]
        told = msgspec.structs.replace(spec, address=address, seed=self._runs)
        self._client.tell(msgspec.json.encode(msgspec.structs.replace(told, target=target)).decode())
        outcome = msgspec.json.decode(await asyncio.to_thread(self._client.line), type=Outcome)
        if target == "ledger":
            self.transfers += outcome.transfers
            self.amount += outcome.amount
            if outcome.failed:
                raise books.BooksError(f"{outcome.failed} requests failed")
        return outcome

    async def check(self) -> None:
        """Compare the server's totals with what the client was told. Raises BooksError."""
        async with LedgerClient(self.ledger.grpc_address) as client:
            totals = await client.trial_balance()
        if not all(each.balanced for each in totals) or sum(each.debits_posted for each in totals) != self.amount:
            raise books.BooksError(f"{totals} in the ledger, {self.amount} acknowledged")

    def stop(self) -> None:
        """End all of them."""
        for child in (self._client, *self._echoes.values()):
            child.kill()
        self.ledger.stop()

    def pids(self) -> dict[str, int]:
        """Return the processes that use CPU for a run against the ledger."""
        return {"server": self.ledger.pid, "client": self._client.pid}


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
                result = await _ceiling(suite, servers, door)
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
    async with LedgerClient(servers.ledger.grpc_address) as client:
        for first in range(1, _ACCOUNTS + 1, 5000):
            await client.create_accounts([Account(id=first + n, ledger=LEDGER, code=1) for n in range(5000)])


async def _ceiling(suite: Suite, servers: Servers, door: Door) -> Result:
    seconds = suite.seconds(_SECONDS)
    spec = msgspec.structs.replace(
        door.spec, seconds=seconds, requests_max=int(door.rate_max * seconds) // door.spec.batch, accounts=_ACCOUNTS
    )
    # The first run of a kind pays for connections and caches.
    warm_up = msgspec.structs.replace(spec, seconds=0.3, requests_max=spec.requests_max // 10 + 1)
    await servers.load(warm_up, "ledger")
    found, empty, cpu = [], [], dict[str, float]()
    for _ in range(_ROUNDS):
        meter = suite.cpu(**servers.pids())
        found.append(await servers.load(spec, "ledger"))
        cpu = _sum([cpu, meter.read()])
        empty.append(await servers.load(spec, "echo"))
    return compared(
        door.name,
        median(each.transfers / each.seconds for each in found),
        "transfers/s",
        median(each.transfers / each.seconds for each in empty),
        parameters={
            "loop": "closed",
            "callers": spec.callers,
            "batch": spec.batch,
            "client_processes": 1,
            "latency_ms": found[-1].latency_ms,
            "baseline_latency_ms": empty[-1].latency_ms,
            "refused": sum(each.refused for each in found),
        },
        cpu=cpu | {"client": sum(each.cpu_seconds for each in found)},
    )


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


def _sum(readings: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for reading in readings:
        for name, seconds in reading.items():
            total[name] = round(total.get(name, 0.0) + seconds, 2)
    return total


CASES = (Case(doors, (*(door.name for door in _doors()), *_OPEN)),)
