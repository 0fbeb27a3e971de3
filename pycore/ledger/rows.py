"""Rows that become durable together with the transfers they belong to, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from pycore import _core
from pycore.store import Connection, copy_rows

# From so many rows on, COPY's extra round trips cost less than PostgreSQL's reading of JSON.
_COPY_ROWS_MIN = 512


class Table:
    """A table that rows are inserted into: its name, and the columns that get values, with their types.

    Types are ``uuid`` (an int), ``boolean``, ``smallint``, ``integer``, ``bigint``, ``text``, ``json`` (its text, as
    ``str`` or UTF-8 ``bytes``) and ``bytea`` (``bytes``); any value may be None. A module keeps one as a constant.
    """

    __slots__ = ("columns", "name")

    def __init__(self, name: str, columns: Sequence[tuple[str, str]]) -> None:
        """Raise ValueError for another type."""
        self.name = name
        self.columns = tuple(columns)
        _core.RowBuffer(self.columns)


class Insertion(NamedTuple):
    """Rows to be inserted: the fast way, for every row that is new.

    They come after the statements of their batch, which do not see them. A unit with a value that its column cannot
    have fails alone, with TypeError or ValueError, before anything is sent.
    """

    table: Table
    rows: Sequence[tuple[Any, ...]]


class EncodedInsertion(NamedTuple):
    """Rows to be inserted that the core has written already; in everything else as ``Insertion``."""

    table: Table
    rows: _core.RowBuffer


class Rows(NamedTuple):
    """Rows for one statement, such as an update.

    ``sql`` takes one array per column (an ``UPDATE … FROM unnest($1::uuid[], $2::bigint[])`` guarded by a version); all
    units' rows for the same ``sql`` go out as one statement, which must change just as many rows as it is given.
    """

    sql: str
    rows: Sequence[tuple[Any, ...]]


Part = Rows | Insertion | EncodedInsertion
RowsOf = Callable[[bytes], Sequence[Part]]
"""From a unit's packed results to the rows that must be written with them.

It is called again where the batch has to be written anew, so it has no effect but its value.
"""


class RowCountError(Exception):
    """A guarded statement changed another number of rows than it was given."""


class BatchRows:
    """The rows of all units of a batch.

    First come the statements, in the order in which they first came, then the insertions: a statement does not see
    what its own batch inserts. Few insertions travel in the statement that appends to the journal, which alone is then
    the transaction; many go as one COPY per table.
    """

    def __init__(self) -> None:
        self._statements: dict[str, list[tuple[Any, ...]]] = {}
        self._insertions: dict[Table, _core.RowBuffer] = {}

    def add(self, parts: Iterable[Part]) -> None:
        """Take a unit's rows. Raises TypeError or ValueError for a value its column cannot have."""
        for part in parts:
            if isinstance(part, Rows):
                if part.rows:
                    self._statements.setdefault(part.sql, []).extend(part.rows)
                continue
            buffer = self._insertions.get(part.table)
            if buffer is None:
                buffer = self._insertions[part.table] = _core.RowBuffer(part.table.columns)
            if isinstance(part, Insertion):
                buffer.extend(part.rows)
            else:
                buffer.append(part.rows)

    def __bool__(self) -> bool:
        return bool(self._statements or self._insertions)

    @property
    def is_copied(self) -> bool:
        """Whether the insertions are many."""
        return sum(map(len, self._insertions.values())) >= _COPY_ROWS_MIN

    @property
    def needs_transaction(self) -> bool:
        """Whether something must be written before the statement that appends."""
        return bool(self._statements) or self.is_copied

    async def write(self, connection: Connection, under_way: Callable[[], None]) -> None:
        """Write what does not travel with the append, inside the caller's transaction.

        ``under_way`` is called, perhaps several times, when many insertions are on their way to PostgreSQL.

        Raises RowCountError where a statement changed another number of rows than it was given: a version guard did
        not hold, and nothing of the batch may be kept.
        """
        for sql, rows in self._statements.items():
            columns = [list(column) for column in zip(*rows, strict=True)]
            status = await connection.execute(sql, *columns)
            if int(status.rsplit(" ", 1)[-1]) != len(rows):
                raise RowCountError(f"{status} for {len(rows)} rows: {sql}")
        if self.is_copied:
            for table, buffer in self._insertions.items():
                names = [name for name, _ in table.columns]
                await copy_rows(connection, table.name, names, buffer.copy(), under_way)

    def beside_append(self, first_parameter: int) -> tuple[str, list[str]]:
        """Return what travels with the append: the queries to put beside it, and their arguments from that number on.

        They insert only where the common table expression ``lease`` has its row.
        """
        if self.is_copied:
            return "", []
        return _insertions(tuple(self._insertions), first_parameter), [
            each.json() for each in self._insertions.values()
        ]


@cache
def _insertions(tables: tuple[Table, ...], first_parameter: int) -> str:
    queries = []
    for number, table in enumerate(tables, first_parameter):
        names = ", ".join(name for name, _ in table.columns)
        types = [type for _, type in table.columns]
        # The text of a json is a string inside the document.
        values = ", ".join(f"c{each}::json" if type == "json" else f"c{each}" for each, type in enumerate(types))
        fields = ", ".join(f"c{each} {'text' if type == 'json' else type}" for each, type in enumerate(types))
        queries.append(
            f", insertion_{number} AS (INSERT INTO {table.name} ({names}) SELECT {values}"
            f" FROM lease, json_to_recordset(${number}::json) AS _ ({fields}))"
        )
    return "".join(queries)
