"""The database a command works on beside or instead of the server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from pycore.command_line import output
from pycore.command_line.options import settings_of
from pycore.config import Settings
from pycore.ledger import JournalKey
from pycore.store import Store, running_dsn

Answer = TypeVar("Answer")


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


def work_on_store(
    work: Callable[[Store], Awaitable[Answer]],
    config: Path | None,
    data: str | None,
    dsn: str | None,
    *,
    json: bool,
) -> Answer:
    """Return what ``work`` gives on the database of the options; trouble becomes a message and exit status 1."""

    async def on_store() -> Answer:
        async with open_store(settings_of(config, data, dsn)) as store:
            return await work(store)

    return output.run(on_store, json=json)


def existing_key(settings: Settings) -> JournalKey:
    """Return the journal's key; unlike a start of the ledger, this never makes one. Raises JournalKeyError."""
    data = Path(settings.store.data)
    if settings.ledger.journal_key is None and settings.ledger.journal_key_file is None:
        return JournalKey.from_file(data / "journal.key")
    return JournalKey.configured(settings.ledger, data)
