"""Merchants, operators, and the keys a test calls with."""

from typing import Any, NamedTuple

from api.services import Services
from pycore.merchants import KeyTerms, OperatorScope, Scope
from pycore.tenant import Tenant


class Key(NamedTuple):
    """A key in the hands of its owner."""

    tenant: Tenant | None
    id: int
    secret: str

    @property
    def is_live(self) -> bool:
        """Whether real money moves."""
        return self.tenant is None or self.tenant.live

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP sends."""
        return {"authorization": f"Bearer {self.secret}"}

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What gRPC sends."""
        return tuple(self.headers.items())


async def tenant_key(services: Services, tenant: Tenant | None, **terms: Any) -> Key:
    """Return a new key of a tenant (None: of an operator), with every scope unless ``terms`` say otherwise."""
    scopes = tuple(OperatorScope if tenant is None else Scope)
    key, secret = await services.api_keys.create(tenant, KeyTerms(**{"name": "test", "scopes": scopes, **terms}))
    return Key(tenant, key.id, secret)


async def merchant_key(services: Services, *, live: bool = False, **terms: Any) -> Key:
    """Return a key of a new merchant."""
    merchant = await services.merchants.create("Blue Teapot")
    return await tenant_key(services, Tenant(merchant.id, live), **terms)
