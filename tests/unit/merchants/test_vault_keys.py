"""The vault's keys: made once, found again, refused without the key that wraps them."""

import asyncio
from pathlib import Path

import pytest

from pycore.errors import VaultKeyError
from pycore.merchants import Customers, NewCustomer, open_vault, rewrap_keys, rotate_data_key
from pycore.store import Store
from pycore.tenant import Tenant
from pycore.vault import Context, FileKeySource, GivenKeySource, KeyEncryptionKey, PersonName

PLACE = Context("t", "f", "r")


async def test_two_first_starts_make_one_set_of_keys(store: Store, tmp_path: Path) -> None:
    source = FileKeySource(tmp_path / "vault.key")
    first, second = await asyncio.gather(open_vault(store.pool, source), open_vault(store.pool, source))
    assert second.open_value(first.seal(b"secret", PLACE), PLACE) == b"secret"
    assert await store.pool.fetchval("SELECT count(*) FROM vault_keys") == 2
    assert (tmp_path / "vault.key").stat().st_mode & 0o777 == 0o600


async def test_a_lost_key_file_is_not_made_anew(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "vault.key"
    await open_vault(store.pool, FileKeySource(file))
    file.unlink()
    with pytest.raises(VaultKeyError, match="cannot be read"):
        await open_vault(store.pool, FileKeySource(file))
    assert not file.exists()
    file.write_text(KeyEncryptionKey.random().secret.hex())
    with pytest.raises(VaultKeyError, match="cannot be unwrapped"):
        await open_vault(store.pool, FileKeySource(file))


async def test_given_keys_must_be_there_at_the_first_start(store: Store) -> None:
    with pytest.raises(VaultKeyError):
        await open_vault(store.pool, GivenKeySource(""))
    assert await store.pool.fetchval("SELECT count(*) FROM vault_keys") == 0


async def test_new_keys_and_what_older_ones_sealed(store: Store, tenant: Tenant) -> None:
    old, new = (KeyEncryptionKey.random().secret.hex() for _ in range(2))
    vault = await open_vault(store.pool, GivenKeySource(old))
    sealed = vault.seal(b"secret", PLACE)
    person = await Customers(store.pool, vault).create(
        tenant, NewCustomer(merchant_reference="r", name=PersonName("王小明"))
    )
    await rotate_data_key(store.pool, GivenKeySource(old))
    assert await rewrap_keys(store.pool, GivenKeySource(f"{new} {old}")) == 4
    assert await rewrap_keys(store.pool, GivenKeySource(new)) == 0
    later = await open_vault(store.pool, GivenKeySource(new))
    assert later.active_key_id != vault.active_key_id
    assert later.open_value(sealed, PLACE) == b"secret"
    assert (await Customers(store.pool, later).get(tenant, person.id)).name == PersonName("王小明")
    with pytest.raises(VaultKeyError):
        await rewrap_keys(store.pool, GivenKeySource(old))
