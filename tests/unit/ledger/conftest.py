"""A ledger on a fresh database, and the few records every test needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pycore.config import LedgerSettings
from pycore.ids import new_id
from pycore.ledger import Account, JournalKey, Ledger, Transfer

KEY = JournalKey(bytes(range(32)))
CURRENCY = 156

OpenLedger = Callable[..., Awaitable[Ledger]]


def account(id: int, **fields: int) -> Account:
    """Return an account of the test's currency."""
    return Account(id=id, ledger=CURRENCY, code=1, **fields)


def transfer(debit: int, credit: int, amount: int, **fields: int) -> Transfer:
    """Return a transfer of the test's currency with a new id."""
    fields.setdefault("id", new_id())
    return Transfer(debit_account_id=debit, credit_account_id=credit, amount=amount, ledger=CURRENCY, code=1, **fields)


async def crash(ledger: Ledger) -> None:
    """Stop a ledger as a killed process would: no flush, no projection, connections cut."""
    tasks = [ledger._writer._task, ledger._projector._task, ledger._projector._sealing]
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*[task for task in tasks if task is not None], return_exceptions=True)
    ledger._lease.connection.terminate()
    if ledger._projector._connection is not None:
        ledger._projector._connection.terminate()
    await ledger._store.close()


@pytest_asyncio.fixture
async def open_ledger(database_dsn: str, tmp_path: Path) -> AsyncIterator[OpenLedger]:
    """Return a function that opens the test database's ledger; what is still open is closed at the end."""
    opened: list[Ledger] = []

    async def open_one(*, key: JournalKey = KEY, take_over: bool = False, **settings: Any) -> Ledger:
        ledger = await Ledger.open(
            dsn=database_dsn, data=tmp_path, key=key, settings=LedgerSettings(**settings), take_over=take_over
        )
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        if not ledger._lease.connection.is_closed():
            await ledger.close()


@pytest.fixture
def key() -> JournalKey:
    """The key all test journals are signed with."""
    return KEY
