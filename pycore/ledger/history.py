"""What the engine has let go of, read from the projection: old ids, old transfers, old balances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from pycore.ledger.account import AccountBalance
from pycore.ledger.account_filter import AccountFilter
from pycore.ledger.chunks import Chunk, Chunks
from pycore.ledger.transfer import Transfer, TransferFlags
from pycore.store import Store, unavailable_raised

ColdRecord = tuple[int, int, bytes, bytes | None]
"""What the database knows of an id or a moment the engine no longer holds: kind, outcome, record, the hold's record."""

_FAILED, _TRANSFER, _MOMENT = 1, 2, 3
_CLOSES_HOLD = TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER

_TRANSFER_FIELDS = (
    "id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, user_data_64, user_data_32,"
    ' timeout, ledger, code, flags, "timestamp"'
)
# Each side has its own index on (account, time): two ordered scans, merged, instead of one sort.
_SIDE = """
(SELECT {fields} FROM {table} WHERE {side}_account_id = $1 AND "timestamp" BETWEEN $2 AND $3
 AND ($4::integer = 0 OR code = $4) AND ($5::uuid IS NULL OR user_data_128 = $5)
 AND ($6::numeric = 0 OR user_data_64 = $6) AND ($7::bigint = 0 OR user_data_32 = $7)
 ORDER BY "timestamp" {order} LIMIT $8)
"""
_BALANCES = """
SELECT debits_pending, debits_posted, credits_pending, credits_posted, "timestamp"
FROM account_balances WHERE account_id = $1 AND "timestamp" = ANY($2::bigint[])
"""
_BALANCE_AT = """
SELECT
    coalesce(sum(amount) FILTER (WHERE moves AND debit_account_id = $1), 0) AS debits_posted,
    coalesce(sum(amount) FILTER (WHERE moves AND credit_account_id = $1), 0) AS credits_posted,
    coalesce(sum(amount) FILTER (WHERE waits AND debit_account_id = $1), 0) AS debits_pending,
    coalesce(sum(amount) FILTER (WHERE waits AND credit_account_id = $1), 0) AS credits_pending
FROM (
    SELECT transfers.debit_account_id, transfers.credit_account_id, transfers.amount,
        transfers.flags & 10 = 0 AS moves,
        holds.id IS NOT NULL AND (holds.closed_at IS NULL OR holds.closed_at > $2) AS waits
    FROM transfers LEFT JOIN holds ON transfers.flags & 2 <> 0 AND holds.id = transfers.id
    WHERE (transfers.debit_account_id = $1 OR transfers.credit_account_id = $1) AND transfers."timestamp" <= $2
) AS touching
"""


