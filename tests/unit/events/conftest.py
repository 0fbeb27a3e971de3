"""A ledger on a fresh database, whose writer records the events."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pycore.ledger import Ledger


@pytest.fixture
async def ledger(database_dsn: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger.open(dsn=database_dsn, data=tmp_path) as ledger:
        yield ledger
