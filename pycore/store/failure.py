"""What an error of the database driver means: is the database away, or did it answer?"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from pycore.errors import LedgerUnavailableError, OutcomeUnknownError

RETRY_AFTER_MS = 500
"""What callers are told to wait while the database is away, in milliseconds."""

_CONNECTION_LOST = (
    OSError,  # refused, reset, no socket, timed out
    EOFError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # a connection that was cut in the middle of a statement
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)

# The server answers, but cannot do its work now: disk full, too many connections, out of memory, a read-only standby, a
# deadlock with somebody else.
_UNABLE = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
)


def is_connection_lost(error: BaseException) -> bool:
    """Return whether the connection is gone: what was under way on it may have happened or not."""
    if isinstance(error, asyncpg.InterfaceError):
        # The driver's own complaints; most are misuse, and only these mean that the connection went away.
        return "closed" in str(error) or "released back to the pool" in str(error)
    return isinstance(error, _CONNECTION_LOST)


def is_unavailable(error: BaseException) -> bool:
    """Return whether the database is away or cannot work now, so that the same call may succeed later.

    False means a definite answer: the statement was refused and the same statement would be refused again.
    """
    return is_connection_lost(error) or isinstance(error, _UNABLE)


def reason_of(error: BaseException) -> str:
    """Return what an error says, for logs and messages: never PostgreSQL's DETAIL, which quotes the rows' values."""
    return str(getattr(error, "message", None) or error) or type(error).__name__


@contextmanager
def unavailable_raised() -> Iterator[None]:
    """Raise ``LedgerUnavailableError`` where the database is away. For reads only: never put it around a COMMIT."""
    try:
        yield
    except (OSError, EOFError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if not is_unavailable(error):
            raise
        raise LedgerUnavailableError(
            f"the database cannot be used now ({reason_of(error)}); nothing was recorded:"
            " send the request again a little later",
            retry_after_ms=RETRY_AFTER_MS,
        ) from error


@contextmanager
def unknown_raised() -> Iterator[None]:
    """Raise ``OutcomeUnknownError`` where the connection is lost under a write, for nobody can say if it was recorded.

    Where the database answered that it cannot work now, nothing was recorded: ``LedgerUnavailableError``.
    """
    try:
        with unavailable_raised():
            yield
    except LedgerUnavailableError as error:
        if error.__cause__ is not None and is_connection_lost(error.__cause__):
            raise OutcomeUnknownError(
                "the connection to the database was lost under a change, and whether it was recorded is not known:"
                " look before you send it again"
            ) from error
        raise
