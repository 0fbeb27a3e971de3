"""The ledger without async, for scripts: one event loop in a thread, every call waits for its answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pycore.config import LedgerSettings
from pycore.ledger.account import Account, AccountBalance
from pycore.ledger.account_filter import AccountFilter
from pycore.ledger.key import JournalKey
from pycore.ledger.ledger import Ledger
from pycore.ledger.status import CreateAccountResult, CreateTransferResult
from pycore.ledger.totals import LedgerTotals
from pycore.ledger.transfer import Transfer

Answer = TypeVar("Answer")


class SynchronousLedger:
    """``with SynchronousLedger(data="./data") as ledger: ledger.create_transfers([...])``; see ``Ledger``."""

    def __init__(
        self,
        *,
        dsn: str | None = None,
        data: str | Path = "data",
        key: JournalKey | None = None,
        settings: LedgerSettings | None = None,
    ) -> None:
        """Open the ledger. Raises as ``Ledger.open``."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ledger", daemon=True)
        self._thread.start()
        try:
            self._ledger = self._wait(lambda: Ledger.open(dsn=dsn, data=data, key=key, settings=settings))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what was accepted and stop."""
        try:
            self._wait(self._ledger.close)
        finally:
            self._stop()

    def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        """Create accounts; one result each, same order."""
        return self._wait(lambda: self._ledger.create_accounts(accounts))

    def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        """Create transfers; one result each, same order."""
        return self._wait(lambda: self._ledger.create_transfers(transfers))

    def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order of ``ids``."""
        return self._wait(lambda: self._ledger.lookup_accounts(ids))

    def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order of ``ids``."""
        return self._wait(lambda: self._ledger.lookup_transfers(ids))

    def account_transfers(self, filter: AccountFilter) -> list[Transfer]:
        """Return an account's transfers."""
        return self._wait(lambda: self._ledger.account_transfers(filter))

    def account_balances(self, filter: AccountFilter) -> list[AccountBalance]:
        """Return an account's balances after each transfer (``history`` accounts)."""
        return self._wait(lambda: self._ledger.account_balances(filter))

    def balance_at(self, account_id: int, timestamp: int) -> AccountBalance:
        """Return an account's balances as they were at a moment (nanoseconds)."""
        return self._wait(lambda: self._ledger.balance_at(account_id, timestamp))

    def trial_balance(self) -> list[LedgerTotals]:
        """Return the totals per ledger."""

        async def totals() -> list[LedgerTotals]:
            return self._ledger.trial_balance()

        return self._wait(totals)

    def _wait(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        async def run() -> Answer:
            return await call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
