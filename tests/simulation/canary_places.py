"""Every place a server leaves something in: its messages, its database's, every table, every file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from pycore import _core
from pycore.store.layout import running_dsn

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"


async def tables(data: Path) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every table's rows as text, and the journal's bodies unpacked."""
    dsn = running_dsn(data)
    assert dsn is not None, "the server's database is not running"
    connection = await asyncpg.connect(dsn)
    try:
        for (table,) in await connection.fetch(_TABLES):
            rows: list[bytes] = []

            async def keep(part: bytes, rows: list[bytes] = rows) -> None:
                rows.append(part)

            await connection.copy_from_query(f'SELECT * FROM "{table}"', output=keep)
            yield f"table {table}", b"".join(rows)
        for row in await connection.fetch("SELECT lsn, body FROM ledger_journal"):
            _, units = _core.decode_body(row["body"])
            yield f"journal row {row['lsn']}", b"".join(records for _, records in units)
    finally:
        await connection.close()


def files(data: Path, but: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the content of every file of a data folder, the database's and its write-ahead log's too."""
    for file in data.rglob("*"):
        if file.is_file() and not file.is_symlink() and but not in file.parents:
            yield f"file {file.relative_to(data)}", file.read_bytes()
