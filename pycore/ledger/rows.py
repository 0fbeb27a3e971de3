"""Rows that become durable together with the transfers they belong to, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pycore.store import Connection

RowsOf = Callable[[bytes], Sequence["Rows"]]
"""From a unit's packed results to the rows that must be written with them.

It is called again where the batch has to be written anew, so it has no effect but its value.
"""


class Rows(NamedTuple):
    """Rows for one statement.

    ``sql`` takes one array per column (``INSERT … SELECT * FROM unnest($1::uuid[], $2::bigint[])``, or an
    ``UPDATE … FROM unnest(…)`` guarded by a version); all units' rows for the same ``sql`` go out as one statement.
    """

    sql: str
    rows: Sequence[tuple[Any, ...]]


Statements = dict[str, list[tuple[Any, ...]]]
"""All rows of a batch, per statement."""


class RowCountError(Exception):
    """A guarded statement changed fewer rows than it was given."""


def merged(parts: Iterable[Rows]) -> Statements:
    """Return all rows per statement, in the order the statements first came."""
    statements: Statements = {}
    for part in parts:
        if part.rows:
            statements.setdefault(part.sql, []).extend(part.rows)
    return statements


async def write(connection: Connection, statements: Statements) -> None:
    """Execute each statement once, inside the caller's transaction.

    Raises RowCountError where a statement changed another number of rows than it was given: a version guard did
    not hold, and nothing of the batch may be kept.
    """
    for sql, rows in statements.items():
        columns = [list(column) for column in zip(*rows, strict=True)]
        status = await connection.execute(sql, *columns)
        if int(status.rsplit(" ", 1)[-1]) != len(rows):
            raise RowCountError(f"{status} for {len(rows)} rows: {sql}")
