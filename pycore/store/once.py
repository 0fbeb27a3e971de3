"""Changes that are asked for with a key, and done once however often the same request comes.

What a change made is noted beside its key in the transaction of the change. Requests that move money have their own
way, through the ledger's writer (``pycore.payments.idempotency``); both share the table.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from time import time_ns
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import msgspec

from pycore.errors import IdempotencyMismatchError
from pycore.tenant import Tenant

if TYPE_CHECKING:
    from pycore.store.pool import PoolConnection

# Another transaction with the key is waited for; then the row is there, or it never will be.
_NOTE: Final = (
    "INSERT INTO idempotency_keys (merchant_id, live, operation, key, fingerprint, reply, created_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true"
)
_RECALL: Final = (
    "SELECT fingerprint, reply FROM idempotency_keys"
    " WHERE merchant_id = $1 AND live = $2 AND operation = $3 AND key = $4"
)


class Made(NamedTuple):
    """What a change made: the resource's id, and what was sealed of it, empty where there is no secret."""

    id: int
    sealed: bytes = b""


class Once(NamedTuple):
    """A request to change something that belongs to a tenant, and the key it came with."""

    tenant: Tenant
    operation: str
    key: str
    fingerprint: bytes

    async def first(self, connection: PoolConnection, made: Made) -> Made | None:
        """Note what the change is going to make; return what it made when the same request came before, else None.

        Raises IdempotencyMismatchError where another request came with the key.
        """
        where = (UUID(int=self.tenant.merchant_id), self.tenant.live, self.operation, self.key)
        reply = msgspec.json.encode([f"{made.id:032x}", b64encode(made.sealed).decode()]).decode()
        if await connection.fetchval(_NOTE, *where, self.fingerprint, reply, time_ns()):
            return None
        kept = await connection.fetchrow(_RECALL, *where)
        assert kept is not None, "keys are never deleted"
        if kept["fingerprint"] != self.fingerprint:
            raise IdempotencyMismatchError
        id, sealed = msgspec.json.decode(kept["reply"], type=tuple[str, str])
        return Made(int(id, 16), b64decode(sealed))
