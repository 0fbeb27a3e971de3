"""The ledger a command looks into: a running server's, or one that is opened for the moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pycore.client import LedgerClient, TlsCredentials, tls_credentials
from pycore.config import ClientSettings, Settings
from pycore.errors import ConfigurationError, LedgerUnavailableError
from pycore.ledger import Ledger, LedgerTotals
from pycore.merchants import OPERATOR_KEY_FILE, read_secret

_REACH_SECONDS = 1.0


class Books:
    """Reads of whichever of the two there is."""

    def __init__(self, source: LedgerClient | Ledger) -> None:
        self.lookup_accounts = source.lookup_accounts
        self.lookup_transfers = source.lookup_transfers
        self.account_transfers = source.account_transfers
        self._source = source

    async def trial_balance(self) -> list[LedgerTotals]:
        """Return the totals per ledger."""
        if isinstance(self._source, LedgerClient):
            return await self._source.trial_balance()
        return self._source.trial_balance()


@asynccontextmanager
async def open_books(settings: Settings, server: str | None) -> AsyncIterator[Books]:
    """Ask the running server; where there is none, open the ledger itself, unless ``server`` was named.

    Raises what ``LedgerClient`` and ``Ledger.open`` do, and ConfigurationError where there is neither.
    """
    address = settings.client.grpc_address or settings.server.grpc_address
    credentials = credentials_of(settings.client)
    async with LedgerClient(
        address, timeout_seconds=_REACH_SECONDS, credentials=credentials, api_key=operator_key(settings)
    ) as client:
        if server is not None or await _answers(client):
            yield Books(client)
            return
    if settings.store.dsn is None and not (Path(settings.store.data) / "journal.key").exists():
        # Looking into a ledger must not make one.
        raise ConfigurationError(
            f"no server answers on {address} and there is no ledger in {settings.store.data!r}:"
            " name one with --server, --data or --dsn"
        )
    async with Ledger.open(store=settings.store, settings=settings.ledger, progress=lambda line: None) as ledger:
        yield Books(ledger)


def operator_key(settings: Settings) -> str | None:
    """Return the key to call as an operator with: the settings', or the first one's, where this user may read it.

    Raises ConfigurationError where it may not be read.
    """
    if settings.client.api_key is not None:
        return settings.client.api_key
    file = Path(settings.store.data) / OPERATOR_KEY_FILE
    try:
        return read_secret(file) or None
    except OSError as error:
        raise ConfigurationError(
            f"the operator's key {file} cannot be read ({error.strerror}): be the user that runs the server, or give a"
            " key of yours as [client] api_key"
        ) from None


def credentials_of(settings: ClientSettings) -> TlsCredentials | None:
    """Return what the connection needs for TLS, or None for none. Raises ConfigurationError for unreadable files."""
    if settings.tls_ca_file is None:
        return None
    try:
        return tls_credentials(settings.tls_ca_file, settings.tls_certificate_file, settings.tls_key_file)
    except OSError as error:
        raise ConfigurationError(f"a TLS file of [client] cannot be read: {error}") from error


async def _answers(client: LedgerClient) -> bool:
    try:
        await client.lookup_accounts([1])
    except LedgerUnavailableError:
        return False
    return True
