"""Rows that are encoded already, into a table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from pycore.store.pool import Connection

_PIECE_SIZE = 1 << 17


async def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: bytes, sent: Callable[[], None] | None = None
) -> None:
    """Write rows in the format of ``COPY … BINARY``. Raises PostgreSQL's errors.

    ``sent`` is called when all of them are on their way, and PostgreSQL is at work.
    """
    await connection.copy_to_table(table, source=_pieces(rows, sent), columns=columns, format="binary")


async def _pieces(rows: bytes, sent: Callable[[], None] | None) -> AsyncIterator[bytes]:
    """Yield the rows bit by bit: PostgreSQL reads a message to its end before it looks at the first row.

    The driver takes bytes for a path, and reads a file in another thread.
    """
    for start in range(0, len(rows), _PIECE_SIZE):
        yield rows[start : start + _PIECE_SIZE]
    if sent is not None:
        sent()
