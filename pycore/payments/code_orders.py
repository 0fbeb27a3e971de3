"""Payments at stores' codes that nobody has paid yet: how many there may be, and from which addresses.

Anybody may scan a printed code, and copy it. So that who floods a store with orders nobody pays is refused before the
store's customers are, an address holds few, and the half of a store's places that is left is for addresses that hold
none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from pycore.errors import RateLimitedError
from pycore.merchants import MerchantStore
from pycore.payments.locks import Locks
from pycore.store import Pool, unavailable_raised

ORIGIN_KEY: Final = "origin"
STORE_CODE: Final = "store_code"
"""The metadata of a payment that was made at a store's code."""

OPEN_PER_ADDRESS_MAX: Final = 5
"""Payments at one store's code that one address may leave unpaid: a shop's customers may share one."""

_RETRY_AFTER_MS: Final = 30_000
_OPEN: Final = f"""
SELECT id FROM payments
WHERE store_id = $1 AND status IN ('created', 'requires_action', 'processing') AND expires_at > $2
    AND metadata->>'{ORIGIN_KEY}' = '{STORE_CODE}' LIMIT $3
"""


class CodeOrders:
    """Admits new payments at stores' codes. From where the open ones came is known of this process's own."""

    def __init__(self, pool: Pool, clock_ns: Callable[[], int]) -> None:
        self._pool = pool
        self._clock_ns = clock_ns
        self._locks = Locks()
        self._origins: dict[int, dict[int, str]] = {}

    @asynccontextmanager
    async def admitted(self, store: MerchantStore, origin: str) -> AsyncIterator[Callable[[int], None]]:
        """Give a place at a store's code for one more payment; what is given notes its id once it is made.

        ``origin`` is what the payer's address counts as. Raises RateLimitedError where there is no place for it, and
        LedgerUnavailableError; nothing was recorded.
        """
        async with self._locks.held(store.id):
            open_ids = await self._open_ids(store)
            known = {id: where for id, where in self._origins.pop(store.id, {}).items() if id in open_ids}
            if known:
                self._origins[store.id] = known
            _check(store, len(open_ids), sum(where == origin for where in known.values()))
            yield lambda payment_id: self._origins.setdefault(store.id, {}).update({payment_id: origin})

    async def _open_ids(self, store: MerchantStore) -> set[int]:
        with unavailable_raised():
            rows = await self._pool.fetch(_OPEN, UUID(int=store.id), self._clock_ns(), store.code.open_max)
        return {row["id"].int for row in rows}


def _check(store: MerchantStore, held: int, of_origin: int) -> None:
    is_scarce = 2 * held >= store.code.open_max
    if held >= store.code.open_max or of_origin >= (1 if is_scarce else OPEN_PER_ADDRESS_MAX):
        raise RateLimitedError(
            "too many payments at this code were not paid yet; nothing was recorded: pay one that is open, or come back"
            " later",
            retry_after_ms=_RETRY_AFTER_MS,
        )
