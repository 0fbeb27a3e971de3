"""The ledger's client with the key that the server's first start made."""

from pathlib import Path

from pycore.client import LedgerClient
from pycore.merchants import OPERATOR_KEY_FILE, read_secret


def operator_key(data: Path) -> str:
    """Return the key of the server whose data folder this is."""
    return read_secret(data / OPERATOR_KEY_FILE)


def operator(address: str, data: Path, timeout_seconds: float) -> LedgerClient:
    """Return a client of the server at ``address`` whose data folder is ``data``."""
    return LedgerClient(address, timeout_seconds=timeout_seconds, api_key=operator_key(data))
