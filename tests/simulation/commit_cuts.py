"""T2: the connection to PostgreSQL breaks exactly around COMMIT.

The story: the writer sends a batch, and the connection dies. Did the batch become durable? The writer cannot know until
it has come back and looked. If it guesses "no" and tells the caller that nothing was recorded, a caller who then pays
another way pays twice. If it guesses "yes", money is lost. And a statement may still be on its way while the writer is
already back: it must not commit later, behind the writer's back.

A proxy between writer and PostgreSQL cuts the append before it arrives, in the middle, after it was sent, after the
reply, or holds it back until the writer has returned.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Protocol

import asyncpg

from bench.database import DatabaseServer
from pycore.errors import LedgerUnavailableError, OutcomeUnknownError
from pycore.ledger import JournalKey, Ledger, verify
from tests.simulation.cutting_proxy import Cut, CuttingProxy
from tests.simulation.payment_cuts import PaymentCuts
from tests.simulation.report import Arguments, Outcome, main
from tests.simulation.transfer_cuts import TransferCuts

KEY = JournalKey(bytes(range(32)))
_HANG_SECONDS = 120.0
_CHECK_EVERY_CUTS = 10
_AWAY_SHARE = 0.05
_AWAY_SECONDS = 2.5
"""Longer than the writer leaves its callers without an answer."""


class CommitCutError(AssertionError):
    """An answer did not agree with what is durable."""


class Load(Protocol):
    """What is asked of the ledger while connections are cut, and how to tell whether the answers are true."""

    def requests(self, count: int) -> Sequence[Any]:
        """Return about so many new requests."""

    async def ask(self, request: Any) -> Any:
        """Return the final answer. Raises what leaves none."""

    def note(self, request: Any, answer: Any) -> None:
        """Believe an answer. Raises AssertionError for one that no caller expects."""

    def forgo(self, request: Any) -> None:
        """Believe that nothing was recorded, and never ask again."""

    async def check(self) -> None:
        """Compare answers and books. Raises AssertionError."""

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""


LOADS: dict[str, Callable[[Ledger, str, Random], Awaitable[Load]]] = {
    "transfers": TransferCuts.open,
    "payments": PaymentCuts.open,
}


class Asked(NamedTuple):
    """A request and what the caller was told at the first try."""

    request: Any
    answer: Any


class CommitCuts:
    """A ledger behind the proxy, and callers who are cut off from it."""

    def __init__(self, load: Load, proxy: CuttingProxy, random: Random) -> None:
        self._load = load
        self._proxy = proxy
        self._random = random
        self.refused = 0
        self.unknown = 0

    async def cut_once(self) -> None:
        """Send requests until the connection was broken under one of their batches, and settle every answer."""
        cuts = self._proxy.cuts
        while self._proxy.cuts == cuts:
            await self._cut_under_a_few()

    async def _cut_under_a_few(self) -> None:
        if self._random.random() < _AWAY_SHARE:
            self._proxy.stay_away(_AWAY_SECONDS)
        self._proxy.cut_next_append(self._random.choice(list(Cut)))
        # Some come together and share the batch, some come while it is not settled yet.
        requests = self._load.requests(self._random.randint(1, 5))
        delays = [self._random.choice((0.0, 0.0, 0.005, 0.02)) for _ in requests]
        asked = await asyncio.gather(*map(self._ask, requests, delays))
        for request, answer in asked:
            if isinstance(answer, LedgerUnavailableError):
                # The caller was told that nothing was recorded: half of them believe it and go elsewhere.
                if self._random.random() < 0.5:
                    self.refused += 1
                    self._load.forgo(request)
                else:
                    await self._settle(request)
            elif isinstance(answer, OutcomeUnknownError):
                self.unknown += 1
                await self._settle(request)
            elif isinstance(answer, Exception):
                raise CommitCutError(f"an answer no caller expects: {answer!r}") from answer
            else:
                self._load.note(request, answer)

    async def _ask(self, request: Any, delay: float = 0.0) -> Asked:
        await asyncio.sleep(delay)
        try:
            return Asked(request, await self._load.ask(request))
        except Exception as error:
            return Asked(request, error)

    async def _settle(self, request: Any) -> None:
        """Ask again with the same id until there is a final answer."""
        while True:
            answer = (await self._ask(request)).answer
            if not isinstance(answer, Exception):
                self._load.note(request, answer)
                return
            await asyncio.sleep(0.02)


async def simulate(arguments: Arguments) -> Outcome:
    """Cut ``count`` times. Raises CommitCutError for an answer that is not true, TimeoutError for a hang."""
    random = Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="commit-cuts-") as name:
        folder = Path(name)
        async with DatabaseServer(folder / "postgres") as server:
            dsn = await server.create("cuts")
            behind = folder / "proxy"
            behind.mkdir()
            async with CuttingProxy(str(behind / server.socket.name), str(server.socket)) as proxy:
                opening = Ledger.open(dsn=server.through(dsn, behind), data=folder / "ledger", key=KEY)
                async with opening as ledger:
                    load = await LOADS[arguments.load](ledger, dsn, random)
                    cuts = CommitCuts(load, proxy, random)
                    try:
                        await _cut(cuts, load, arguments)
                    except AssertionError as error:
                        raise CommitCutError(str(error)) from error
            connection = await asyncpg.connect(dsn)
            report = await verify(connection, KEY.secret)
            await connection.close()
    if report.findings or report.transfers != load.transfers:
        raise CommitCutError(f"{report.transfers} transfers for {load.transfers} answers; {report.findings}")
    return {"cuts": proxy.cuts, **load.outcome(), "unknown": cuts.unknown, "refused": cuts.refused}


async def _cut(cuts: CommitCuts, load: Load, arguments: Arguments) -> None:
    for number in arguments.progress(range(arguments.count)):
        await asyncio.wait_for(cuts.cut_once(), _HANG_SECONDS)
        if number % _CHECK_EVERY_CUTS == 0:
            await load.check()
    await load.check()


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("commit_cuts", run, count=500, loads=list(LOADS))
