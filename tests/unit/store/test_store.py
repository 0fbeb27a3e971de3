"""The store on a database that somebody else runs."""

from pathlib import Path

import asyncpg
import pytest

from pycore.config import StoreSettings
from pycore.errors import ConfigurationError, LedgerUnavailableError
from pycore.store import Store


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (number integer PRIMARY KEY)")
    return tmp_path


async def test_a_store_on_a_dsn_is_migrated_and_ready(database_dsn: str, migrations: Path) -> None:
    async with Store.open(StoreSettings(dsn=database_dsn), migrations=migrations) as store:
        assert await store.ready()
        assert store.server is None
        await store.pool.execute("INSERT INTO first VALUES (1)")
        connection = await store.connect()
        assert await connection.fetchval("SELECT number FROM first") == 1
        await connection.close()


async def test_the_schema_of_the_ledger_applies_and_a_second_start_finds_it(database_dsn: str) -> None:
    for _ in range(2):
        async with Store.open(StoreSettings(dsn=database_dsn)) as store:
            assert await store.pool.fetchval("SELECT epoch FROM ledger_lease") is not None


async def test_it_can_be_awaited_instead(database_dsn: str, migrations: Path) -> None:
    store = await Store.open(StoreSettings(dsn=database_dsn), migrations=migrations)
    await store.close()


async def test_connections_keep_what_is_acknowledged_on_disk_whatever_the_operator_set(
    database_dsn: str, migrations: Path
) -> None:
    """An operator's ``synchronous_commit = off`` would let acknowledged money vanish with a power cut."""
    database = database_dsn.partition("@/")[2].partition("?")[0]
    connection = await asyncpg.connect(database_dsn)
    for configured, in_force in (("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")):
        await connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = '{configured}'")
        async with Store.open(StoreSettings(dsn=database_dsn), migrations=migrations) as store:
            assert await store.pool.fetchval("SHOW synchronous_commit") == in_force
            single = await store.connect()
            assert await single.fetchval("SHOW synchronous_commit") == in_force
            await single.close()
    await connection.close()


async def test_an_operators_statement_timeout_does_not_reach_our_connections(
    database_dsn: str, migrations: Path
) -> None:
    """A time-out that falls on COMMIT leaves its outcome unknown."""
    database = database_dsn.partition("@/")[2].partition("?")[0]
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(f"ALTER DATABASE {database} SET statement_timeout = '50ms'")
    await connection.close()
    async with Store.open(StoreSettings(dsn=database_dsn), migrations=migrations) as store:
        assert await store.pool.fetchval("SHOW statement_timeout") == "0"


async def test_a_database_that_is_away_is_unavailable_with_a_hint_when_to_come_back(tmp_path: Path) -> None:
    settings = StoreSettings(dsn=f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(LedgerUnavailableError) as raised:
        await Store.open(settings)
    assert raised.value.retry_after_ms > 0


@pytest.mark.parametrize("wrong", ["database", "password"])
async def test_a_wrong_dsn_is_a_mistake_to_correct_and_shows_no_password(database_dsn: str, wrong: str) -> None:
    head, _, query = database_dsn.partition("?")
    if wrong == "database":
        dsn = f"{head.rpartition('/')[0]}/absent?{query}"
    else:
        host = query.partition("&passfile")[0]
        dsn = f"{head.replace('pycore@', 'pycore:secret-word@')}?{host}"
    with pytest.raises(ConfigurationError) as raised:
        await Store.open(StoreSettings(dsn=dsn))
    assert "secret-word" not in str(raised.value)


async def test_a_store_whose_database_went_away_is_not_ready(database_dsn: str, migrations: Path) -> None:
    async with Store.open(StoreSettings(dsn=database_dsn), migrations=migrations) as store:
        database = database_dsn.partition("@/")[2].partition("?")[0]
        other = await asyncpg.connect(database_dsn.replace(f"/{database}?", "/postgres?"))
        await other.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
        assert not await store.ready()
        await other.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        assert await store.ready()
        await other.close()
