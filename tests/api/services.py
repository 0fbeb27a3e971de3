"""The services a test puts behind the doors."""

from api.auth import Access
from api.services import Services
from pycore.ledger import Ledger


def services_of(ledger: Ledger) -> Services:
    """Return what a server on this machine offers."""
    return Services(ledger=ledger, access=Access(open_ledger=True))
