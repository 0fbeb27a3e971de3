"""What every workload is given: a PostgreSQL server, fresh ledgers, a clock that can be shortened."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bench import books, records
from bench.database import DatabaseServer
from bench.process import CpuMeter
from bench.result import Result
from pycore.config import LedgerSettings
from pycore.ledger import CreateTransferStatus, Ledger, Operation

Workload = Callable[["Suite"], AsyncIterator[Result]]

_ACCOUNTS_PER_REQUEST = 8190


class Case(NamedTuple):
    """A workload and the names of its results, by which it is chosen."""

    run: Workload
    names: tuple[str, ...]


class Suite:
    """One run of the bench: ``async with Suite(quick=…) as suite``."""

    def __init__(self, prefixes: Sequence[str] = (), *, quick: bool = False) -> None:
        """``prefixes`` choose results by the beginnings of their names; none: all.

        ``quick`` shortens everything to see that it works; its figures mean nothing.
        """
        self._prefixes = tuple(prefixes)
        self.quick = quick
        self._temporary = tempfile.TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._temporary.name)
        self.database = DatabaseServer(self.folder / "postgres", shared_buffers_mib=512)
        self._databases = 0

    async def __aenter__(self) -> Self:
        await self.database.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.__aexit__()
        self._temporary.cleanup()

    def wants(self, *names: str) -> bool:
        """Return whether any of these results is wanted."""
        return not self._prefixes or any(name.startswith(self._prefixes) for name in names)

    def seconds(self, seconds: float) -> float:
        """Return how long to measure."""
        return 0.3 if self.quick else seconds

    def count(self, count: int) -> int:
        """Return how many to make."""
        return max(8190, count // 500) if self.quick else count

    def cpu(self, **pids: int) -> CpuMeter:
        """Return a meter of this PostgreSQL's and other processes' CPU seconds."""
        return CpuMeter(self.database.pid, pids)

    @asynccontextmanager
    async def new_database(self) -> AsyncIterator[str]:
        """Make a database for the length of the block; gives how to connect to it."""
        self._databases += 1
        name = f"bench_{self._databases}"
        try:
            yield await self.database.create(name)
        finally:
            await self.database.drop(name)

    @asynccontextmanager
    async def new_ledger(
        self, *, accounts: int = 10_000, flags: int = 0, settings: LedgerSettings | None = None
    ) -> AsyncIterator[Ledger]:
        """Open a ledger with accounts in it; at the end its journal must rebuild the same state."""
        async with self.new_database() as dsn:
            async with Ledger.open(dsn=dsn, data=self.folder, key=books.KEY, settings=settings) as ledger:
                await create_accounts(ledger, accounts, flags=flags)
                yield ledger
                state = ledger.state_hash()
            await books.check_rebuild(dsn, state)


async def create_accounts(ledger: Ledger, count: int, *, flags: int = 0) -> None:
    """Create accounts 1 to ``count``. Raises BooksError where one is refused."""
    for first in range(1, count + 1, _ACCOUNTS_PER_REQUEST):
        batch = records.accounts(min(_ACCOUNTS_PER_REQUEST, count + 1 - first), first=first, flags=flags)
        expect_created([await ledger.submit(Operation.CREATE_ACCOUNTS, batch.tobytes())])


def expect_created(results: list[bytes]) -> int:
    """Return how many results there are. Raises BooksError unless every one says ``created``."""
    statuses = _statuses(results)
    if not (statuses == CreateTransferStatus.CREATED).all():
        raise books.BooksError(f"events were refused: {set(statuses.tolist())}")
    return len(statuses)


def expect(results: list[bytes], expected: Mapping[int, int]) -> int:
    """Return how many results there are. Raises BooksError unless each piece has so many of each status."""
    found = Counter(_statuses(results).tolist())
    if found != Counter({status: count * len(results) for status, count in expected.items()}):
        raise books.BooksError(f"{found} for {len(results)} requests, each expected to give {expected}")
    return found.total()


def _statuses(results: list[bytes]) -> npt.NDArray[np.uint32]:
    return np.frombuffer(b"".join(results), "<u4")[2::4]


async def let_settle(ledger: Ledger) -> None:
    """Return when the projection has caught up and every full chunk is indexed, so that each round starts alike."""
    await ledger.flush_projection()
    while True:
        stats = ledger.stats()
        if stats.window_transfers < 1 << 20 and stats.projected_lsn == stats.lsn:
            return
        await asyncio.sleep(0.05)
        await ledger.flush_projection()
