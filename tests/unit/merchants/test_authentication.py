"""Whose secret it is: asked of the database as seldom as can be, and believed no longer than said."""

import asyncio
from typing import Any

import pytest

from pycore.errors import (
    LedgerUnavailableError,
    MerchantDisabledError,
    RateLimitedError,
    UnauthenticatedError,
)
from pycore.merchants import (
    Allowance,
    ApiKeys,
    Authenticator,
    Caller,
    MerchantChanges,
    Merchants,
    MerchantStatus,
    Operator,
    OperatorScope,
)
from pycore.merchants.api_key import KeyTerms
from pycore.merchants.authentication import REREAD_SECONDS, STALE_SECONDS
from pycore.merchants.secret import KeyPrefix, new_secret
from pycore.store import Store
from pycore.tenant import Tenant
from tests.unit.merchants.conftest import ALL, Clock, CountedPool

HERE = "127.0.0.1"


async def test_a_known_key_is_not_read_again(
    authenticator: Authenticator, keys: ApiKeys, pool: CountedPool, tenant: Tenant
) -> None:
    key, secret = await keys.create(tenant, ALL)
    caller = await authenticator.authenticate(secret, HERE)
    for _ in range(100):
        assert await authenticator.authenticate(secret, HERE) is caller
    assert isinstance(caller, Caller)
    assert (caller.tenant, caller.key_id, caller.scopes) == (tenant, key.id, frozenset(ALL.scopes))
    assert len(pool.reads) == 1


async def test_an_operators_key_has_no_tenant(authenticator: Authenticator, keys: ApiKeys) -> None:
    key, secret = await keys.create(None, KeyTerms(name="prometheus", scopes=[OperatorScope.METRICS_READ]))
    operator = await authenticator.authenticate(secret, HERE)
    assert isinstance(operator, Operator)
    assert (operator.key_id, operator.scopes) == (key.id, frozenset({OperatorScope.METRICS_READ}))


async def test_what_is_malformed_never_reaches_the_database(authenticator: Authenticator, pool: CountedPool) -> None:
    good = new_secret(KeyPrefix.LIVE)
    for secret in ("", "x", good[:-1], good + "x", "y" + good[1:], good[:30] + "é" + good[31:], "x" * 10_240):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(secret, HERE)
    assert pool.reads == []


async def test_unknown_keys_share_queries_and_are_remembered(
    authenticator: Authenticator, pool: CountedPool, clock: Clock
) -> None:
    """Whoever shows many made-up secrets at once must not get a query for each of them."""
    secrets = [new_secret(KeyPrefix.LIVE) for _ in range(500)]

    async def refused(secret: str) -> None:
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(secret, HERE)

    await asyncio.gather(*(refused(secret) for secret in secrets * 3))
    assert len(pool.reads) <= 2
    await asyncio.gather(*(refused(secret) for secret in secrets))
    assert len(pool.reads) <= 2
    clock.seconds += REREAD_SECONDS
    await refused(secrets[0])
    assert len(pool.reads) <= 3


async def test_another_processs_change_counts_soon(
    authenticator: Authenticator, keys: ApiKeys, store: Store, pool: CountedPool, clock: Clock, tenant: Tenant
) -> None:
    key, secret = await keys.create(tenant, ALL)
    await authenticator.authenticate(secret, HERE)
    await ApiKeys(store.pool, clock_ns=clock.time_ns).revoke(tenant, key.id)
    await authenticator.authenticate(secret, HERE)
    assert len(pool.reads) == 1
    # In use: read in the background, and refused from the next call on.
    clock.seconds += REREAD_SECONDS
    await authenticator.authenticate(secret, HERE)
    while authenticator._reader is not None:
        await asyncio.sleep(0.001)
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(secret, HERE)
    assert len(pool.reads) == 2


async def test_an_idle_key_is_not_believed_for_long(
    authenticator: Authenticator, keys: ApiKeys, store: Store, clock: Clock, tenant: Tenant
) -> None:
    key, secret = await keys.create(tenant, ALL)
    await authenticator.authenticate(secret, HERE)
    await ApiKeys(store.pool, clock_ns=clock.time_ns).revoke(tenant, key.id)
    clock.seconds += STALE_SECONDS
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(secret, HERE)


