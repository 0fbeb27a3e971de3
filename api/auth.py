"""Who may call what: one check for both doors, made before anything of a request is read."""

from typing import Final

from pycore.errors import UnauthenticatedError
from pycore.merchants import Caller, OperatorScope, Scope

_OF_THE_MACHINE: Final = frozenset({OperatorScope.LEDGER_READ, OperatorScope.LEDGER_WRITE, OperatorScope.METRICS_READ})


class Access:
    """Turns what a caller shows into who it is, or refuses it."""

    def __init__(self, *, open_ledger: bool) -> None:
        """``open_ledger``: who is on this machine may use the raw ledger and the metrics without a key."""
        self.open_ledger = open_ledger

    async def caller(self, authorization: str | None, address: str, scope: Scope) -> Caller:
        """Return the merchant's system that calls.

        Args:
            authorization: ``Bearer`` and the key's secret, as the header ``authorization`` has it; None: there is none.
            address: where the call comes from.
            scope: what the key must allow.

        Raises:
            UnauthenticatedError: there is no key, or none that is good now and here.
        """
        del authorization, address, scope
        raise UnauthenticatedError

    async def allow_operator(self, authorization: str | None, address: str, scope: OperatorScope) -> None:
        """Let an operator pass, as ``caller`` does a merchant. Raises UnauthenticatedError."""
        del authorization, address
        if not self.open_ledger or scope not in _OF_THE_MACHINE:
            raise UnauthenticatedError
