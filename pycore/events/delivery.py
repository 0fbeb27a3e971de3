"""What is to be sent to which endpoint: made from the log, tried until it is accepted or given up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from pycore.errors import NotFoundError
from pycore.events.event import Event
from pycore.events.log import event_of
from pycore.store import Pool, changing, unavailable_raised
from pycore.tenant import Tenant

if TYPE_CHECKING:
    import asyncpg

RETRY_SECONDS: Final = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000)
"""How long after each failed try the next one comes: eleven tries over about 24 hours."""

JITTER: Final = 0.1
"""By what part an interval is made longer or shorter, so that what failed together is not tried again together."""

DISABLE_SECONDS: Final = 3 * 86_400
"""An endpoint that accepted nothing for so long is disabled when the next message is given up."""

FAN_OUT_EVENTS_MAX: Final = 1000
"""Events looked at for one endpoint in one go."""

REPLAY_EVENTS_MAX: Final = 10_000
"""Events sent again by one request, the oldest first."""

Status = Literal["pending", "delivered", "dead"]

# One statement, so one transaction: deliveries are made and the place in the log moves on, or neither.
_FAN_OUT: Final = """
WITH fresh AS (
    SELECT endpoint.id AS endpoint_id, event.sequence,
        endpoint.event_types = '{}' OR event.type = ANY (endpoint.event_types) AS is_wanted
    FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
        SELECT sequence, type FROM events
        WHERE merchant_id = endpoint.merchant_id AND live = endpoint.live AND sequence > endpoint.last_sequence
        ORDER BY sequence LIMIT $2
    ) AS event
    WHERE endpoint.status = 'enabled'
), made AS (
    INSERT INTO webhook_deliveries (endpoint_id, event_sequence, status, next_try_at, updated_at)
    SELECT endpoint_id, sequence, 'pending', $1, $1 FROM fresh WHERE is_wanted
    ON CONFLICT DO NOTHING
), reached AS (
    SELECT endpoint_id, max(sequence) AS sequence, count(*) AS events FROM fresh GROUP BY endpoint_id
), moved AS (
    UPDATE webhook_endpoints SET last_sequence = greatest(last_sequence, reached.sequence)
    FROM reached WHERE id = reached.endpoint_id
)
SELECT coalesce(max(events), 0) FROM reached
"""
_DUE: Final = """
SELECT id FROM webhook_endpoints WHERE status = 'enabled' AND EXISTS (
    SELECT FROM webhook_deliveries WHERE endpoint_id = id AND next_try_at <= $1
)
"""
_CLAIM: Final = """
WITH due AS (
    SELECT event_sequence FROM webhook_deliveries WHERE endpoint_id = $1 AND next_try_at <= $2
    ORDER BY next_try_at, event_sequence LIMIT $3 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE webhook_deliveries AS delivery SET next_try_at = $4 FROM due
    WHERE delivery.endpoint_id = $1 AND delivery.event_sequence = due.event_sequence
    RETURNING delivery.event_sequence, delivery.tries_count
)
SELECT claimed.tries_count, events.* FROM claimed JOIN events ON sequence = event_sequence ORDER BY sequence
"""
_RECORD: Final = """
UPDATE webhook_deliveries AS delivery
SET status = result.status, tries_count = tries_count + result.tries, next_try_at = result.next_try_at,
    last_status = result.last_status, last_error = result.last_error, updated_at = $2
FROM unnest($3::bigint[], $4::text[], $5::integer[], $6::bigint[], $7::integer[], $8::text[])
    AS result (event_sequence, status, tries, next_try_at, last_status, last_error)
WHERE endpoint_id = $1 AND delivery.event_sequence = result.event_sequence AND delivery.status = 'pending'
"""
_RELEASE: Final = """
UPDATE webhook_deliveries SET next_try_at = $2
WHERE endpoint_id = $1 AND event_sequence = ANY ($3) AND status = 'pending'
"""
_SUCCEEDED: Final = "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL"
_FAILED: Final = "UPDATE webhook_endpoints SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL"
_DISABLE: Final = """
UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = $2, version = version + 1
WHERE id = $1 AND status = 'enabled' AND ($3::bigint IS NULL OR failing_since <= $3)
"""
_LIST: Final = """
SELECT delivery.*, event.id AS event_id, event.type FROM webhook_deliveries AS delivery
JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id JOIN events AS event ON event.sequence = event_sequence
WHERE endpoint_id = $3 AND endpoint.merchant_id = $1 AND endpoint.live = $2
    AND ($4::text IS NULL OR delivery.status = $4) AND event_sequence < $5
