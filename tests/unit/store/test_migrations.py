"""Migrations: in order, wholly or not at all, once, and never on a schema that is not ours."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from pycore.errors import MigrationError
from pycore.store.migrations import FOLDER, migrate, read_migrations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text(
        "CREATE TABLE first (number integer PRIMARY KEY);\nINSERT INTO first VALUES (1);"
    )
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (text text)")
    return tmp_path


@pytest.fixture
async def connection(database_dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(database_dsn)


async def tables(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [row[0] for row in rows]


async def test_missing_ones_are_applied_in_order_and_only_once(
    connection: "asyncpg.Connection[asyncpg.Record]", folder: Path
) -> None:
    assert [migration.number for migration in await migrate(connection, folder)] == [1, 2]
    assert await migrate(connection, folder) == []
    (folder / "0003_third.sql").write_text("ALTER TABLE first ADD COLUMN more integer")
    assert [migration.name for migration in await migrate(connection, folder)] == ["third"]
    assert await tables(connection) == ["first", "schema_migrations", "second"]
    assert await connection.fetchval("SELECT count(*) FROM first") == 1


async def test_processes_that_start_together_take_turns(database_dsn: str, folder: Path) -> None:
    connections = [await asyncpg.connect(database_dsn) for _ in range(5)]
    done = await asyncio.gather(*(migrate(each, folder) for each in connections))
    assert sorted(len(applied) for applied in done) == [0, 0, 0, 0, 2]
    for each in connections:
        assert await each.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        await each.close()


async def test_a_failing_one_changes_nothing_and_those_before_it_stay(
    connection: "asyncpg.Connection[asyncpg.Record]", folder: Path
) -> None:
    (folder / "0003_third.sql").write_text("CREATE TABLE third ();\n\nINSERT INTO absent VALUES (1);")
    with pytest.raises(MigrationError, match=r"0003_third failed at line 3: .*absent.*changed nothing"):
        await migrate(connection, folder)
    assert await tables(connection) == ["first", "schema_migrations", "second"]
    (folder / "0003_third.sql").write_text("CREATE TABLE third ()")
    assert [migration.number for migration in await migrate(connection, folder)] == [3]


async def test_an_applied_file_that_was_changed_is_refused(
    connection: "asyncpg.Connection[asyncpg.Record]", folder: Path
) -> None:
    await migrate(connection, folder)
    (folder / "0002_second.sql").write_text("CREATE TABLE second (text text) ")
    with pytest.raises(MigrationError, match=r"0002_second was changed after it was applied.*nothing was changed"):
        await migrate(connection, folder)


async def test_a_database_newer_than_the_software_is_refused(
    connection: "asyncpg.Connection[asyncpg.Record]", folder: Path
) -> None:
    await migrate(connection, folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match=r"is at version 2 \(second\).*knows it up to 1.*nothing was changed"):
        await migrate(connection, folder)


async def test_a_skipped_one_is_refused(connection: "asyncpg.Connection[asyncpg.Record]", folder: Path) -> None:
    await migrate(connection, folder)
    await connection.execute("DELETE FROM schema_migrations WHERE number = 1")
    with pytest.raises(MigrationError, match="0001_first was skipped"):
        await migrate(connection, folder)


async def test_a_table_in_use_is_not_waited_for_for_long(
    connection: "asyncpg.Connection[asyncpg.Record]",
    database_dsn: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A migration that waits for a table blocks everybody who comes after it."""
    monkeypatch.setattr("pycore.store.migrations._TABLE_LOCK_SECONDS", 1)
    await migrate(connection, folder)
    (folder / "0003_third.sql").write_text("ALTER TABLE first ADD COLUMN more integer")
    other = await asyncpg.connect(database_dsn)
    async with other.transaction():
        await other.fetchval("SELECT count(*) FROM first")
        with pytest.raises(MigrationError, match="lock timeout"):
            await migrate(connection, folder)
    assert len(await migrate(connection, folder)) == 1
    await other.close()


@pytest.mark.parametrize("name", ["1_first.sql", "0003-third.sql", "0003_Third.sql", "0004_gap.sql", "0002_double.sql"])
def test_wrong_names_gaps_and_doubles_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="nothing was changed"):
        read_migrations(folder)


def test_the_released_files_are_well_named() -> None:
    assert read_migrations(FOLDER)
