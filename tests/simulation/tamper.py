"""T4: somebody who can write to the database changes it; ``verify`` must find every single change.

The story: a database administrator with every right in PostgreSQL, but without the journal's key, moves a balance,
deletes a transfer, swaps two journal rows, cuts the journal's tail. Each change is made, the verification is run, and
everything is put back before the next one. What PostgreSQL itself refuses (a key, a check) counts as found.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from bench.database import DatabaseServer
from pycore.config import LedgerSettings
from pycore.ledger import JournalKey, Ledger, verify
from pycore.ledger.status import Operation
from pycore.store.pool import Connection
from tests.simulation.random_events import RandomEvents
from tests.simulation.report import Arguments, Outcome, main

KEY = JournalKey(bytes(range(32)))
_TRANSFERS = 1300
_CHUNK_SIZE = 1024
_TABLES = (
    "ledger_journal",
    "ledger_projection",
    "ledger_chunk",
    "accounts",
    "transfers",
    "holds",
    "transfer_failures",
    "account_balances",
)
_KINDS = ("change", "change", "change", "delete", "swap", "insert", "cut")


class TamperError(AssertionError):
    """A change was not found."""


class Tamperer:
    """Changes one thing at a time."""

    def __init__(self, connection: Connection, random: Random, tables: Sequence[str]) -> None:
        self._connection = connection
        self._random = random
        self._tables = tables
        self._columns: dict[str, list[str]] = {}

    async def prepare(self) -> None:
        """Keep a copy of every table to put back, and learn what there is to change."""
        await self._connection.execute("CREATE SCHEMA original")
        for table in _TABLES:
            await self._connection.execute(f"CREATE TABLE original.{table} AS SELECT * FROM {table}")
            columns = await self._connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum", table
            )
            if await self._connection.fetchval(f"SELECT count(*) FROM {table}") == 0:
                raise TamperError(f"there is nothing in {table} to change")
            self._columns[table] = [row[0] for row in columns]

    async def tamper(self) -> tuple[str, str]:
        """Change something; return what, and in which table. Raises a PostgreSQL error where the database refuses."""
        table = self._random.choice(self._tables)
        kind = self._random.choice(_KINDS)
        match kind:
            case "delete":
                await self._delete(table)
            case "swap":
                table, column = await self._swap()
                return f"swap two rows by {column}", table
            case "insert" if table != "ledger_projection":
                # There another row would be another ledger's.
                await self._insert(table)
            case "cut":
                count = self._random.randint(1, 5)
                await self._connection.execute(
                    "DELETE FROM ledger_journal WHERE lsn > (SELECT max(lsn) - $1 FROM ledger_journal)", count
                )
                return f"cut the last {count} rows", "ledger_journal"
            case _:
                return await self._change(table)
        return kind, table

    async def restore(self, table: str) -> None:
        """Put a table back as it was."""
        async with self._connection.transaction():
            await self._connection.execute(f"DELETE FROM {table}")
            await self._connection.execute(f"INSERT INTO {table} SELECT * FROM original.{table}")

    async def _row(self, table: str) -> asyncpg.Record:
        count = await self._connection.fetchval(f"SELECT count(*) FROM {table}")
        row = await self._connection.fetchrow(
            f"SELECT tableoid, ctid, * FROM {table} ORDER BY tableoid, ctid OFFSET $1 LIMIT 1",
            self._random.randrange(count),
        )
        assert row is not None
        return row

    async def _change(self, table: str) -> tuple[str, str]:
        """Change one byte of a binary value, or a number by the smallest step."""
        row = await self._row(table)
        column = self._random.choice(self._columns[table])
        value = self._changed(row[column])
        statement = f'UPDATE {table} SET "{column}" = $1 WHERE tableoid = $2 AND ctid = $3'
        await self._connection.execute(statement, value, row["tableoid"], row["ctid"])
        return f"{column} {row[column]!r} to {value!r}"[:300], table

    def _changed(self, value: Any) -> Any:
        match value:
            case bool():
                return not value
            case bytes():
                return self._one_byte(value)
            case UUID():
                # asyncpg's own UUID is a subclass; the plain one is enough to write it back.
                return UUID(bytes=self._one_byte(value.bytes))
            case None:
                return UUID(int=1)
        return value + self._random.choice((-1, 1))

    def _one_byte(self, data: bytes) -> bytes:
        position = self._random.randrange(len(data))
        return data[:position] + bytes([data[position] ^ self._random.randint(1, 255)]) + data[position + 1 :]

    async def _delete(self, table: str) -> None:
        row = await self._row(table)
        await self._connection.execute(
            f"DELETE FROM {table} WHERE tableoid = $1 AND ctid = $2", row["tableoid"], row["ctid"]
        )

    async def _insert(self, table: str) -> None:
        """Add a copy of a row under another key."""
        row = await self._row(table)
        values = [row[column] for column in self._columns[table]]
        values[0] = self._changed(values[0]) if not isinstance(values[0], int) else values[0] + 1_000_000
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        if table == "transfers":
            # Beyond the last chunk there is no partition; the row goes where the open chunk has room.
            values[0] = await self._connection.fetchval("SELECT max(sequence) + 1 FROM transfers")
        await self._connection.execute(f"INSERT INTO {table} VALUES ({places})", *values)

    async def _swap(self) -> tuple[str, str]:
        """Let two neighbours change places."""
        table, column = self._random.choice((("ledger_journal", "lsn"), ("transfers", "sequence")))
        low = await self._connection.fetchval(
            f"SELECT {column} FROM {table} WHERE {column} < (SELECT max({column}) FROM {table})"
            " ORDER BY random() LIMIT 1"
        )
        async with self._connection.transaction():
            others = ", ".join(f'"{each}"' for each in self._columns[table] if each != column)
            taken = await self._connection.fetch(
                f"DELETE FROM {table} WHERE {column} IN ($1, $1 + 1) RETURNING {column}, {others}", low
            )
            first, second = sorted(taken, key=lambda row: row[column])
            places = ", ".join(f"${number}" for number in range(1, len(first) + 1))
            for row, key in ((first, second[column]), (second, first[column])):
                await self._connection.execute(
                    f"INSERT INTO {table} ({column}, {others}) VALUES ({places})", key, *list(row)[1:]
                )
        return table, column


async def fill(dsn: str, folder: Path, seed: int) -> None:
    """Write a ledger with everything in it: open and closed holds, failures, balances, a sealed chunk."""
    events = RandomEvents(Random(seed))
    settings = LedgerSettings(chunk_size=_CHUNK_SIZE)
    async with Ledger.open(dsn=dsn, data=folder, key=KEY, settings=settings) as ledger:
        operation, records = events.first_accounts()
        await ledger.submit(Operation(operation), records)
        while ledger.stats().transfers < _TRANSFERS:
            now = time.time_ns() - 1_000_000_000
            await asyncio.gather(*[ledger.submit(Operation(op), data) for op, data in events.units(now)])
        while ledger.stats().window_transfers >= _CHUNK_SIZE:
            await asyncio.sleep(0.05)


async def simulate(arguments: Arguments, tables: Sequence[str] = _TABLES) -> Outcome:
    """Tamper ``count`` times with the tables. Raises TamperError naming the change that was not found."""
    random = Random(arguments.seed)
    missed: list[str] = []
    outcome = {"found_by_verify": 0, "refused_by_postgresql": 0}
    with tempfile.TemporaryDirectory(prefix="tamper-") as name:
        folder = Path(name)
        async with DatabaseServer(folder / "postgres") as server:
            dsn = await server.create("tamper")
            await fill(dsn, folder / "ledger", arguments.seed)
            connection = await asyncpg.connect(dsn)
            await _expect_clean(connection, "before any change")
            tamperer = Tamperer(connection, random, tables)
            await tamperer.prepare()
            for _ in arguments.progress(range(arguments.count)):
                try:
                    change, table = await tamperer.tamper()
                except asyncpg.PostgresError:
                    outcome["refused_by_postgresql"] += 1
                    continue
                if await found(connection):
                    outcome["found_by_verify"] += 1
                else:
                    missed.append(f"{table}: {change}")
                await tamperer.restore(table)
            await _expect_clean(connection, "after everything was put back")
            await connection.close()
    if missed:
        raise TamperError(f"{len(missed)} changes were not found: {'; '.join(missed[:10])}")
    return outcome


async def found(connection: Connection) -> bool:
    """Return whether the verification finds anything; to end in an error is not to find it."""
    try:
        return bool((await verify(connection, KEY.secret)).findings)
    except Exception as error:
        print(f"verify ended with {error!r}")
        return False


async def _expect_clean(connection: Connection, when: str) -> None:
    report = await verify(connection, KEY.secret)
    if report.findings:
        raise TamperError(f"{when} the verification finds {report.findings}")


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("tamper", run, count=2_000)
