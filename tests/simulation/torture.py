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
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from random import Random

import asyncpg

from bench.database import DatabaseServer
from bench.process import Child
from bench.server import ServerProcess
from pycore.client import LedgerClient
from pycore.ledger import JournalKey, verify
from pycore.store.layout import Layout
from pycore.store.leftover import postmaster_pid
from tests.simulation import witness
from tests.simulation.expected_books import ExpectedBooks
from tests.simulation.report import Arguments, Outcome, main

_LOAD_SECONDS_MAX = 0.6
_HANG_SECONDS = 180
_VERIFY_EVERY_CYCLES = 100
_LOOKUP = 4000


class TortureError(AssertionError):
    """The ledger does not say what its callers were told."""


class Kill(StrEnum):
    """What is killed."""

    SERVER = "server"
    POSTGRESQL = "postgresql"
    BACKEND = "backend"  # one of PostgreSQL's processes, whereupon it restarts all of them
    BOTH = "both"


class Torture:
    """The server, the witness, and the books that follow from the witness's log."""

    def __init__(self, folder: Path, seed: int, *, chunk_size: int = 1 << 14, module: Sequence[str] = ("api",)) -> None:
        """``module`` is the program that serves; the harness test gives one without a protection."""
        self._folder = folder
        self._data = folder / "data"
        self._module = module
        self._environment = {"PYCORE_LEDGER_CHUNK_SIZE": str(chunk_size)}
        self._random = Random(seed)
        self._books = ExpectedBooks()
        self._cycle = 0
        self._server = self._start("127.0.0.1:0")
        self._address = self._server.grpc_address
        self._witness = Child(["tests.simulation.witness", self._address, "--seed", str(seed)])
        self._witness.line()
        self.kills: Counter[str] = Counter()
        self.requests = 0

    def _start(self, address: str) -> ServerProcess:
        return ServerProcess(
            data=self._data,
            grpc=address,
            module=self._module,
            environment=self._environment,
            log=self._folder / "server.log",
        )

    async def cycle(self) -> None:
        """Load, kill, restart, and compare. Raises TortureError."""
        self._cycle += 1
        log = self._folder / f"witness-{self._cycle}.log"
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
            _kill_processes([postmaster, *_children(postmaster)] if self._random.random() < 0.5 else [postmaster])
        if kill is Kill.BACKEND and postmaster is not None:
            _kill_processes(self._random.sample(children, 1) if (children := _children(postmaster)) else [])
        if kill in (Kill.SERVER, Kill.BOTH):
            self._server.kill()

    async def _pause(self) -> None:
        """Let the witness settle every intention. Raises TortureError for a hang or an answer that changed."""
        self._witness.tell("pause")
        try:
            line = await asyncio.wait_for(asyncio.to_thread(self._witness.line), _HANG_SECONDS)
        except TimeoutError:
            raise TortureError(f"cycle {self._cycle}: a caller waits for a final answer for ever") from None
        _, requests, contradictions = line.split()
        self.requests = int(requests)
        if int(contradictions):
            raise TortureError(f"cycle {self._cycle}: {contradictions} transfers were created twice or at another time")

    async def _compare(self, log: Path) -> None:
        ids = self._books.follow(list(witness.read_log(log)))
        async with LedgerClient(self._address, timeout_seconds=_HANG_SECONDS) as client:
            for start in range(0, len(ids), _LOOKUP):
                page = ids[start : start + _LOOKUP]
                lost = len(page) - len(await client.lookup_transfers(page))
                if lost:
                    raise TortureError(f"cycle {self._cycle}: {lost} acknowledged transfers are lost")
            accounts = await client.lookup_accounts([account.id for account in witness.accounts()])
            totals = await client.trial_balance()
        differing = [account.id for account in accounts if not self._books.balances[account.id].matches(account)]
        if differing or len(accounts) != witness.ACCOUNTS:
            raise TortureError(f"cycle {self._cycle}: accounts {differing} are not what the answers add up to")
        if not all(each.balanced for each in totals):
            raise TortureError(f"cycle {self._cycle}: the trial balance does not balance: {totals}")

    async def verify(self) -> None:
        """Stop the server and verify journal and projection. Raises TortureError."""
        self._server.stop()
        async with DatabaseServer(self._data) as database:
            connection = await asyncpg.connect(database.dsn)
            try:
                report = await verify(connection, JournalKey.from_file(self._data / "journal.key").secret)
            finally:
                await connection.close()
        if report.findings or report.transfers != self._books.transfers:
            raise TortureError(
                f"cycle {self._cycle}: {report.transfers} transfers recorded, {self._books.transfers} acknowledged;"
                f" {report.findings}"
            )
        self._server = self._start(self._address)

    def close(self) -> None:
        """End what still runs."""
        self._witness.kill()
        self._server.stop()

    @property
    def transfers(self) -> int:
        """How many transfers were acknowledged."""
        return self._books.transfers


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _kill_processes(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def simulate(arguments: Arguments, *, chunk_size: int = 1 << 14, module: Sequence[str] = ("api",)) -> Outcome:
    """Kill ``count`` times. Raises TortureError; the data folder and the logs are kept then."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    torture = await asyncio.to_thread(Torture, folder, arguments.seed, chunk_size=chunk_size, module=module)
    try:
        for cycle in arguments.progress(range(1, arguments.count + 1)):
            await torture.cycle()
            if cycle % _VERIFY_EVERY_CYCLES == 0:
                await torture.verify()
        await torture.verify()
    except Exception as error:
        raise TortureError(f"{error} (kept: {folder})") from error
    finally:
        torture.close()
    shutil.rmtree(folder)
    kills = {f"killed_{kind}": torture.kills[kind] for kind in Kill}
    return {
        "cycles": arguments.count,
        **kills,
        "requests": torture.requests,
        "transfers": torture.transfers,
        "lost": 0,
        "doubled": 0,
        "broken_invariants": 0,
    }


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("torture", run, count=1000, option="cycles")
