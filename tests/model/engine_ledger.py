"""The engine with the reference ledger's face, so that both can play the same scenario."""

from __future__ import annotations

from pycore import _core
from pycore.ledger.account_filter import AccountFilter
from tests.model.records import (
    Account,
    AccountBalance,
    Result,
    Transfer,
    Unit,
    pack_units,
    unpack_account,
    unpack_balances,
    unpack_results,
    unpack_transfer,
)
from tests.model.tables import HoldOutcome


class EngineLedger:
    """One engine; every batch is checked for broken invariants."""

    def __init__(self) -> None:
        self.engine = _core.Engine()
        self.expired = 0

    @property
    def last_timestamp(self) -> int:
        """The last timestamp handed out."""
        return self.engine.last_timestamp

    def apply(self, units: list[Unit], now: int) -> list[Result]:
        """Apply the requests as one batch, as the reference ledger does."""
        batch = self.engine.apply(pack_units(units), now)
        self.expired = batch.expired
        return unpack_results(units, batch.results)

    def commit(self) -> None:
        """The batch is durable."""
        self.engine.commit()
        self.engine.check_invariants()

    def rollback(self) -> None:
        """The batch never happened."""
        self.engine.rollback()
        self.engine.check_invariants()

    def account(self, account_id: int) -> Account | None:
        """Return the account as it is now."""
        record = self.engine.lookup_accounts([account_id])
        return unpack_account(record) if record else None

    def transfer(self, transfer_id: int) -> tuple[Transfer, HoldOutcome] | None:
        """Return a transfer as it was recorded, and what became of it if it is a hold."""
        found = self.engine.lookup_transfer(transfer_id)
        return (unpack_transfer(found[0]), HoldOutcome(found[1])) if found else None

    def balances(self, account_id: int) -> list[AccountBalance]:
        """Return a history account's balances after each transfer that touched it, the oldest first."""
        return unpack_balances(self.engine.account_balances(AccountFilter(account_id=account_id).pack()))
