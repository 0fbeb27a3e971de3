"""B9 and B11: how long a start takes with history behind it, and whether a ledger slows down or swells as it grows.

One ledger grows to 20 million transfers; on its way it is stopped and started. The processes that fill it are not this
one, so that their memory is theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec

from bench import books
from bench.fill import ACCOUNTS, BATCH, Answer, Command
from bench.process import Child
from bench.result import Result, compared
from bench.suite import Case, Suite
from pycore.ledger import Ledger

_MILLION = 1_000_000
_SECONDS = 3.0
# Between two points where the window is about as full, so that only what grows for ever makes a difference.
_MEMORY_FROM, _MEMORY_TO = 12 << 20, 20 << 20


class Filler:
    """The process that fills, and the commands to it."""

    def __init__(self, dsn: str, suite: Suite, *, project: bool = True) -> None:
        self._child = Child(["bench.fill", dsn, str(suite.folder), *([] if project else ["--no-projection"])])
        self._child.line()

    async def tell(self, command: Command) -> Answer:
        """Return the answer to a command."""
        self._child.tell(msgspec.json.encode(command).decode())
        return msgspec.json.decode(await asyncio.to_thread(self._child.line), type=Answer)

    def die(self) -> None:
        """End it as a kill would: nothing is closed, nothing is projected."""
        self._child.tell(msgspec.json.encode(Command(do="die")).decode())
        self._child.process.wait()
        self._child.kill()

    def finish(self) -> None:
        """Let it close the ledger and end."""
        self._child.end_of_input()


async def _recovery(suite: Suite, dsn: str, name: str, left: Answer) -> Result:
    """Open the ledger, check that it is the one that was left, and close it."""
    started = time.perf_counter()
    ledger = await Ledger.open(dsn=dsn, data=suite.folder, key=books.KEY)
    seconds = time.perf_counter() - started
    try:
        books.check(ledger, created=left.transfers)
        if ledger.state_hash().hex() != left.state_hash:
            raise books.BooksError("the recovered state is not the one that was left")
    finally:
        await ledger.close()
    return Result(name=name, value=seconds, unit="s", parameters={"transfers": left.transfers, "accounts": ACCOUNTS})


async def growth(suite: Suite) -> AsyncIterator[Result]:
    """Grow one ledger and measure on the way."""
    async with suite.new_database() as dsn:
        filler = Filler(dsn, suite, project=False)
        left = await filler.tell(Command(do="fill", transfers=suite.count(_MILLION)))
        filler.die()
        yield await _recovery(suite, dsn, "recovery_unprojected_1m", left)

        seconds = suite.seconds(_SECONDS)
        filler = Filler(dsn, suite)
        at_1m = await filler.tell(Command(do="measure", seconds=seconds))
        left = await filler.tell(Command(do="fill", transfers=suite.count(10 * _MILLION)))
        filler.finish()
        yield await _recovery(suite, dsn, "recovery_projected_10m", left)

        filler = Filler(dsn, suite)
        at_10m = await filler.tell(Command(do="measure", seconds=seconds))
        before = await filler.tell(Command(do="fill", transfers=suite.count(_MEMORY_FROM)))
        after = await filler.tell(Command(do="fill", transfers=suite.count(_MEMORY_TO)))
        at_20m = await filler.tell(Command(do="measure", seconds=seconds))
        filler.finish()
        grown = max(after.transfers - before.transfers, 1)
        yield compared(
            "growth_20m",
            at_20m.rate,
            "transfers/s",
            at_1m.rate,
            parameters={
                "batch": BATCH,
                "loop": "closed",
                "at_10m": round(at_10m.rate),
                "transfers": at_20m.transfers,
                "bytes_per_million": round((after.resident_bytes - before.resident_bytes) * _MILLION / grown),
                "resident_bytes": after.resident_bytes,
                "filling_rate": round(after.rate),
            },
        )


CASES = (Case(growth, ("recovery_unprojected_1m", "recovery_projected_10m", "growth_20m")),)
