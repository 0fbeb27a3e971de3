"""T1: ``kill -9`` of our process, of PostgreSQL, of both, at random moments under load.

The story: machines lose power and processes are killed while thousands of payments are on their way. Whoever was told
that a transfer was recorded must find it afterwards, once; whoever was told nothing may ask again with the same id and
gets one final answer. An outside process that is never killed writes down every intention and every answer; after each
restart the ledger is compared with that log alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Protocol

import asyncpg

from bench.database import DatabaseServer
from bench.process import Child
from bench.server import ServerProcess
from pycore.ledger import JournalKey, verify
from pycore.store.layout import Layout
from pycore.store.leftover import postmaster_pid
from tests.simulation.operator import operator
from tests.simulation.payment_load import PaymentLoad
from tests.simulation.report import Arguments, Outcome, main
from tests.simulation.transfer_load import TransferLoad

_LOAD_SECONDS_MAX = 0.6
_HANG_SECONDS = 180
_VERIFY_EVERY_CYCLES = 100


class TortureError(AssertionError):
    """The ledger does not say what its callers were told."""


class Kill(StrEnum):
    """What is killed."""

    SERVER = "server"
    POSTGRESQL = "postgresql"
    BACKEND = "backend"  # one of PostgreSQL's processes, whereupon it restarts all of them
    BOTH = "both"


class Load(Protocol):
    """What is asked of the server while it is killed, and how to tell whether it answered the truth."""

    async def open(self, address: str, http: str, data: Path, seed: int) -> list[str]:
        """Prepare the server's data; return the command of the witness, which asks."""

    async def compare(self, address: str, data: Path, log: Path) -> None:
        """Compare the server with the witness's log. Raises AssertionError."""

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""


LOADS: dict[str, Callable[[], Load]] = {"transfers": TransferLoad, "payments": PaymentLoad}


class Torture:
    """The server, the witness, and the books that follow from the witness's log."""

    def __init__(
        self, folder: Path, seed: int, load: Load, *, chunk_size: int = 1 << 14, module: Sequence[str] = ("api",)
    ) -> None:
        """``module`` is the program that serves; the harness test gives one without a protection."""
        self._folder = folder
        self._data = folder / "data"
        self._module = module
        self._environment = {"PYCORE_LEDGER_CHUNK_SIZE": str(chunk_size)}
        self._random = Random(seed)
        self._load = load
        self.cycles = 0
        self._http = "127.0.0.1:0"
        self._server = self._start("127.0.0.1:0")
        # The same again after each restart: what is answered names it.
        self._http = self._server.http_address
        self._address = self._server.grpc_address
        self._witness = Child(asyncio.run(load.open(self._address, self._http, self._data, seed)))
        self._witness.line()
        self.kills: Counter[str] = Counter()
        self.requests = 0

    def _start(self, address: str) -> ServerProcess:
        return ServerProcess(
            data=self._data,
            grpc=address,
            http=self._http,
            module=self._module,
            environment=self._environment,
            log=self._folder / "server.log",
        )

    async def cycle(self) -> None:
        """Load, kill, restart, and compare. Raises TortureError."""
        self.cycles += 1
        log = self._folder / f"witness-{self.cycles}.log"
        self._witness.tell(f"run {log}")
        await asyncio.sleep(self._random.uniform(0.02, _LOAD_SECONDS_MAX))
        kill = self._random.choice(list(Kill))
        self._kill(kill)
        self.kills[kill] += 1
        if kill in (Kill.SERVER, Kill.BOTH):
            self._server = self._start(self._address)
        elif self._random.random() < 0.3:
            # Recovery is killed as well.
            await asyncio.sleep(self._random.uniform(0.0, 0.3))
            self._server.kill()
            self._server = self._start(self._address)
        await self._pause()
        await self._compare(log)
        log.unlink()

    def _kill(self, kill: Kill) -> None:
        postmaster = postmaster_pid(Layout(self._data))
        if kill in (Kill.SERVER, Kill.BOTH):
            # Both at once: stopped first, so that neither sees the other die.
            os.kill(self._server.pid, signal.SIGSTOP)
        if kill in (Kill.POSTGRESQL, Kill.BOTH) and postmaster is not None:
            kill_processes([postmaster, *children(postmaster)] if self._random.random() < 0.5 else [postmaster])
        if kill is Kill.BACKEND and postmaster is not None:
            kill_processes(self._random.sample(found, 1) if (found := children(postmaster)) else [])
        if kill in (Kill.SERVER, Kill.BOTH):
            self._server.kill()

    async def _pause(self) -> None:
        """Let the witness settle every intention. Raises TortureError for a hang or an answer that changed."""
        self._witness.tell("pause")
        try:
            line = await asyncio.wait_for(asyncio.to_thread(self._witness.line), _HANG_SECONDS)
        except TimeoutError:
            raise TortureError("a caller waits for a final answer for ever") from None
        _, requests, contradictions = line.split()
        self.requests = int(requests)
        if int(contradictions):
            raise TortureError(f"{contradictions} requests were answered differently when asked again")

    async def _compare(self, log: Path) -> None:
        await self._load.compare(self._address, self._data, log)
        async with operator(self._address, self._data, timeout_seconds=_HANG_SECONDS) as client:
            totals = await client.trial_balance()
        if not all(each.balanced for each in totals):
            raise TortureError(f"the trial balance does not balance: {totals}")

    async def verify(self) -> None:
        """Stop the server and verify journal and projection. Raises TortureError."""
        self._server.stop()
        async with DatabaseServer(self._data) as database:
            connection = await asyncpg.connect(database.dsn)
            try:
                report = await verify(connection, JournalKey.from_file(self._data / "journal.key").secret)
            finally:
                await connection.close()
        if report.findings or report.transfers != self._load.transfers:
            raise TortureError(
                f"{report.transfers} transfers recorded, {self._load.transfers} acknowledged; {report.findings}"
            )
        self._server = self._start(self._address)

    def close(self) -> None:
        """End what still runs."""
        self._witness.kill()
        self._server.stop()


def children(pid: int) -> list[int]:
    """Return the processes a process has started that still live."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_processes(pids: list[int]) -> None:
    """Kill them; some may be gone already."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def simulate(arguments: Arguments, *, chunk_size: int = 1 << 14, module: Sequence[str] = ("api",)) -> Outcome:
    """Kill ``count`` times. Raises TortureError; the data folder and the logs are kept then."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    load = LOADS[arguments.load]()
    torture = await asyncio.to_thread(Torture, folder, arguments.seed, load, chunk_size=chunk_size, module=module)
    try:
        for cycle in arguments.progress(range(1, arguments.count + 1)):
            await torture.cycle()
            if cycle % _VERIFY_EVERY_CYCLES == 0:
                await torture.verify()
        await torture.verify()
    except Exception as error:
        raise TortureError(f"{error} (cycle {torture.cycles}, kept: {folder})") from error
    finally:
        torture.close()
    shutil.rmtree(folder)
    kills = {f"killed_{kind}": torture.kills[kind] for kind in Kill}
    return {
        "cycles": arguments.count,
        **kills,
        "requests": torture.requests,
        **load.outcome(),
        "lost": 0,
        "doubled": 0,
        "broken_invariants": 0,
    }


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("torture", run, count=1000, option="cycles", loads=list(LOADS))
