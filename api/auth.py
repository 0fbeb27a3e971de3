"""Who may call what: one check for both doors, made before anything of a request is read."""

from typing import Final

from api.proxies import Proxies
from pycore.errors import PermissionDeniedError, UnauthenticatedError
from pycore.merchants import Authenticator, Caller, Operator, OperatorScope, Scope

_SCHEME: Final = "bearer"


class Access:
    """Turns what a caller shows into who it is, or refuses it."""

    def __init__(self, authenticator: Authenticator, proxies: Proxies) -> None:
        self.proxies = proxies
        """Who is believed about where a call comes from."""
        self.charge = authenticator.charge
        """Counts further requests of a caller, for calls that carry several."""
        self.forget = authenticator.forget
        """Lets every key be read again, where it is known that another process changed one."""
        self.change = authenticator.change
        """Returns what is set when a key or merchant is changed next."""
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

    async def operator(
        self, authorization: str | None, address: str, scope: OperatorScope, *, requests: int = 1
    ) -> Operator:
        """Return the operator that calls, with the arguments and errors of ``caller``."""
        identity = await self._identity(authorization, address, requests)
        if scope not in identity.scopes:
            raise _denied(scope)
        assert isinstance(identity, Operator), "a merchant's key has a merchant's scopes only"
        return identity

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
