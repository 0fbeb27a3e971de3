"""What was asked before is found without reading what else the merchant has."""

from uuid import UUID

from pycore.ids import new_id
from pycore.ledger import Ledger
from pycore.payments import creation

_FILL = """
INSERT INTO payments (id, merchant_id, live, merchant_reference, status, purpose, amount, currency, amount_captured,
    amount_refunded, capture_method, subject, created_at, expires_at, updated_at, version, idempotency_key, fingerprint)
SELECT gen_random_uuid(), $1, false, n::text, 'created', 'purchase', 1, 'CNY', 0, 0, 'automatic', 'tea', 1, 2, 1, 1,
    'k' || n, ''
FROM generate_series(1, 10000) AS n
"""
_ROWS_READ = "SELECT coalesce(seq_tup_read, 0) + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'payments'"


async def test_keys_and_references_are_looked_up_in_their_own_indexes(ledger: Ledger) -> None:
    """A plan made while the table was empty was kept, and read all payments of the merchant for every new one."""
    merchant = UUID(int=new_id())
    arguments = ([merchant.hex] * 50, [False] * 50, ["another", "k7"] * 25, ["7", "another"] * 25)
    async with ledger.store.pool.acquire() as connection:
        for _ in range(10):  # after five PostgreSQL keeps a plan
            assert not await connection.fetch(creation._RECALL, *arguments)
        await connection.execute(_FILL, merchant)
        async with connection.transaction():
            assert len(await connection.fetch(creation._RECALL, *arguments)) == 50
            assert await connection.fetchval(_ROWS_READ) == 50
