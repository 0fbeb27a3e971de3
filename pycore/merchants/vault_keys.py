"""The vault's keys in the database: made at the first start, wrapped anew when the key-encryption key changes."""

from collections.abc import Sequence
from time import time_ns
from typing import Any, Final
from uuid import UUID

from pycore.errors import SealedValueError, VaultKeyError
from pycore.merchants.customer import customer_owner
from pycore.store import Pool, changing
from pycore.tenant import Tenant
from pycore.vault import FileKeySource, KeySource, KeyState, Vault, WrappedKey

_BATCH: Final = 1000


async def open_vault(pool: Pool, source: KeySource) -> Vault:
    """Return the vault of this installation. At its first start the keys are made, the source's file included.

    Raises:
        VaultKeyError: the source gives no key, or not those the stored keys were wrapped with.
        LedgerUnavailableError, OutcomeUnknownError: see there.
    """
    async with changing(pool) as connection:
        # Two servers that start for the first time together make one set of keys.
        await connection.execute("LOCK TABLE vault_keys IN SHARE ROW EXCLUSIVE MODE")
        keys = await _stored(connection)
        if not keys:
            if isinstance(source, FileKeySource):
                source.make_if_absent()
            keys = Vault.first_keys(source)
            await _store(connection, keys)
    return Vault.open(source, keys)


async def rotate_data_key(pool: Pool, source: KeySource) -> None:
    """Make a new data key; every server seals with it from its next start, and opens what older ones sealed.

    Raises as ``open_vault``.
    """
    vault = await open_vault(pool, source)
    async with changing(pool) as connection:
        await _store(connection, [vault.create_data_key()])


async def rewrap_keys(pool: Pool, source: KeySource) -> int:
    """Wrap every stored key, those of persons too, under the source's first key; return how many it was.

    What is sealed stays as it is, and servers that run notice nothing. Once it is done, the source's older keys may go.

    Raises as ``open_vault``.
    """
    vault = await open_vault(pool, source)
    count = 0
    async with changing(pool) as connection:
        for key in await _stored(connection):
            if vault.needs_rewrap(key):
                count += 1
                wrapped = vault.rewrap(key).to_bytes()
                await connection.execute("UPDATE vault_keys SET wrapped = $2 WHERE id = $1", UUID(int=key.id), wrapped)
    last = UUID(int=0)
    while True:
        async with changing(pool) as connection:
            rows = await connection.fetch(
                "SELECT id, merchant_id, live, subject_key FROM customers WHERE id > $1 ORDER BY id LIMIT $2"
                " FOR UPDATE",
                last,
                _BATCH,
            )
            if not rows:
                return count
            last = rows[-1]["id"]
            count += await _rewrap_persons(connection, vault, rows)


async def _rewrap_persons(connection: Any, vault: Vault, rows: Sequence[Any]) -> int:
    changed = []
    for row in rows:
        key = WrappedKey.from_bytes(row["subject_key"])
        if key.state == KeyState.SHREDDED or not vault.needs_rewrap(key):
            continue
        owner = customer_owner(Tenant(row["merchant_id"].int, row["live"]), row["id"].int)
        try:
            changed.append((row["id"], vault.rewrap(key, owner).to_bytes()))
        except SealedValueError:
            raise VaultKeyError(
                "a person's key cannot be unwrapped with the given key-encryption keys; what was done so far stays:"
                " give it all the keys that were used, and run it again"
            ) from None
    await connection.executemany("UPDATE customers SET subject_key = $2 WHERE id = $1", changed)
    return len(changed)


async def _stored(connection: Any) -> list[WrappedKey]:
    rows = await connection.fetch("SELECT wrapped FROM vault_keys ORDER BY id")
    return [WrappedKey.from_bytes(row["wrapped"]) for row in rows]


async def _store(connection: Any, keys: Sequence[WrappedKey]) -> None:
    await connection.executemany(
        "INSERT INTO vault_keys (id, wrapped, created_at) VALUES ($1, $2, $3)",
        [(UUID(int=key.id), key.to_bytes(), time_ns()) for key in keys],
    )
