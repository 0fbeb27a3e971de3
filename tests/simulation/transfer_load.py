"""T1 with transfers: the witness's command, and the comparison after every kill."""

from __future__ import annotations

from pathlib import Path

from tests.simulation import witness
from tests.simulation.crew import read_log
from tests.simulation.expected_books import ExpectedBooks
from tests.simulation.operator import operator, operator_key
from tests.simulation.report import Outcome

_LOOKUP = 4000
_SETTLED_SECONDS = 180


class WrongBooksError(AssertionError):
    """Books and answers do not agree."""


class TransferLoad:
    """Transfers between numbered accounts, and what was told of them."""

    def __init__(self) -> None:
        self._books = ExpectedBooks()

    async def open(self, address: str, http: str, data: Path, seed: int) -> list[str]:
        """Return the witness's command; it opens the accounts itself."""
        return ["tests.simulation.witness", address, "--seed", str(seed), "--key", operator_key(data)]

    async def compare(self, address: str, data: Path, log: Path) -> None:
        """Compare the ledger with the log of one cycle. Raises WrongBooksError."""
        ids = self._books.follow(list(read_log(log)))
        async with operator(address, data, timeout_seconds=_SETTLED_SECONDS) as client:
            for start in range(0, len(ids), _LOOKUP):
                page = ids[start : start + _LOOKUP]
                lost = len(page) - len(await client.lookup_transfers(page))
                if lost:
                    raise WrongBooksError(f"{lost} acknowledged transfers are lost")
            accounts = await client.lookup_accounts([account.id for account in witness.accounts()])
        differing = [account.id for account in accounts if not self._books.balances[account.id].matches(account)]
        if differing or len(accounts) != witness.ACCOUNTS:
            raise WrongBooksError(f"accounts {differing} are not what the answers add up to")

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""
        return self._books.transfers

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""
        return {"transfers": self._books.transfers}
