"""Proof that nothing was changed behind the ledger: the chain, the replay, and every projected row against it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from pycore import _core
from pycore.errors import JournalDamagedError, JournalKeyError, JournalVersionError, PycoreError, StateMismatchError
from pycore.ledger import journal, recovery
from pycore.ledger.chunks import Chunk, Chunks, table_name
from pycore.ledger.lease import SHARD
from pycore.ledger.projector import (
    BALANCE_COLUMNS,
    CLOSED_COLUMNS,
    FAILURE_COLUMNS,
    HOLD_COLUMNS,
    TRANSFER_COLUMNS,
)
from pycore.store import Connection

_COPY_HEADER_SIZE = 19
_COPY_TRAILER = b"\xff\xff"
_TAKE_EVERY_ROWS = 256


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


_TABLES = {
    "holds": f"SELECT {_listed(HOLD_COLUMNS)} FROM holds",
    "closed holds": f"SELECT {_listed(CLOSED_COLUMNS)} FROM holds WHERE outcome <> 1",
    "transfer_failures": f"SELECT {_listed(FAILURE_COLUMNS)} FROM transfer_failures",
    "account_balances": f"SELECT {_listed(BALANCE_COLUMNS)} FROM account_balances",
}


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked and what was found; ``findings`` is empty when the books are as they were written."""

    journal_rows: int
    transfers: int
    accounts: int
    state_hash: str
    findings: list[str]


class _RowSum:
    """An order-free digest of rows: the sum of their hashes. Equal sums mean equal rows, whatever their order."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0

    def add(self, buffer: bytes) -> None:
        for row in _rows(buffer):
            self.count += 1
            self.sum += int.from_bytes(hashlib.blake2b(row, digest_size=32).digest(), "big")


class _Verification:
    """One run: an engine that follows the journal, and the digests of what should be in the tables."""

    def __init__(self, connection: Connection, chunk_size: int, sealed: list[Chunk]) -> None:
        self._connection = connection
        self._chunk_size = chunk_size
        self._sealed = sealed
        self._sums = {table: _RowSum() for table in _TABLES}
        self.engine = _core.Engine(chunk_size=chunk_size)
        self.id_time_max_ms = 0
        self.findings: list[str] = []

    async def take(self) -> None:
        """Compare what the journal has produced since the last call with the rows that should show it."""
        projection = self.engine.take_projection()
        if projection is None:
            return
        self.id_time_max_ms = projection.id_time_max_ms
        expected = (projection.holds_opened, projection.holds_closed, projection.failures, projection.balances)
        for sums, buffer in zip(self._sums.values(), expected, strict=True):
            sums.add(buffer)
        first, end = projection.first_sequence, projection.sequence_next
        if first < end:
            found = await self._copy_out(
                f"SELECT {_listed(TRANSFER_COLUMNS)} FROM transfers"
                f" WHERE sequence >= {first} AND sequence < {end} ORDER BY sequence"
            )
            if list(_rows(found)) != list(_rows(self.engine.transfer_rows(first, end))):
                self.findings.append(f"transfers: rows of sequence {first} to {end - 1} are not what the journal says")
        while (self.engine.window_first_sequence + self._chunk_size) <= end:
            await self._leave_chunk(self.engine.window_first_sequence // self._chunk_size)

    async def _leave_chunk(self, chunk: int) -> None:
        summary = self.engine.seal_chunk(chunk)
        if chunk < len(self._sealed):
            if self._sealed[chunk] != Chunk.of(chunk, summary):
                self.findings.append(f"ledger_chunk: row {chunk} is not what the journal says")
        elif await self._connection.fetchval("SELECT to_regclass($1)", f"{table_name(chunk)}_id") is not None:
            self.findings.append(f"ledger_chunk: row {chunk} is missing, although the chunk is indexed")
        self.engine.evict_chunk(chunk)

    async def compare_tables(self, id_time_max_ms: int) -> None:
        """Compare whole tables, once the engine stands where the projection stands."""
        if id_time_max_ms != self.id_time_max_ms:
            self.findings.append("ledger_projection: id_time_max_ms is not what the journal says")
        for table, query in _TABLES.items():
            found = _RowSum()
            found.add(await self._copy_out(query))
            expected = self._sums[table]
            if (found.count, found.sum) != (expected.count, expected.sum):
                self.findings.append(
                    f"{table}: {found.count} rows found, {expected.count} expected, or their content differs"
                )
        try:
            loaded = (await recovery.load(self._connection, self._chunk_size)).engine
        except PycoreError as error:
            self.findings.append(f"the projection cannot be loaded: {error}")
            return
        if loaded.state_hash() != self.engine.state_hash():
            self.findings.append("accounts, open holds or the position: the loaded state is not what the journal says")

    async def _copy_out(self, query: str) -> bytes:
        parts: list[bytes] = []

        async def output(data: bytes) -> None:
            parts.append(data)

        await self._connection.copy_from_query(query, output=output, format="binary")
        return b"".join(parts)


async def verify(
    connection: Connection,
    key: bytes,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> VerifyReport:
    """Return what a full check of journal and projection finds; reads only, and sees one moment of the database.

    Every journal row's place and hash, every batch's results by replaying it, every projected table against the
    replay. ``progress`` is called with rows done and rows in all.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        try:
            return await _verify(connection, key, progress)
        except StateMismatchError as error:
            # A row that tells where the tables stand is gone: there is nothing to compare from.
            return VerifyReport(journal_rows=0, transfers=0, accounts=0, state_hash="", findings=[str(error)])


