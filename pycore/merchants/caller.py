"""Who calls: what a key was made for, once its secret is known to be right."""

import msgspec

from pycore.merchants.scope import OperatorScope, Scope
from pycore.rate_limit import Quota
from pycore.tenant import Tenant


class Caller(msgspec.Struct, frozen=True):
    """A merchant's system, calling with one of its keys.

    Attributes:
        tenant: the merchant and mode the key is for; the caller sees and moves nothing else.
        key_id: the key.
        scopes: what the key allows.
        limits: what its calls count against: the key's quota, and the merchant's in this mode.
    """

    tenant: Tenant
    key_id: int
    scopes: frozenset[Scope]
    limits: tuple[tuple[int, Quota], ...] = ()


class Operator(msgspec.Struct, frozen=True):
    """Who runs this platform, calling with a key that belongs to no merchant.

    Attributes:
        key_id: the key.
        scopes: what the key allows.
        limits: what its calls count against: the key's quota.
        name: the key's name, which says whose it is.
    """

    key_id: int
    scopes: frozenset[OperatorScope]
    limits: tuple[tuple[int, Quota], ...] = ()
    name: str = ""