class History:
    """Reads of the projection, for what is older than the engine's window."""

    def __init__(self, store: Store, chunks: Chunks) -> None:
        self._store = store
        self._chunks = chunks

    async def cold_records(self, ids: Sequence[int]) -> list[ColdRecord]:
        """Return what is known of ids that the engine does not hold; what is not returned never existed."""
        transfers = await self.transfers(ids)
        holds = [id for id, transfer in transfers.items() if transfer.flags & TransferFlags.PENDING]
        closed = {t.pending_id for t in transfers.values() if t.flags & _CLOSES_HOLD} - transfers.keys()
        pending = transfers | await self.transfers(list(closed))
        outcomes = await self._outcomes(holds)
        found: list[ColdRecord] = [(_FAILED, 0, id.to_bytes(16, "little"), None) for id in await self._failures(ids)]
        for id, transfer in transfers.items():
            hold = pending[transfer.pending_id].pack() if transfer.flags & _CLOSES_HOLD else None
            found.append((_TRANSFER, outcomes.get(id, 0), transfer.pack(), hold))
        return found

    async def cold_moments(self, timestamps: Sequence[int]) -> list[ColdRecord]:
        """Return which of the timestamps are those of transfers that the engine does not hold.

        Chunks have no index by time alone: this reads those that span the timestamps, which only accounts imported out
        of the order of their time need.
        """
        found: list[ColdRecord] = []
        for chunk in self._chunks.sealed:
            inside = [timestamp for timestamp in timestamps if chunk.overlaps(timestamp, timestamp)]
            if inside:
                rows = await self._fetch(
                    f'SELECT "timestamp" FROM {chunk.table} WHERE "timestamp" = ANY($1::bigint[])', inside
                )
                found += [(_MOMENT, 0, row[0].to_bytes(8, "little"), None) for row in rows]
        return found

    async def transfers(self, ids: Sequence[int]) -> dict[int, Transfer]:
        """Return those of the transfers that are in sealed chunks, by id."""
        found: dict[int, Transfer] = {}
        for chunk, possible in self._chunks.holding_ids(ids):
            rows = await self._fetch(
                f"SELECT {_TRANSFER_FIELDS} FROM {chunk.table} WHERE id = ANY($1::uuid[])", _uuids(possible)
            )
            found |= {transfer.id: transfer for transfer in map(_transfer, rows)}
        return found

    async def account_transfers(self, filter: AccountFilter, *, before_sequence: int) -> list[Transfer]:
        """Return the matching transfers older than ``before_sequence``, in the filter's order, at most its limit."""
        chunks: Iterable[Chunk] = [
            chunk
            for chunk in self._chunks.sealed
            if chunk.chunk * self._chunks.chunk_size < before_sequence
            and chunk.overlaps(filter.timestamp_min, filter.timestamp_max)
        ]
        if filter.reversed:
            chunks = reversed(list(chunks))
        found: list[Transfer] = []
        for chunk in chunks:
            rows = await self._fetch(
                _account_query(filter, chunk.table),
                UUID(int=filter.account_id),
                filter.timestamp_min,
                filter.timestamp_max or _TIMESTAMP_MAX,
                filter.code,
                UUID(int=filter.user_data_128) if filter.user_data_128 else None,
                filter.user_data_64,
                filter.user_data_32,
                filter.limit - len(found),
            )
            found += map(_transfer, rows)
            if len(found) >= filter.limit:
                break
        return found

    async def account_balances(self, account_id: int, timestamps: Sequence[int]) -> list[AccountBalance]:
        """Return an account's balances recorded at these timestamps, in any order."""
        rows = await self._fetch(_BALANCES, UUID(int=account_id), timestamps)
        return [
            AccountBalance(
                debits_pending=int(row[0]),
                debits_posted=int(row[1]),
                credits_pending=int(row[2]),
                credits_posted=int(row[3]),
                timestamp=row[4],
            )
            for row in rows
        ]

    async def balance_at(self, account_id: int, timestamp: int) -> AccountBalance:
        """Return an account's balances at a moment, counted from its transfers; all of them must be projected."""
        (row,) = await self._fetch(_BALANCE_AT, UUID(int=account_id), timestamp)
        return AccountBalance(timestamp=timestamp, **{name: int(value) for name, value in row.items()})

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows of a query. Raises LedgerUnavailableError where the database is away."""
        with unavailable_raised():
            return await self._store.pool.fetch(query, *values)

    async def _outcomes(self, ids: list[int]) -> dict[int, int]:
        if not ids:
            return {}
        rows = await self._fetch("SELECT id, outcome FROM holds WHERE id = ANY($1::uuid[])", _uuids(ids))
        return {row[0].int: row[1] for row in rows}

    async def _failures(self, ids: Sequence[int]) -> list[int]:
        rows = await self._fetch("SELECT id FROM transfer_failures WHERE id = ANY($1::uuid[])", _uuids(ids))
        return [row[0].int for row in rows]


_TIMESTAMP_MAX = (1 << 63) - 1


def _account_query(filter: AccountFilter, table: str) -> str:
    order = "DESC" if filter.reversed else "ASC"
    sides = [side for side, wanted in (("debit", filter.debits), ("credit", filter.credits)) if wanted]
    parts = [_SIDE.format(fields=_TRANSFER_FIELDS, table=table, side=side, order=order) for side in sides]
    return f'SELECT * FROM ({" UNION ALL ".join(parts)}) AS touching ORDER BY "timestamp" {order} LIMIT $8'


def _uuids(ids: Iterable[int]) -> list[UUID]:
    return [UUID(int=id) for id in ids]


def _transfer(row: asyncpg.Record) -> Transfer:
    return Transfer(
        id=row[0].int,
        debit_account_id=row[1].int,
        credit_account_id=row[2].int,
        amount=int(row[3]),
        pending_id=row[4].int if row[4] else 0,
        user_data_128=row[5].int if row[5] else 0,
        user_data_64=int(row[6]),
        user_data_32=row[7],
        timeout=row[8],
        ledger=row[9],
        code=row[10],
        flags=row[11],
        timestamp=row[12],
    )
