"""The services a test puts behind the doors."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from api.auth import Access
from api.proxies import Proxies
from api.services import Services, open_services
from pycore.config import ServerSettings, Settings, StoreSettings
from pycore.errors import UnauthenticatedError
from pycore.ledger import Ledger
from pycore.merchants import Authenticator, Operator, OperatorScope

ANYBODY = "anybody"


async def services_of(ledger: Ledger, data: Path, server: ServerSettings | None = None) -> Services:
    """Return what a server on this machine offers; ``data`` is for its keys."""
    settings = Settings(store=StoreSettings(data=str(data)), server=server or ServerSettings())
    return await open_services(ledger, settings)


class _Anybody(Authenticator):
    """Knows one secret, without a database."""

    def __init__(self) -> None:
        super().__init__(MagicMock())

    async def authenticate(self, secret: str, address: str) -> Operator:
        del address
        if secret != ANYBODY:
            raise UnauthenticatedError
        return Operator(1, frozenset(OperatorScope))


def services_without_database(ledger: Any) -> Services:
    """Return services of which only the ledger can be used, by whoever shows ``ANYBODY``."""
    nothing = MagicMock()
    access = Access(_Anybody(), Proxies())
    return Services(
        ledger=ledger,
        access=access,
        **{name: nothing for name in Services.__struct_fields__ if name not in {"ledger", "access"}},
    )
