"""What stands behind the doors: handed to every handler, made once by the server."""

import msgspec

from api.auth import Access
from pycore.ledger import Ledger


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """The domain services of one server.

    Attributes:
        ledger: accounts and transfers.
        access: who may call what.
    """

    ledger: Ledger
    access: Access
