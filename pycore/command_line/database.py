"""The database a command works on beside or instead of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from pycore.config import Settings
from pycore.ledger import JournalKey
from pycore.store import Store, running_dsn


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Connect to the database of the settings; to an embedded one that a server is running, or else run it.

    Raises what ``Store.open`` does.
    """
    where = settings.store
    if where.dsn is None and (dsn := running_dsn(Path(where.data))) is not None:
        where = msgspec.structs.replace(where, dsn=dsn)
    async with Store.open(where, progress=lambda line: None) as store:
        yield store


def existing_key(settings: Settings) -> JournalKey:
    """Return the journal's key; unlike a start of the ledger, this never makes one. Raises JournalKeyError."""
    data = Path(settings.store.data)
    if settings.ledger.journal_key is None and settings.ledger.journal_key_file is None:
        return JournalKey.from_file(data / "journal.key")
    return JournalKey.configured(settings.ledger, data)
