"""Requests that were made before: the same request is answered the same, however often it comes.

A key belongs to a tenant and an operation. Its row is written in the transaction of what the request did. What makes
a payment is remembered in that payment's row (see creation).
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
from asyncpg.pgproto.pgproto import UUID

from pycore.errors import IdempotencyMismatchError, RequestInProgressError
from pycore.ledger import Insertion, Rows
from pycore.payments import tables
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode
# Each key is found through its index, one by one, whatever the planner thinks of the tables' sizes.
_RECALL: Final = """
SELECT asked.position, known.fingerprint, known.reply
FROM unnest($1::uuid[], $2::boolean[], $3::text[], $4::text[]) WITH ORDINALITY
    AS asked (merchant_id, live, operation, key, position)
JOIN LATERAL (
    SELECT fingerprint, reply FROM idempotency_keys AS kept
    WHERE (kept.merchant_id, kept.live, kept.operation, kept.key)
        = (asked.merchant_id, asked.live, asked.operation, asked.key) LIMIT 1) AS known ON true
"""
_AMEND: Final = (
    "UPDATE idempotency_keys AS kept SET reply = amended.reply"
    " FROM unnest($1::uuid[], $2::boolean[], $3::text[], $4::text[], $5::json[])"
    " AS amended (merchant_id, live, operation, key, reply)"
    " WHERE (kept.merchant_id, kept.live, kept.operation, kept.key)"
    " = (amended.merchant_id, amended.live, amended.operation, amended.key)"
)


class RequestKey(NamedTuple):
    """What a caller named a request."""

    tenant: Tenant
    operation: str
    key: str


class Reply(NamedTuple):
    """How the reply to a request is kept."""

    request: RequestKey
    fingerprint: bytes

    def kept(self, reply: bytes, now_ns: int) -> Insertion:
        """Return the row that keeps ``reply`` (JSON), for the transaction of what the request does."""
        return tables.idempotency_keys([self.row(reply, now_ns)])

    def row(self, reply: bytes, now_ns: int) -> tuple[Any, ...]:
        """Return the row's values."""
        tenant, operation, key = self.request
        return (tenant.merchant_id, tenant.live, operation, key, self.fingerprint, reply, now_ns)

    def amended(self, reply: bytes) -> Rows:
        """Return the row that replaces a reply kept before, once more is known."""
        tenant, operation, key = self.request
        return Rows(_AMEND, [(UUID(tenant.merchant_id.to_bytes(16)), tenant.live, operation, key, reply.decode())])


class Remembered(NamedTuple):
    """What is known of a request: its fingerprint and reply, if it was made before."""

    fingerprint: bytes | None
    reply: str

    def reply_to(self, fingerprint: bytes) -> str | None:
        """Return the reply kept, or None for a new request. Raises IdempotencyMismatchError for another one's key."""
        if self.fingerprint is None:
            return None
        if self.fingerprint != fingerprint:
            raise IdempotencyMismatchError
        return self.reply


_NEW: Final = Remembered(None, "")


def fingerprint(request: Any, *subject: int) -> bytes:
    """Return what tells requests apart: a hash of everything in them, and of the ids they are about."""
    return blake2b(_ENCODE((request, *map(str, subject))), digest_size=16).digest()


class RequestMemory:
    """Which requests are under way here, and which were made before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: set[Hashable] = set()
        self._waiting: list[tuple[RequestKey, asyncio.Future[Remembered]]] = []
        self._loading: asyncio.Task[None] | None = None

    def claim(self, *claims: Hashable) -> None:
        """Take what no other request under way may touch. Raises RequestInProgressError."""
        if not self._under_way.isdisjoint(claims):
            raise RequestInProgressError
        self._under_way.update(claims)

    def release(self, claims: Iterable[Hashable]) -> None:
        """Give back what was claimed."""
        self._under_way.difference_update(claims)

    async def recall(self, asked: RequestKey) -> Remembered:
        """Return what is known of a request.

        One query at a time runs for everybody: who asks meanwhile shares the next one. Raises LedgerUnavailableError.
        """
        future: asyncio.Future[Remembered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="request-memory")
        return await future

    async def _load(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                try:
                    known = await self._query([asked for asked, _ in waiting])
                except Exception as error:
                    for _, future in waiting:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), each in zip(waiting, known, strict=True):
                    if not future.done():
                        future.set_result(each)
        finally:
            self._loading = None

    async def _query(self, asked: Sequence[RequestKey]) -> list[Remembered]:
        with unavailable_raised():
            found = await self._store.pool.fetch(
                _RECALL,
                [UUID(key.tenant.merchant_id.to_bytes(16)) for key in asked],
                [key.tenant.live for key in asked],
                [key.operation for key in asked],
                [key.key for key in asked],
            )
        known = [_NEW] * len(asked)
        for position, fingerprint, reply in found:
            known[position - 1] = Remembered(fingerprint, reply)
        return known
