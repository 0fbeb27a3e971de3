"""The vault's keys: made once, found again, refused without the key that wraps them."""

import asyncio
from pathlib import Path

import pytest

from pycore.errors import VaultKeyError
from pycore.merchants import Customers, NewCustomer, open_vault, rewrap_keys, rotate_data_key
from pycore.store import Store
from pycore.tenant import Tenant
from pycore.vault import Context, FileKeySource, GivenKeySource, KeyEncryptionKey, PersonName, PhoneNumber

PLACE = Context("t", "f", "r")
PHONE = PhoneNumber("13812345678")


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


async def test_keys_rotate_under_load_without_a_failed_read(store: Store, tenant: Tenant) -> None:
    """Customers are made, read, found and changed while the data key and, twice, the key-encryption key are replaced.

    One service takes the new keys while it runs, another is started anew with each step, as documented. Where the new
    key stood first at once, a service that did not know it yet could not read a customer made meanwhile.
    """
    old, middle, new = (KeyEncryptionKey.random().secret.hex() for _ in range(3))
    vault = await open_vault(store.pool, GivenKeySource(old))
    services = [Customers(store.pool, vault)]
    made: list[tuple[int, PersonName]] = []
    turns = [0, 0, 0]
    done = asyncio.Event()

    async def work(worker: int) -> None:
        while not done.is_set():
            customers, other = services[turns[worker] % len(services)], services[-1]
            name = PersonName(f"王{worker}-{turns[worker]}")
            new = NewCustomer(merchant_reference=f"r{worker}-{turns[worker]}", name=name, phone=PHONE)
            made.append(((await customers.create(tenant, new)).id, name))
            for id, expected in (made[0], made[len(made) // 2], made[-1]):
                assert (await other.get(tenant, id)).name == expected
            assert await customers.find_by_phone(tenant, PHONE)
            turns[worker] += 1

    async def drained() -> None:
        """Wait until whatever is under way has ended, and more has been done; as a server does before it stops."""
        enough = [turn + 3 for turn in turns]
        while any(turn < least for turn, least in zip(turns, enough, strict=True)):
            assert not any(each.done() for each in workers)
            await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work(worker)) for worker in range(3)]
    await drained()
    for older, newer in ((old, middle), (middle, new)):
        # Known everywhere before anything is wrapped under it: below the old one first, above it then.
        both = GivenKeySource(f"{newer} {older}")
        for known in (GivenKeySource(f"{older} {newer}"), both):
            vault.reload(known)
            services[1:] = [Customers(store.pool, await open_vault(store.pool, known))]
            await drained()
        await rotate_data_key(store.pool, both)
        while await rewrap_keys(store.pool, both):
            pass
        await drained()
        vault.reload(GivenKeySource(newer))
        services[1:] = [Customers(store.pool, await open_vault(store.pool, GivenKeySource(newer)))]
        await drained()
    done.set()
    await asyncio.gather(*workers)
    assert await rewrap_keys(store.pool, GivenKeySource(new)) == 0
