"""What the driver's errors mean."""

import asyncpg
import pytest

from pycore.errors import LedgerUnavailableError
from pycore.store import is_connection_lost, is_unavailable, unavailable_raised

LOST: list[BaseException] = [
    ConnectionResetError(),
    ConnectionRefusedError(),
    FileNotFoundError(),
    TimeoutError(),
    EOFError(),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InternalClientError("got result for unknown protocol state"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("the underlying connection is closed"),
    asyncpg.InterfaceError("connection has been released back to the pool"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError(""),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.IdleInTransactionSessionTimeoutError(""),
]
UNABLE: list[BaseException] = [
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.TooManyConnectionsError(""),
    asyncpg.OutOfMemoryError(""),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.QueryCanceledError(""),
    asyncpg.PostgresIOError("could not write"),
    asyncpg.LockNotAvailableError(""),
    asyncpg.DeadlockDetectedError(""),
]
DEFINITE: list[BaseException] = [
    asyncpg.UniqueViolationError(""),
    asyncpg.CheckViolationError(""),
    asyncpg.UndefinedTableError(""),
    asyncpg.DataCorruptedError(""),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    ValueError(),
    AssertionError(),
]


@pytest.mark.parametrize("error", LOST, ids=repr)
def test_lost(error: BaseException) -> None:
    assert is_connection_lost(error)
    assert is_unavailable(error)


@pytest.mark.parametrize("error", UNABLE, ids=repr)
def test_unable(error: BaseException) -> None:
    assert not is_connection_lost(error)
    assert is_unavailable(error)


@pytest.mark.parametrize("error", DEFINITE, ids=repr)
def test_definite(error: BaseException) -> None:
    assert not is_connection_lost(error)
    assert not is_unavailable(error)


def test_reads_meet_one_error_for_a_database_that_is_away() -> None:
    for error in LOST + UNABLE:
        with pytest.raises(LedgerUnavailableError) as raised, unavailable_raised():
            raise error
        assert raised.value.__cause__ is error
        assert raised.value.retry_after_ms > 0
    for error in DEFINITE:
        with pytest.raises(type(error)), unavailable_raised():
            raise error


async def test_a_connection_that_is_killed_during_a_statement_counts_as_lost(database_dsn: str) -> None:
    connection = await asyncpg.connect(database_dsn)
    other = await asyncpg.connect(database_dsn)
    await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
    with pytest.raises(Exception) as raised:
        await connection.execute("SELECT 1")
    assert is_connection_lost(raised.value)
    with pytest.raises(Exception) as raised:
        await connection.execute("SELECT 1")
    assert is_connection_lost(raised.value)
    await other.close()
