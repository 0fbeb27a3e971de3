"""The ledger of another process, over gRPC, with the same value objects and errors as :mod:`pycore.ledger`.

This is the one room of the library that knows a transport; nothing else in it imports this.
"""

from pycore.client.credentials import TlsCredentials, tls_credentials
from pycore.client.ledger_client import LedgerClient

__all__ = ["LedgerClient", "TlsCredentials", "tls_credentials"]
