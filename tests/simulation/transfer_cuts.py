"""T2 with transfers: moves between a few accounts."""

from __future__ import annotations

from random import Random

from pycore.ids import new_id
from pycore.ledger import Account, CreateTransferResult, CreateTransferStatus, Ledger, LedgerTotals, Transfer
from tests.simulation.report import Outcome
from tests.simulation.transfer_load import WrongBooksError

LEDGER = 840
_ACCOUNTS = 8
_LOOKUP = 1000
_CREATED = (CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS)


class TransferCuts:
    """Transfers, and what their callers were told."""

    def __init__(self, ledger: Ledger, random: Random) -> None:
        self._ledger = ledger
        self._random = random
        self._created: dict[int, Transfer] = {}
        self._never: set[int] = set()

    @classmethod
    async def open(cls, ledger: Ledger, _dsn: str, random: Random) -> TransferCuts:
        """Open the accounts."""
        await ledger.create_accounts([Account(id=n + 1, ledger=LEDGER, code=1) for n in range(_ACCOUNTS)])
        return cls(ledger, random)

    def requests(self, count: int) -> list[Transfer]:
        """Return so many requests."""
        return [self._transfer() for _ in range(count)]

    async def ask(self, transfer: Transfer) -> CreateTransferResult:
        """Return the final answer. Raises what leaves none."""
        return (await self._ledger.create_transfers([transfer]))[0]

    def note(self, transfer: Transfer, answer: CreateTransferResult) -> None:
        """Believe an answer. Raises WrongBooksError for one that no caller expects."""
        if answer.status not in _CREATED:
            raise WrongBooksError(f"transfer {transfer.id}: {answer.status.name}")
        self._created[transfer.id] = transfer

    def forgo(self, transfer: Transfer) -> None:
        """Believe that nothing was recorded, and never ask again."""
        self._never.add(transfer.id)

    def _transfer(self) -> Transfer:
        debit, credit = self._random.sample(range(1, _ACCOUNTS + 1), 2)
        amount = self._random.randint(1, 1000)
        return Transfer(
            id=new_id(), debit_account_id=debit, credit_account_id=credit, amount=amount, ledger=LEDGER, code=1
        )

    async def check(self) -> None:
        """Compare what callers were told with what is in the ledger. Raises WrongBooksError."""
        found = {each.id for ids in (self._created, self._never) for each in await self._lookup(list(ids))}
        if lost := self._created.keys() - found:
            raise WrongBooksError(f"{len(lost)} acknowledged transfers are lost")
        if found & self._never:
            raise WrongBooksError("a transfer is there, although its caller was told that nothing was recorded")
        moved = sum(transfer.amount for transfer in self._created.values())
        _check_totals(self._ledger.trial_balance(), moved)

    async def _lookup(self, ids: list[int]) -> list[Transfer]:
        pages = [ids[start : start + _LOOKUP] for start in range(0, len(ids), _LOOKUP)]
        return [transfer for page in pages for transfer in await self._ledger.lookup_transfers(page)]

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""
        return len(self._created)

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""
        return {"transfers": len(self._created)}


def _check_totals(totals: list[LedgerTotals], moved: int) -> None:
    if not all(each.balanced for each in totals) or sum(each.debits_posted for each in totals) != moved:
        raise WrongBooksError(f"the trial balance {totals} is not the {moved} that was acknowledged")