ORDER BY event_sequence DESC LIMIT $6
"""
_REPLAY: Final = """
INSERT INTO webhook_deliveries (endpoint_id, event_sequence, status, next_try_at, updated_at)
SELECT endpoint.id, event.sequence, 'pending', $4, $4
FROM webhook_endpoints AS endpoint JOIN events AS event USING (merchant_id, live)
LEFT JOIN webhook_deliveries AS earlier
    ON earlier.endpoint_id = endpoint.id AND earlier.event_sequence = event.sequence
WHERE merchant_id = $1 AND live = $2 AND endpoint.id = $3
    AND event.sequence BETWEEN $5 AND least($6, endpoint.last_sequence)
    AND ($5 = $6 OR endpoint.event_types = '{}' OR event.type = ANY (endpoint.event_types))
    AND ($7 OR earlier.status = 'dead')
ORDER BY event.sequence LIMIT $8
ON CONFLICT (endpoint_id, event_sequence) DO UPDATE
SET status = 'pending', tries_count = 0, next_try_at = $4, updated_at = $4
"""
_BACKLOG: Final = """
SELECT waiting, created_at AS oldest_at FROM (
    SELECT count(*) AS waiting, min(event_sequence) AS oldest
    FROM webhook_deliveries JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id
    WHERE next_try_at IS NOT NULL AND endpoint.status = 'enabled'
) AS backlog LEFT JOIN events ON sequence = oldest
"""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How far one event has come with one endpoint.

    Attributes:
        event_id: the event.
        event_sequence: its place in the log.
        type: its type.
        status: ``pending``; ``delivered``: accepted; ``dead``: given up, until it is replayed.
        tries_count: how often it was sent since it was made or replayed.
        next_try_at: when it is sent next, in nanoseconds since 1970; None: no more.
        last_status: the HTTP status of the last answer; None: there was none.
        last_error: in one word why the last try failed; None: it did not.
        updated_at: nanoseconds since 1970.
    """

    event_id: int
    event_sequence: int
    type: str
    status: Status
    tries_count: int
    next_try_at: int | None
    last_status: int | None
    last_error: str | None
    updated_at: int


class Claimed(NamedTuple):
    """An event that is about to be sent, and how often it was before."""

    event: Event
    tries_count: int


class Result(NamedTuple):
    """What came of a try: the answer's HTTP status, where there was one, and why it failed, where it did."""

    status: int | None
    error: str | None


class Backlog(NamedTuple):
    """What waits to be sent, of all merchants: how much, and since when the oldest event does (0: nothing waits)."""

    waiting: int
    oldest_at: int


