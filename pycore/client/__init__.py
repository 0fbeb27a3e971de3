"""Payments, events and ledger of another process, over gRPC, with the value objects and errors of the library.

This is the one room of the library that knows a transport; nothing else in it imports this.
"""

from pycore.client.credentials import TlsCredentials, tls_credentials
from pycore.client.event_client import EventClient
from pycore.client.ledger_client import LedgerClient
from pycore.client.payment_client import PaymentClient

__all__ = ["EventClient", "LedgerClient", "PaymentClient", "TlsCredentials", "tls_credentials"]
