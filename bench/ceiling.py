"""The running server and its empty counterparts, one client for all of them, and how a ceiling is measured there.

Server, client and database are processes of their own on one machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import msgspec

from bench import books
from bench.load import Outcome, Spec
from bench.process import Child
from bench.result import Result, compared
from bench.server import ServerProcess
from bench.suite import Suite
from pycore.client import LedgerClient

_ROUNDS = 4
_SECONDS = 1.5


class Servers:
    """The ledger's server and the two empty ones, the client, and what the client was told.

    Attributes:
        transfers: how many transfers there must be.
        amount: what they moved.
    """

    def __init__(self, dsn: str, suite: Suite, *, answer_size: int | None = None) -> None:
        """``answer_size`` is the bytes the empty gRPC server answers with; None: as to one transfer."""
        self._suite = suite
        environment = {"PYCORE_LEDGER_JOURNAL_KEY": books.KEY.secret.hex()}
        self.ledger = ServerProcess(dsn=dsn, data=data_folder(suite), environment=environment)
        size = [] if answer_size is None else ["--answer-size", str(answer_size)]
        self._echoes = {kind: Child(["bench.echo", kind, *size]) for kind in ("grpc", "http")}
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
        told = msgspec.structs.replace(spec, address=address, seed=self._runs, key=self.ledger.operator_key)
        self._client.tell(msgspec.json.encode(msgspec.structs.replace(told, target=target)).decode())
        outcome = msgspec.json.decode(await asyncio.to_thread(self._client.line), type=Outcome)
        if target == "ledger":
            self.transfers += outcome.done
            self.amount += outcome.amount
            if outcome.failed:
                raise books.BooksError(f"{outcome.failed} requests failed")
        return outcome

    async def check(self) -> None:
        """Compare the server's totals with what the client was told. Raises BooksError."""
        async with LedgerClient(self.ledger.grpc_address, api_key=self.ledger.operator_key) as client:
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


async def ceiling(suite: Suite, servers: Servers, name: str, spec: Spec, *, rate_max: int, unit: str) -> Result:
    """Return what a closed loop reaches, in turn with the same loop against the empty server.

    ``rate_max`` (of ``unit``, a second) is what the requests made beforehand suffice for.
    """
    seconds = suite.seconds(_SECONDS)
    spec = msgspec.structs.replace(spec, seconds=seconds, requests_max=int(rate_max * seconds) // spec.batch)
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
        name,
        median(each.done / each.seconds for each in found),
        unit,
        median(each.done / each.seconds for each in empty),
        parameters={
            "loop": "closed",
            "callers": spec.callers,
            "batch": spec.batch,
            "client_processes": 1,
            **({"in_flight": spec.in_flight} if spec.door == "stream" else {}),
            "latency_ms": found[-1].latency_ms,
            "baseline_latency_ms": empty[-1].latency_ms,
            "refused": sum(each.refused for each in found),
        },
        cpu=cpu | {"client": sum(each.cpu_seconds for each in found)},
    )


def data_folder(suite: Suite) -> Path:
    """Return where the server keeps its keys."""
    return suite.folder / "server"


def _sum(readings: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for reading in readings:
        for name, seconds in reading.items():
            total[name] = round(total.get(name, 0.0) + seconds, 2)
    return total