async def _verify(connection: Connection, key: bytes, progress: Callable[[int, int], None]) -> VerifyReport:
    identity = await journal.one(
        connection, "SELECT key_check, chunk_size FROM ledger_identity WHERE shard = $1", SHARD
    )
    position = await journal.one(
        connection,
        "SELECT projected_lsn, id_time_max_ms FROM ledger_projection WHERE shard = $1",
        SHARD,
    )
    total = await connection.fetchval("SELECT coalesce(max(lsn), 0) FROM ledger_journal")
    chunks = await Chunks.load(connection, identity["chunk_size"])
    run = _Verification(connection, identity["chunk_size"], chunks.sealed)
    if identity["key_check"] != _core.key_check(key):
        run.findings.append(str(JournalKeyError("the journal was signed with another key")))
    if total < position["projected_lsn"]:
        run.findings.append(f"the journal ends at row {total}, the tables follow row {position['projected_lsn']}")
    lsn = 0
    if position["projected_lsn"] == 0:
        await run.compare_tables(position["id_time_max_ms"])
    try:
        async for row in journal.read(connection, key, after_lsn=0, head=journal.GENESIS):
            recovery.replay(run.engine, row)
            lsn = row.lsn
            if lsn == position["projected_lsn"]:
                await run.take()
                await run.compare_tables(position["id_time_max_ms"])
            elif lsn < position["projected_lsn"] and lsn % _TAKE_EVERY_ROWS == 0:
                await run.take()
            progress(lsn, total)
        run.engine.check_invariants()
    except (JournalDamagedError, JournalVersionError, ValueError) as error:
        run.findings.append(str(error))
    return VerifyReport(
        journal_rows=lsn,
        transfers=run.engine.sequence_next,
        accounts=run.engine.accounts_count,
        state_hash=run.engine.state_hash().hex(),
        findings=run.findings,
    )


def _rows(buffer: bytes) -> Iterator[bytes]:
    """Yield the rows of a binary COPY buffer, each as its bytes (PostgreSQL documentation: COPY, binary format)."""
    at = _COPY_HEADER_SIZE
    while at < len(buffer) and buffer[at : at + 2] != _COPY_TRAILER:
        start = at
        fields = int.from_bytes(buffer[at : at + 2], "big")
        at += 2
        for _ in range(fields):
            size = int.from_bytes(buffer[at : at + 4], "big", signed=True)
            at += 4 + max(size, 0)
        yield buffer[start:at]
