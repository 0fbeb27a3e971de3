"""Attempts as they are in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from pycore.payments.attempt import OPEN, AttemptRecord, attempt_record
from pycore.store import Store, unavailable_raised

_ONE: Final = "SELECT * FROM payment_attempts WHERE id = $1"
_OF_PAYMENT: Final = "SELECT * FROM payment_attempts WHERE payment_id = $1 ORDER BY number"
_DUE: Final = (
    "SELECT id, channel, live FROM payment_attempts WHERE next_check_at <= $1 AND NOT (id = ANY($2::uuid[]))"
    " ORDER BY next_check_at LIMIT $3"
)
_BY_HAND: Final = (
    "SELECT * FROM payment_attempts WHERE next_check_at IS NULL AND status IN ('created', 'submitted', 'unknown')"
    " ORDER BY id LIMIT $1"
)
_BY_HAND_COUNT: Final = """
SELECT (SELECT count(*) FROM payment_attempts
        WHERE next_check_at IS NULL AND status IN ('created', 'submitted', 'unknown'))
     + (SELECT count(*) FROM refunds WHERE next_check_at IS NULL AND status IN ('pending', 'requires_action'))
"""


class Due(NamedTuple):
    """An attempt or refund whose channel is to be asked."""

    id: int
    channel: str
    live: bool


class Attempts:
    """Reads attempts. Everything raises LedgerUnavailableError where the database is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, attempt_id: int) -> AttemptRecord | None:
        """Return an attempt, or None where there is none."""
        with unavailable_raised():
            row = await self._store.pool.fetchrow(_ONE, UUID(int=attempt_id))
        return None if row is None else attempt_record(row)

    async def of_payment(self, payment_id: int) -> list[AttemptRecord]:
        """Return a payment's attempts, oldest first."""
        with unavailable_raised():
            rows = await self._store.pool.fetch(_OF_PAYMENT, UUID(int=payment_id))
        return [attempt_record(row) for row in rows]

    async def due(self, now_ns: int, under_way: Iterable[int], count: int) -> list[Due]:
        """Return the attempts whose channel is to be asked now, but for those ``under_way``."""
        with unavailable_raised():
            rows = await self._store.pool.fetch(_DUE, now_ns, [UUID(int=each) for each in under_way], count)
        return [Due(row[0].int, row[1], row[2]) for row in rows]

    async def by_hand(self, count: int) -> list[AttemptRecord]:
        """Return the open attempts nobody asks about any more: the operator's queue, oldest first."""
        with unavailable_raised():
            rows = await self._store.pool.fetch(_BY_HAND, count)
        return [attempt_record(row) for row in rows]

    async def by_hand_count(self) -> int:
        """Return how many attempts and refunds wait for a person."""
        with unavailable_raised():
            return int(await self._store.pool.fetchval(_BY_HAND_COUNT))


def open_ones(attempts: Sequence[AttemptRecord]) -> list[AttemptRecord]:
    """Return those whose outcome is not certain yet."""
    return [attempt for attempt in attempts if attempt.status in OPEN]