async def test_our_own_change_counts_at_once_even_while_the_key_is_being_read(
    authenticator: Authenticator, keys: ApiKeys, pool: CountedPool, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that began before the change may have seen the key as it was; it must not be kept."""
    key, secret = await keys.create(tenant, ALL)
    fetch = CountedPool.fetch
    revoked = False

    async def fetch_then_revoke(self: CountedPool, query: str, digests: Any) -> Any:
        nonlocal revoked
        rows = await fetch(self, query, digests)
        if not revoked:
            revoked = True
            await keys.revoke(tenant, key.id)
        return rows

    monkeypatch.setattr(CountedPool, "fetch", fetch_then_revoke)
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(secret, HERE)
    assert len(pool.reads) == 2


async def test_time_alone_ends_a_key(
    authenticator: Authenticator, keys: ApiKeys, pool: CountedPool, clock: Clock, tenant: Tenant
) -> None:
    expiring, secret = await keys.create(
        tenant, KeyTerms(name="short", scopes=ALL.scopes, expires_at=clock.time_ns() + 10**9)
    )
    _, successor = await keys.roll(tenant, expiring.id, overlap_seconds=1)
    for each in (secret, successor):
        await authenticator.authenticate(each, HERE)
    clock.seconds += 1.0
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(secret, HERE)
    await authenticator.authenticate(successor, HERE)
    assert len(pool.reads) == 2, "the ends of keys are known without asking"


async def test_s10_a_clock_set_back_ends_no_key(
    authenticator: Authenticator, keys: ApiKeys, clock: Clock, tenant: Tenant
) -> None:
    """After the clock went back an hour, every key younger than that was 401: when a key was made is no condition."""
    _, secret = await keys.create(tenant, ALL)
    clock.seconds -= 3600
    assert (await authenticator.authenticate(secret, HERE)).key_id


async def test_s10_a_clock_set_back_brings_no_key_back(
    authenticator: Authenticator, keys: ApiKeys, store: Store, clock: Clock, tenant: Tenant
) -> None:
    """A key revoked within the time the clock went back worked again: that it was revoked is a fact, not a time."""
    revoked, first = await keys.create(tenant, ALL)
    rolled, second = await keys.create(tenant, ALL)
    ended, third = await keys.create(tenant, ALL)
    await keys.roll(tenant, rolled.id, overlap_seconds=0)
    await keys.roll(tenant, ended.id, overlap_seconds=60)
    await authenticator.authenticate(third, HERE)
    for key in (revoked, ended):
        await keys.revoke(tenant, key.id)
    _, expiring = await keys.create(
        tenant, KeyTerms(name="short", scopes=ALL.scopes, expires_at=clock.time_ns() + 10**9)
    )
    clock.seconds += 1
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(expiring, HERE)
    clock.seconds -= 3600
    # As another process, or the next start, reads it.
    fresh = Authenticator(store.pool, clock_ns=clock.time_ns, clock_seconds=lambda: clock.seconds)
    for secret in (first, second, third):
        for each in (authenticator, fresh):
            with pytest.raises(UnauthenticatedError):
                await each.authenticate(secret, HERE)
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(expiring, HERE)


async def test_without_the_database_known_keys_go_on_for_a_while(
    authenticator: Authenticator, keys: ApiKeys, pool: CountedPool, clock: Clock, tenant: Tenant
) -> None:
    _, secret = await keys.create(tenant, ALL)
    await authenticator.authenticate(secret, HERE)
    pool.error = ConnectionRefusedError("gone")
    clock.seconds += REREAD_SECONDS
    await authenticator.authenticate(secret, HERE)
    with pytest.raises(LedgerUnavailableError):
        await authenticator.authenticate(new_secret(KeyPrefix.LIVE), HERE)
    clock.seconds += STALE_SECONDS
    with pytest.raises(LedgerUnavailableError):
        await authenticator.authenticate(secret, HERE)
    pool.error = None
    await authenticator.authenticate(secret, HERE)


async def test_a_caller_who_goes_away_leaves_the_others_their_answer(
    authenticator: Authenticator, keys: ApiKeys, pool: CountedPool, tenant: Tenant
) -> None:
    _, secret = await keys.create(tenant, ALL)
    waiting = [asyncio.ensure_future(authenticator.authenticate(secret, HERE)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [isinstance(each, Caller) for each in answers[1:]] == [True, True]
    assert len(pool.reads) == 1


@pytest.mark.parametrize(
    ("networks", "address", "is_let_in"),
    [
        ([], "203.0.113.7", True),
        (["203.0.113.7"], "203.0.113.7", True),
        (["203.0.113.7"], "203.0.113.8", False),
        (["203.0.113.0/24", "2001:db8::/32"], "203.0.113.255", True),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8::1", True),
        (["203.0.113.0/24"], "::ffff:203.0.113.7", True),
        (["203.0.113.0/24"], "2001:db8::1", False),
        (["0.0.0.0/0"], "", False),
        (["0.0.0.0/0"], "unix:/run/pycore", False),
    ],
)
async def test_networks(
    authenticator: Authenticator, keys: ApiKeys, tenant: Tenant, networks: list[str], address: str, is_let_in: bool
) -> None:
    _, secret = await keys.create(tenant, KeyTerms(name="n", scopes=ALL.scopes, allowed_networks=networks))
    if is_let_in:
        await authenticator.authenticate(secret, address)
    else:
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(secret, address)


async def test_a_disabled_merchant(authenticator: Authenticator, keys: ApiKeys, store: Store, tenant: Tenant) -> None:
    _, secret = await keys.create(tenant, ALL)
    merchants = Merchants(store.pool, authenticator.forget)
    await authenticator.authenticate(secret, HERE)
    await merchants.update(tenant.merchant_id, MerchantChanges(status=MerchantStatus.DISABLED))
    with pytest.raises(MerchantDisabledError):
        await authenticator.authenticate(secret, HERE)


async def test_several_requests_count_as_several_but_never_more_than_a_burst(
    authenticator: Authenticator, keys: ApiKeys, tenant: Tenant
) -> None:
    terms = KeyTerms(name="t", scopes=ALL.scopes, allowance=Allowance(requests_per_second=1, requests_burst=10))
    _, secret = await keys.create(tenant, terms)
    caller = await authenticator.authenticate(secret, HERE)
    authenticator.charge(caller, 6)
    with pytest.raises(RateLimitedError) as caught:
        authenticator.charge(caller, 6)
    assert 0 < caught.value.retry_after_ms <= 2000
    _, other = await keys.create(tenant, terms)
    authenticator.charge(await authenticator.authenticate(other, HERE), 1_000_000)
