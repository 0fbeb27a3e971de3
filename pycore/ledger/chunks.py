"""How the history of transfers is cut: one table per chunk of sequences, indexed once it is full.

An index kept while rows stream in costs more than the rows; built afterwards over a full chunk it costs a third.
Until then the chunk is served from the engine's memory, so nothing reads it unindexed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pycore import _core
from pycore.ids import id_time_ms
from pycore.store import Connection

_PLAUSIBLE_SINCE_MS = 946_684_800_000  # 2000-01-01: the engine's bound for an id that tells its time


class Chunk(NamedTuple):
    """A sealed chunk and what can be inside it."""

    chunk: int
    first_timestamp: int
    last_timestamp: int
    id_time_min_ms: int
    id_time_max_ms: int
    has_implausible_ids: bool

    @classmethod
    def of(cls, chunk: int, summary: _core.ChunkSummary) -> Chunk:
        """Return the row for a full chunk."""
        return cls(
            chunk,
            summary.first_timestamp,
            summary.last_timestamp,
            summary.id_time_min_ms,
            summary.id_time_max_ms,
            summary.has_implausible_ids,
        )

    @property
    def table(self) -> str:
        """The chunk's own table."""
        return table_name(self.chunk)

    def may_hold_id(self, id: int) -> bool:
        """Return whether the chunk could hold a transfer with this id."""
        time_ms = id_time_ms(id)
        if time_ms < _PLAUSIBLE_SINCE_MS:
            return self.has_implausible_ids
        return self.id_time_min_ms <= time_ms <= self.id_time_max_ms

    def overlaps(self, timestamp_min: int, timestamp_max: int) -> bool:
        """Return whether the chunk could hold a transfer of this time; a bound of 0 is none."""
        after_end = timestamp_min > self.last_timestamp
        before_start = timestamp_max != 0 and timestamp_max < self.first_timestamp
        return not (after_end or before_start)


class Chunks:
    """The sealed chunks, oldest first."""

    def __init__(self, chunk_size: int, sealed: Iterable[Chunk] = ()) -> None:
        self.chunk_size = chunk_size
        self.sealed = list(sealed)
        self._created: set[int] = set()

    @classmethod
    async def load(cls, connection: Connection, chunk_size: int) -> Chunks:
        """Return the chunks the database knows."""
        found = await connection.fetch(
            "SELECT chunk, first_timestamp, last_timestamp, id_time_min_ms, id_time_max_ms, has_implausible_ids"
            " FROM ledger_chunk ORDER BY chunk"
        )
        return cls(chunk_size, [Chunk(*row) for row in found])

    @property
    def first_open(self) -> int:
        """The first chunk that is not sealed: where the engine's window begins."""
        return len(self.sealed)

    async def create_tables(self, connection: Connection, first_sequence: int, sequence_next: int) -> None:
        """Make sure that there is a table for every sequence in the range; inside the caller's transaction."""
        for chunk in range(first_sequence // self.chunk_size, sequence_next // self.chunk_size + 1):
            if chunk in self._created:
                continue
            name = table_name(chunk)
            if await connection.fetchval("SELECT to_regclass($1)", name) is None:
                start = chunk * self.chunk_size
                await connection.execute(f"CREATE TABLE {name} (LIKE transfers INCLUDING DEFAULTS)")
                await connection.execute(
                    f"ALTER TABLE transfers ATTACH PARTITION {name}"
                    f" FOR VALUES FROM ({start}) TO ({start + self.chunk_size})"
                )

    def table_of(self, first_sequence: int, sequence_next: int) -> str:
        """Return where to copy a range of transfers: into its chunk, which is cheaper than through the parent."""
        first, last = first_sequence // self.chunk_size, (sequence_next - 1) // self.chunk_size
        return table_name(first) if first == last else "transfers"

    def tables_created(self, first_sequence: int, sequence_next: int) -> None:
        """Remember, once the transaction is durable, which tables need not be looked for again."""
        self._created.update(range(first_sequence // self.chunk_size, sequence_next // self.chunk_size + 1))

    async def seal(self, connection: Connection, chunk: int, summary: _core.ChunkSummary) -> Chunk:
        """Index a full chunk and record what is in it; inside the caller's transaction."""
        sealed = Chunk.of(chunk, summary)
        name = sealed.table
        if await connection.fetchval("SELECT 1 FROM ledger_chunk WHERE chunk = $1", chunk):
            return sealed  # an earlier attempt whose answer was lost
        await connection.execute(f"CREATE UNIQUE INDEX {name}_id ON {name} (id)")
        await connection.execute(f'CREATE INDEX {name}_debit ON {name} (debit_account_id, "timestamp")')
        await connection.execute(f'CREATE INDEX {name}_credit ON {name} (credit_account_id, "timestamp")')
        await connection.execute("INSERT INTO ledger_chunk VALUES ($1, $2, $3, $4, $5, $6)", *sealed)
        return sealed

    def holding_ids(self, ids: Iterable[int]) -> Iterable[tuple[Chunk, list[int]]]:
        """Return the chunks that could hold any of the ids, newest first, with those ids."""
        ids = list(ids)
        for chunk in reversed(self.sealed):
            possible = [id for id in ids if chunk.may_hold_id(id)]
            if possible:
                yield chunk, possible


def table_name(chunk: int) -> str:
    """Return the name of a chunk's table."""
    return f"transfers_{chunk:06d}"
