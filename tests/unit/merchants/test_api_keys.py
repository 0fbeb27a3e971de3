"""Keys: what is stored of them, and what their terms may be."""

import asyncpg
import msgspec
import pytest

from pycore.errors import InvalidRequestError, InvalidStateError, NotFoundError
from pycore.merchants import Allowance, ApiKeys, KeyTerms, OperatorScope
from pycore.store import Store
from pycore.tenant import Tenant
from tests.unit.merchants.conftest import ALL, Clock


async def test_the_secret_is_nowhere_in_the_database(keys: ApiKeys, store: Store, tenant: Tenant) -> None:
    key, secret = await keys.create(tenant, ALL)
    assert secret not in repr(key)
    [row] = await store.pool.fetch("SELECT api_keys::text AS whole FROM api_keys")
    assert secret not in row["whole"]
    assert secret[8:-6] not in row["whole"]
    assert await keys.get(tenant, key.id) == key


@pytest.mark.parametrize(
    "terms",
    [
        {"scopes": []},
        {"scopes": [OperatorScope.LEDGER_WRITE]},
        {"name": ""},
        {"name": "a" * 101},
        {"name": "a\nb"},
        {"name": "4111 1111 1111 1111"},
        {"expires_at": 0},
        {"expires_at": 2**63},
        {"allowed_networks": ["203.0.113.7/24"]},
        {"allowed_networks": ["localhost"]},
        {"allowed_networks": ["10.0.0.0/8"] * 33},
        {"allowance": Allowance(0, 1)},
        {"allowance": Allowance(1, 1_000_001)},
    ],
)
async def test_terms_that_are_not_allowed(
    keys: ApiKeys, store: Store, tenant: Tenant, terms: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequestError):
        await keys.create(tenant, msgspec.structs.replace(ALL, **terms))
    assert await store.pool.fetchval("SELECT count(*) FROM api_keys") == 0


async def test_a_key_belongs_to_its_tenant(keys: ApiKeys, tenant: Tenant) -> None:
    key, _ = await keys.create(tenant, ALL)
    operators, _ = await keys.create(None, KeyTerms(name="o", scopes=[OperatorScope.METRICS_READ]))
    for stranger, id in ((tenant._replace(live=False), key.id), (None, key.id), (tenant, operators.id)):
        with pytest.raises(NotFoundError):
            await keys.get(stranger, id)
        with pytest.raises(NotFoundError):
            await keys.revoke(stranger, id)
        with pytest.raises(NotFoundError):
            await keys.roll(stranger, id, overlap_seconds=0)
    assert (await keys.find(key.id), await keys.find(operators.id)) == (key, operators)
    with pytest.raises(NotFoundError):
        await keys.create(Tenant(1, live=True), ALL)


async def test_rolling(keys: ApiKeys, clock: Clock, tenant: Tenant) -> None:
    old, _ = await keys.create(tenant, ALL)
    for seconds in (-1, 30 * 86_400 + 1):
        with pytest.raises(InvalidRequestError):
            await keys.roll(tenant, old.id, overlap_seconds=seconds)
    new, _ = await keys.roll(tenant, old.id, overlap_seconds=60)
    old = await keys.get(tenant, old.id)
    assert (old.replaced_by, old.terms.expires_at) == (new.id, clock.time_ns() + 60 * 10**9)
    with pytest.raises(InvalidStateError):
        await keys.roll(tenant, old.id, overlap_seconds=60)
    # Revoked while it overlaps: at once. Revoked again: as it was.
    assert (await keys.revoke(tenant, old.id)).revoked_at == clock.time_ns()
    clock.seconds += 10
    assert (await keys.revoke(tenant, old.id)).revoked_at == clock.time_ns() - 10 * 10**9
    await keys.revoke(tenant, new.id)
    with pytest.raises(InvalidStateError):
        await keys.roll(tenant, new.id, overlap_seconds=0)


async def test_an_operators_key_is_never_for_tests(store: Store, keys: ApiKeys) -> None:
    await keys.create(None, KeyTerms(name="o", scopes=[OperatorScope.METRICS_READ]))
    with pytest.raises(asyncpg.CheckViolationError):
        await store.pool.execute("UPDATE api_keys SET live = false")
