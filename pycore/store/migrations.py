"""Brings a database's schema to the version this software needs: forward only, in numbered SQL files.

The files are ``NNNN_name.sql``, numbered from 1 without a gap. Each runs in a transaction of its own together with the
row that records it, so it happens wholly or not at all. A file that was applied once may never change: its checksum is
recorded and compared at every start.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from pycore.errors import MigrationError
from pycore.store.failure import is_connection_lost
from pycore.store.pool import Connection

FOLDER = Path(__file__).parent / "migrations"

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_ADVISORY_KEY = 0x7079_636F_7265_6D69  # "pycoremi": no other program should meet it by chance

# How long one waits for another process that migrates, and a migration for a table that somebody else uses. Waiting for
# a table blocks everybody behind us, so it is short: the migration is tried again at the next start.
_TURN_SECONDS = 120
_TABLE_LOCK_SECONDS = 10

_CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


@dataclass(frozen=True)
class Migration:
    """One file."""

    number: int
    name: str
    sql: str
    checksum: str
    """SHA-256 of the file, in hexadecimal."""


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in their order.

    Raises:
        MigrationError: a file's name is not of the form, or the numbers have a gap or a double.
    """
    found = []
    for file in sorted(folder.glob("*.sql")):
        matched = _FILE_NAME.fullmatch(file.name)
        if matched is None:
            raise MigrationError(f"{file} is not named like 0001_what_it_does.sql; nothing was changed: rename it")
        content = file.read_bytes()
        found.append(Migration(int(matched[1]), matched[2], content.decode(), hashlib.sha256(content).hexdigest()))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationError(
                f"migration {migration.number:04}_{migration.name} stands where number {expected:04} should be in"
                f" {folder}; nothing was changed: number the files from 0001 without gap or double"
            )
    return found


async def migrate(connection: Connection, folder: Path = FOLDER) -> list[Migration]:
    """Apply what is missing and return it; processes that start at the same time take turns.

    Raises:
        MigrationError: the database is newer than this software, an applied file was changed, or a migration failed;
            what was applied before the failing one stays.
    """
    migrations = read_migrations(folder)
    if not _missing(migrations, await _applied(connection)):
        return []
    await _take_turn(connection)
    try:
        await connection.execute(_CREATE_RECORD)
        missing = _missing(migrations, await _applied(connection))
        for migration in missing:
            await _apply(connection, migration)
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)".replace("$1", str(_ADVISORY_KEY)))
    return missing


async def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT number, name, checksum FROM schema_migrations")
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def _missing(migrations: list[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    """Return what is still to apply, once it is sure that what was applied is what we have."""
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise MigrationError(
            f"the database's schema is at version {newest} ({applied[newest][0]}), and this software knows it up to"
            f" {len(migrations)}; nothing was changed: start the version of the software that made it, or a newer one"
        )
    for migration in migrations[:newest]:
        name, checksum = applied.get(migration.number, ("", ""))
        if checksum != migration.checksum:
            what = "was changed after it was applied" if checksum else "was skipped"
            raise MigrationError(
                f"migration {migration.number:04}_{migration.name} {what}"
                + (f" (as {name}, checksum {checksum[:12]}…, now {migration.checksum[:12]}…)" if checksum else "")
                + "; nothing was changed: put the released file back, and write changes as a new number"
            )
    return migrations[newest:]


async def _take_turn(connection: Connection) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_TURN_SECONDS}s'")
            await connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_KEY})")
    except asyncpg.LockNotAvailableError as error:
        raise MigrationError(
            f"another process has been migrating this database for {_TURN_SECONDS} seconds; this one changed nothing:"
            " wait for the other or stop it, then start again"
        ) from error


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_TABLE_LOCK_SECONDS}s'")
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as error:
        if is_connection_lost(error):
            raise
        raise MigrationError(
            f"migration {migration.number:04}_{migration.name} failed{_line(migration, error)}: {error};"
            " it changed nothing: correct the cause, then start again"
        ) from error


def _line(migration: Migration, error: asyncpg.PostgresError) -> str:
    position = getattr(error, "position", None)
    return f" at line {migration.sql[: int(position)].count(chr(10)) + 1}" if position else ""