class Deliveries:
    """The queues of all endpoints, in the database: what is not recorded as accepted is sent again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def fan_out(self, now_ns: int) -> bool:
        """Give every enabled endpoint the events that came since, and return whether there are more of them."""
        most = await self._pool.fetchval(_FAN_OUT, now_ns, FAN_OUT_EVENTS_MAX)
        return bool(most == FAN_OUT_EVENTS_MAX)

    async def due_endpoints(self, now_ns: int) -> list[int]:
        """Return the endpoints something is to be sent to now."""
        return [row["id"].int for row in await self._pool.fetch(_DUE, now_ns)]

    async def claim(self, endpoint_id: int, now_ns: int, *, limit: int, until_ns: int) -> list[Claimed]:
        """Return what is due, in the order it happened. Nobody else gets it until then, and after that anybody may."""
        rows = await self._pool.fetch(_CLAIM, UUID(int=endpoint_id), now_ns, limit, until_ns)
        return [Claimed(event_of(row), row["tries_count"]) for row in rows]

    async def record(self, endpoint_id: int, results: Sequence[tuple[Claimed, Result]], now_ns: int) -> None:
        """Write down what came of tries, and what that says of the endpoint."""
        if not results:
            return
        endpoint = UUID(int=endpoint_id)
        changes = [_change(claimed, result, now_ns) for claimed, result in results]
        await self._pool.execute(_RECORD, endpoint, now_ns, *map(list, zip(*changes, strict=True)))
        if any(result.error is None for _, result in results):
            await self._pool.execute(_SUCCEEDED, endpoint)
        else:
            await self._pool.execute(_FAILED, endpoint, now_ns)
        if any(status == "dead" for _, status, *_ in changes):
            await self._pool.execute(_DISABLE, endpoint, "failing", now_ns - DISABLE_SECONDS * 10**9)

    async def release(self, endpoint_id: int, claimed: Sequence[Claimed], now_ns: int) -> None:
        """Let others have what was claimed and not sent."""
        if claimed:
            sequences = [each.event.sequence for each in claimed]
            await self._pool.execute(_RELEASE, UUID(int=endpoint_id), now_ns, sequences)

    async def disable_gone(self, endpoint_id: int) -> None:
        """Send nothing more to an endpoint that said it is gone."""
        await self._pool.execute(_DISABLE, UUID(int=endpoint_id), "gone", None)

    async def backlog(self) -> Backlog:
        """Return what waits to be sent to enabled endpoints."""
        row = await self._pool.fetchrow(_BACKLOG)
        return Backlog(row["waiting"], row["oldest_at"] or 0) if row is not None else Backlog(0, 0)

    # -- for the merchant

    async def of(
        self,
        tenant: Tenant,
        endpoint_id: int,
        *,
        status: Status | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Return an endpoint's deliveries, the newest event first.

        Args:
            tenant: whose the endpoint must be; another's has none.
            endpoint_id: the endpoint.
            status: only those.
            before: only events before this sequence.
            limit: at most so many.

        Raises:
            LedgerUnavailableError: the database is away.
        """
        with unavailable_raised():
            rows = await self._pool.fetch(
                _LIST,
                UUID(int=tenant.merchant_id),
                tenant.live,
                UUID(int=endpoint_id),
                status,
                _SEQUENCE_MAX if before is None else before,
                limit,
            )
        return [_delivery_of(row) for row in rows]

    async def replay(self, tenant: Tenant, endpoint_id: int, event: Event, now_ns: int) -> None:
        """Send one event again, whatever became of it and whether or not the endpoint asks for its type.

        Raises:
            NotFoundError: there is no such endpoint, or it has not come to that event yet and will.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        if not await self._replay(tenant, endpoint_id, now_ns, event.sequence, event.sequence, every=True):
            raise NotFoundError("there is no such webhook endpoint, or it has not come to this event yet")

    async def replay_since(
        self, tenant: Tenant, endpoint_id: int, event: Event, now_ns: int, *, every: bool = False
    ) -> int:
        """Send again what was given up since ``event``, that one included, and return how many events that are.

        They are at most ``REPLAY_EVENTS_MAX``, the oldest first: where it is so many, ask again from a later one.

        ``every`` takes all events of the endpoint's types, delivered ones too. Raises LedgerUnavailableError and
        OutcomeUnknownError.
        """
        return await self._replay(tenant, endpoint_id, now_ns, event.sequence, _SEQUENCE_MAX, every=every)

    async def _replay(
        self, tenant: Tenant, endpoint_id: int, now_ns: int, first: int, last: int, *, every: bool
    ) -> int:
        async with changing(self._pool) as connection:
            status = await connection.execute(
                _REPLAY,
                UUID(int=tenant.merchant_id),
                tenant.live,
                UUID(int=endpoint_id),
                now_ns,
                first,
                last,
                every,
                REPLAY_EVENTS_MAX,
            )
        return int(status.rsplit(" ", 1)[-1])


_SEQUENCE_MAX: Final = 2**63 - 1


def retry_at(tries_count: int, now_ns: int) -> int | None:
    """Return when a message is sent again that failed for the ``tries_count``-th time; None: never."""
    if tries_count > len(RETRY_SECONDS):
        return None
    seconds = RETRY_SECONDS[tries_count - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return now_ns + int(seconds * 1e9)


def _change(
    claimed: Claimed, result: Result, now_ns: int
) -> tuple[int, Status, int, int | None, int | None, str | None]:
    """Return what to record of a try, in the order of the statement's columns."""
    sequence = claimed.event.sequence
    if result.error is None:
        return sequence, "delivered", 1, None, result.status, None
    again_at = retry_at(claimed.tries_count + 1, now_ns)
    return sequence, "dead" if again_at is None else "pending", 1, again_at, result.status, result.error


def _delivery_of(row: asyncpg.Record) -> Delivery:
    return Delivery(
        event_id=row["event_id"].int,
        event_sequence=row["event_sequence"],
        type=row["type"],
        status=row["status"],
        tries_count=row["tries_count"],
        next_try_at=row["next_try_at"],
        last_status=row["last_status"],
        last_error=row["last_error"],
        updated_at=row["updated_at"],
    )
