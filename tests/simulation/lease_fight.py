"""T3: two writers fight for the lease.

The story: a node is thought dead and another takes over, but the first one lives and has a batch on its way. If both
can commit, the same payment is recorded twice, or one history overwrites the other. The epoch decides: it is checked in
the very transaction that appends, so after a takeover the old writer can record nothing.

In every try the reigning writer is flooded with requests while a second one takes the ledger by force; both are given
the same transfers. Whatever the two answered must fit one single history.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from random import Random

import asyncpg

from bench.database import DatabaseServer
from pycore.errors import LedgerFencedError, LedgerUnavailableError, OutcomeUnknownError
from pycore.ids import new_id
from pycore.ledger import Account, CreateTransferStatus, JournalKey, Ledger, Transfer, verify
from tests.simulation.report import Arguments, Outcome, main

LEDGER = 826
KEY = JournalKey(bytes(range(32)))
_ACCOUNTS = 6
_REQUESTS = 12
_HANG_SECONDS = 120.0


class LeaseFightError(AssertionError):
    """Two writers both recorded, or an answer was not kept."""


class LeaseFight:
    """The ledgers of two rivals over one database, and what they acknowledged."""

    def __init__(self, dsn: str, folder: Path, random: Random) -> None:
        self._dsn = dsn
        self._folder = folder
        self._random = random
        self._opened = 0
        self._ledgers: list[Ledger] = []
        self.created: dict[int, int] = {}
        self.fenced = 0

    async def open(self, *, take_over: bool) -> Ledger:
        """Open the ledger, by force if need be."""
        self._opened += 1
        data = self._folder / f"rival-{self._opened % 2}"
        ledger = await Ledger.open(dsn=self._dsn, data=data, key=KEY, take_over=take_over)
        self._ledgers.append(ledger)
        return ledger

    async def close(self) -> None:
        """Close whatever is open; a loser may say that it lost."""
        while self._ledgers:
            with contextlib.suppress(LedgerFencedError, LedgerUnavailableError):
                await self._ledgers.pop(0).close()

    async def fight(self, reigning: Ledger) -> Ledger:
        """Let a rival take over from ``reigning`` in the middle of its work, and return the rival."""
        transfers = [self._transfer() for _ in range(_REQUESTS)]
        flood = asyncio.create_task(self._flood(reigning, transfers))
        await asyncio.sleep(self._random.random() * 0.02)
        rival = await self.open(take_over=True)
        # The old one is still being asked while the new one gets the same transfers.
        answers = await asyncio.gather(*[self._ask(rival, transfer) for transfer in transfers])
        first_answers = await flood
        for transfer, before, after in zip(transfers, first_answers, answers, strict=True):
            self._judge(transfer, before, after)
        self._ledgers.remove(reigning)
        with contextlib.suppress(LedgerFencedError, LedgerUnavailableError):
            await reigning.close()
        return rival

    async def _flood(self, ledger: Ledger, transfers: list[Transfer]) -> list[int | Exception]:
        answers: list[int | Exception] = []
        for transfer in transfers:
            answers.append(await self._ask(ledger, transfer))
            await asyncio.sleep(self._random.random() * 0.01)
        return answers

    async def _ask(self, ledger: Ledger, transfer: Transfer) -> int | Exception:
        """Return when the transfer was recorded, as told; negative where it had been there already."""
        try:
            result = (await ledger.create_transfers([transfer]))[0]
        except (LedgerFencedError, LedgerUnavailableError, OutcomeUnknownError) as error:
            return error
        if result.status is CreateTransferStatus.EXISTS:
            return -result.timestamp
        if result.status is not CreateTransferStatus.CREATED:
            raise LeaseFightError(f"transfer {transfer.id}: {result.status.name}")
        return result.timestamp

    def _judge(self, transfer: Transfer, before: int | Exception, after: int | Exception) -> None:
        if isinstance(after, Exception):
            raise LeaseFightError(f"the winner could not write: {after!r}") from after
        if isinstance(before, int) and before > 0 and after != -before:
            raise LeaseFightError(f"transfer {transfer.id}: recorded at {before}, but the new writer says {after}")
        if isinstance(before, (LedgerFencedError, LedgerUnavailableError)):
            self.fenced += 1
            if after < 0:
                raise LeaseFightError(f"transfer {transfer.id}: recorded, but its caller was told otherwise")
        self.created[transfer.id] = transfer.amount

    def _transfer(self) -> Transfer:
        debit, credit = self._random.sample(range(1, _ACCOUNTS + 1), 2)
        amount = self._random.randint(1, 1000)
        return Transfer(
            id=new_id(), debit_account_id=debit, credit_account_id=credit, amount=amount, ledger=LEDGER, code=1
        )


async def simulate(arguments: Arguments) -> Outcome:
    """Fight ``count`` times. Raises LeaseFightError where both recorded, TimeoutError for a hang."""
    random = Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="lease-fight-") as name:
        folder = Path(name)
        async with DatabaseServer(folder / "postgres") as server:
            dsn = await server.create("fight")
            fight = LeaseFight(dsn, folder, random)
            try:
                ledger = await fight.open(take_over=False)
                await ledger.create_accounts([Account(id=n + 1, ledger=LEDGER, code=1) for n in range(_ACCOUNTS)])
                for _ in arguments.progress(range(arguments.count)):
                    ledger = await asyncio.wait_for(fight.fight(ledger), _HANG_SECONDS)
            finally:
                await fight.close()
            connection = await asyncpg.connect(dsn)
            report = await verify(connection, KEY.secret)
            moved = await connection.fetchval("SELECT sum(debits_posted) FROM accounts")
            await connection.close()
    if report.findings or report.transfers != len(fight.created) or moved != sum(fight.created.values()):
        raise LeaseFightError(f"{report.transfers} transfers for {len(fight.created)} answers; {report.findings}")
    return {"takeovers": arguments.count, "transfers": report.transfers, "refused_by_the_loser": fight.fenced}


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("lease_fight", run, count=1_000)
