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
from pathlib import Path
from random import Random
from typing import NamedTuple

import asyncpg

from bench.database import DatabaseServer
from pycore.errors import LedgerUnavailableError, OutcomeUnknownError
from pycore.ids import new_id
from pycore.ledger import (
    Account,
    CreateTransferResult,
    CreateTransferStatus,
    JournalKey,
    Ledger,
    LedgerTotals,
    Transfer,
    verify,
)
from tests.simulation.cutting_proxy import Cut, CuttingProxy
from tests.simulation.report import Arguments, Outcome, main

LEDGER = 840
KEY = JournalKey(bytes(range(32)))
_ACCOUNTS = 8
_HANG_SECONDS = 120.0
_CHECK_EVERY_CUTS = 10
_AWAY_SHARE = 0.05
_AWAY_SECONDS = 2.5
"""Longer than the writer leaves its callers without an answer."""
_CREATED = (CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS)


class CommitCutError(AssertionError):
    """An answer did not agree with what is durable."""


class Asked(NamedTuple):
    """A transfer and what the caller was told at the first try."""

    transfer: Transfer
    answer: CreateTransferResult | Exception


class CommitCuts:
    """A ledger behind the proxy, and what its callers were told."""

    def __init__(self, ledger: Ledger, proxy: CuttingProxy, random: Random) -> None:
        self._ledger = ledger
        self._proxy = proxy
        self._random = random
        self.created: dict[int, Transfer] = {}
        self.never: set[int] = set()
        self.unknown = 0

    async def cut_once(self) -> None:
        """Send a few requests, break the connection under one of their batches, and settle every answer."""
        if self._random.random() < _AWAY_SHARE:
            self._proxy.stay_away(_AWAY_SECONDS)
        self._proxy.cut_next_append(self._random.choice(list(Cut)))
        # Some come together and share the batch, some come while it is not settled yet.
        delays = [self._random.choice((0.0, 0.0, 0.005, 0.02)) for _ in range(self._random.randint(1, 5))]
        asked = await asyncio.gather(*[self._ask(self._transfer(), delay) for delay in delays])
        for transfer, answer in asked:
            if isinstance(answer, LedgerUnavailableError):
                # The caller was told that nothing was recorded: half of them believe it and go elsewhere.
                if self._random.random() < 0.5:
                    self.never.add(transfer.id)
                else:
                    await self._settle(transfer)
            elif isinstance(answer, OutcomeUnknownError):
                self.unknown += 1
                await self._settle(transfer)
            elif isinstance(answer, Exception):
                raise CommitCutError(f"an answer no caller expects: {answer!r}") from answer
            else:
                self._note(transfer, answer)

    async def _ask(self, transfer: Transfer, delay: float = 0.0) -> Asked:
        await asyncio.sleep(delay)
        try:
            return Asked(transfer, (await self._ledger.create_transfers([transfer]))[0])
        except Exception as error:
            return Asked(transfer, error)

    async def _settle(self, transfer: Transfer) -> None:
        """Ask again with the same id until there is a final answer."""
        while True:
            answer = (await self._ask(transfer)).answer
            if not isinstance(answer, Exception):
                self._note(transfer, answer)
                return
            await asyncio.sleep(0.02)

    def _note(self, transfer: Transfer, answer: CreateTransferResult) -> None:
        if answer.status not in _CREATED:
            raise CommitCutError(f"transfer {transfer.id}: {answer.status.name}")
        self.created[transfer.id] = transfer

    def _transfer(self) -> Transfer:
        debit, credit = self._random.sample(range(1, _ACCOUNTS + 1), 2)
        amount = self._random.randint(1, 1000)
        return Transfer(
            id=new_id(), debit_account_id=debit, credit_account_id=credit, amount=amount, ledger=LEDGER, code=1
        )

    async def check(self) -> None:
        """Compare what callers were told with what is in the ledger."""
        found = {each.id for id in (self.created, self.never) for each in await self._lookup(list(id))}
        if lost := self.created.keys() - found:
            raise CommitCutError(f"{len(lost)} acknowledged transfers are lost")
        if found & self.never:
            raise CommitCutError("a transfer is there, although its caller was told that nothing was recorded")
        moved = sum(transfer.amount for transfer in self.created.values())
        _check_totals(self._ledger.trial_balance(), moved)

    async def _lookup(self, ids: list[int]) -> list[Transfer]:
        pages = [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
        return [transfer for page in pages for transfer in await self._ledger.lookup_transfers(page)]


def _check_totals(totals: list[LedgerTotals], moved: int) -> None:
    if not all(each.balanced for each in totals) or sum(each.debits_posted for each in totals) != moved:
        raise CommitCutError(f"the trial balance {totals} is not the {moved} that was acknowledged")


async def simulate(arguments: Arguments) -> Outcome:
    """Cut ``count`` times. Raises CommitCutError where an answer and the journal disagree, TimeoutError for a hang."""
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
                    await ledger.create_accounts([Account(id=n + 1, ledger=LEDGER, code=1) for n in range(_ACCOUNTS)])
                    cuts = CommitCuts(ledger, proxy, random)
                    for number in arguments.progress(range(arguments.count)):
                        await asyncio.wait_for(cuts.cut_once(), _HANG_SECONDS)
                        if number % _CHECK_EVERY_CUTS == 0:
                            await cuts.check()
                    await cuts.check()
            connection = await asyncpg.connect(dsn)
            report = await verify(connection, KEY.secret)
            await connection.close()
    if report.findings or report.transfers != len(cuts.created):
        raise CommitCutError(f"{report.transfers} transfers for {len(cuts.created)} answers; {report.findings}")
    return {"cuts": proxy.cuts, "transfers": report.transfers, "unknown": cuts.unknown, "refused": len(cuts.never)}


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("commit_cuts", run, count=500)
