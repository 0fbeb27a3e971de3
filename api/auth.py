"""Who may call what: one check for both doors, made before anything of a request is read."""

from typing import Final

from pycore.errors import PermissionDeniedError, UnauthenticatedError
from pycore.merchants import Authenticator, Caller, Operator, OperatorScope, Scope

_OF_THE_MACHINE: Final = frozenset({OperatorScope.LEDGER_READ, OperatorScope.LEDGER_WRITE, OperatorScope.METRICS_READ})
_SCHEME: Final = "bearer"


class Access:
    """Turns what a caller shows into who it is, or refuses it."""

    def __init__(self, authenticator: Authenticator, *, open_ledger: bool) -> None:
        """``open_ledger``: who is on this machine may use the raw ledger and the metrics without a key."""
        self.open_ledger = open_ledger
        self.charge = authenticator.charge
        """Counts further requests of a caller, for calls that carry several."""
        self.forget = authenticator.forget
        """Lets every key be read again, where it is known that another process changed one."""
        self._authenticator = authenticator

    async def caller(self, authorization: str | None, address: str, scope: Scope, *, requests: int = 1) -> Caller:
        """Return the merchant's system that calls.

        Args:
            authorization: ``Bearer`` and the key's secret, as the header ``authorization`` has it; None: there is none.
            address: the IP address the call comes from.
            scope: what the key must allow.
            requests: how many requests the call counts as.

        Raises:
            UnauthenticatedError: there is no key, or none that is good now and from there.
            MerchantDisabledError: the key is good, its merchant is disabled.
            RateLimitedError: the quota of the key or its merchant is used up.
            PermissionDeniedError: the key lacks the scope.
            LedgerUnavailableError: the key has to be read, and the database is away.
        """
        identity = await self._identity(authorization, address, requests)
        if scope not in identity.scopes:
            raise _denied(scope)
        assert isinstance(identity, Caller), "an operator's key has an operator's scopes only"
        return identity

    async def allow_operator(
        self,
        authorization: str | None,
        address: str,
        scope: OperatorScope,
        *,
        is_forwarded: bool = False,
        requests: int = 1,
    ) -> None:
        """Let an operator pass, with the errors of ``caller``.

        Where the ledger is open to this machine, whoever is on it passes without a key, unless a proxy says that the
        call comes from elsewhere (``is_forwarded``).
        """
        if authorization is None and self.open_ledger and scope in _OF_THE_MACHINE and not is_forwarded:
            return
        identity = await self._identity(authorization, address, requests)
        if scope not in identity.scopes:
            raise _denied(scope)

    async def _identity(self, authorization: str | None, address: str, requests: int) -> Caller | Operator:
        if authorization is None:
            raise UnauthenticatedError
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != _SCHEME:
            raise UnauthenticatedError
        identity = await self._authenticator.authenticate(secret, address)
        self._authenticator.charge(identity, requests)
        return identity


def _denied(scope: Scope | OperatorScope) -> PermissionDeniedError:
    return PermissionDeniedError(f"the API key lacks the scope {scope}; nothing was done: use one that has it")
