"""Idempotency keys of changes that move no money: they need none, and are done once where they have one."""

from typing import Any

from starlette.requests import Request

from api.rest.payment import idempotency_key
from pycore.payments.idempotency import fingerprint
from pycore.payments.request import check_key
from pycore.store import Once
from pycore.tenant import Tenant


def once(request: Request, tenant: Tenant, operation: str, body: Any, *subject: int) -> Once | None:
    """Return the request as one that is done once; None where it came without a key. Raises InvalidRequestError."""
    key = idempotency_key(request)
    if not key:
        return None
    check_key(key)
    return Once(tenant, operation, key, fingerprint(body, *subject))
