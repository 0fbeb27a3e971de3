"""Whose secret it is: from memory in microseconds, from the database when it is new or has to be looked at again.

| what happens | when it counts |
|---|---|
| a key or merchant is changed by this process | at once |
| by another process | within ``STALE_SECONDS``; within ``REREAD_SECONDS`` and a query for keys in steady use |
| the database is away | keys in memory go on for ``STALE_SECONDS``, then nobody is let in |

Secrets nobody has do no harm: a checksum tells most of them, and the others share one query at a time, however many.
"""

import asyncio
import hmac
import time
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

import msgspec

from pycore.errors import MerchantDisabledError, RateLimitedError, UnauthenticatedError
from pycore.merchants.allowance import Allowance
from pycore.merchants.caller import Caller, Operator
from pycore.merchants.scope import OperatorScope, Scope
from pycore.merchants.secret import SECRET_LENGTH, is_well_formed, secret_hash
from pycore.rate_limit import RateLimiter
from pycore.store import Pool, unavailable_raised
from pycore.tenant import Tenant

REREAD_SECONDS: Final = 2.0
"""After so long a key in use is read again, while it goes on being used."""
STALE_SECONDS: Final = 10.0
"""What was read longer ago is not believed any more."""

_KNOWN_MAX: Final = 65_536
_UNKNOWN_MAX: Final = 8_192
_FOREVER: Final = 2**63 - 1

_READ: Final = (
    "SELECT k.id, k.merchant_id, k.live, k.name, k.secret_hash, k.scopes, k.allowed_networks, k.requests_per_second,"
    " k.requests_burst, k.expires_at, k.revoked_at, m.status,"
    " m.requests_per_second AS merchant_per_second, m.requests_burst AS merchant_burst"
    " FROM api_keys k LEFT JOIN merchants m ON m.id = k.merchant_id WHERE k.secret_hash = ANY($1::bytea[])"
)


class _Known(msgspec.Struct, frozen=True):
    """A key as it was read, ready to be decided on."""

    identity: Caller | Operator
    secret_hash: bytes
    networks: tuple[IPv4Network | IPv6Network, ...]
    good_until_ns: int
    is_enabled: bool
    read_at: float


class Authenticator:
    """Tells whose a secret is, and counts what they send."""

    def __init__(
        self,
        pool: Pool,
        limiter: RateLimiter | None = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock_ns`` tells the time of day, by which keys expire; ``clock_seconds`` the age of what was read."""
        self._pool = pool
        self._limiter = limiter or RateLimiter()
        self._clock_ns = clock_ns
        self._clock_seconds = clock_seconds
        self._known: dict[bytes, _Known] = {}
        self._unknown: dict[bytes, float] = {}
        self._asked: dict[bytes, asyncio.Future[_Known | None]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._changes = 0
        self._changed = asyncio.Event()
        self._latest_ns = 0

    async def authenticate(self, secret: str, address: str) -> Caller | Operator:
        """Return whom the secret was made for.

        Args:
            secret: what the caller shows.
            address: the IP address it calls from.

        Raises:
            UnauthenticatedError: no key has this secret, or it is expired, revoked or not for this address. Which of
                these it is, is not told.
            MerchantDisabledError: the key is good, its merchant is disabled.
            LedgerUnavailableError: the key has to be read, and the database is away.
        """
        if len(secret) != SECRET_LENGTH:
            raise UnauthenticatedError
        digest = secret_hash(secret)
        known = self._known.get(digest)
        age = _FOREVER if known is None else self._clock_seconds() - known.read_at
        if known is None or age >= STALE_SECONDS:
            known = await self._look_up(secret, digest)
        elif age >= REREAD_SECONDS:
            self._ask(digest)
        return self._judged(known, digest, address)

    def charge(self, identity: Caller | Operator, requests: int = 1) -> None:
        """Count requests against the key's quota and its merchant's, or against neither.

        Raises RateLimitedError. More requests than a quota lets pass at once count as so many as it does.
        """
        limits = identity.limits
        if requests < 1:
            return
        if requests > 1:
            requests = min([requests, *(quota.burst for _, quota in limits)])
        refusal = self._limiter.check(limits, requests)
        if refusal is not None:
            whose = "the merchant's" if refusal.limit == 1 else "this key's"
            raise RateLimitedError(
                f"more requests than {whose} quota allows; nothing was recorded: come back later",
                retry_after_ms=-(-refusal.retry_after_ns // 10**6),
            )

    def change(self) -> asyncio.Event:
        """Return what is set when a key or merchant is changed next, as far as this process hears of it."""
        return self._changed

    def forget(self) -> None:
        """Read every key again before it is used: some key or merchant was changed."""
        self._changes += 1
        self._changed.set()
        self._changed = asyncio.Event()
        self._known.clear()
        self._unknown.clear()

    def _judged(self, known: _Known | None, digest: bytes, address: str) -> Caller | Operator:
        if known is None or not hmac.compare_digest(known.secret_hash, digest):
            raise UnauthenticatedError
        # What has expired stays so where the clock is set back afterwards.
        self._latest_ns = max(self._latest_ns, self._clock_ns())
        if self._latest_ns >= known.good_until_ns:
            raise UnauthenticatedError
        if known.networks and not _is_in(address, known.networks):
            raise UnauthenticatedError
        if not known.is_enabled:
            raise MerchantDisabledError
        return known.identity

    async def _look_up(self, secret: str, digest: bytes) -> _Known | None:
        if self._unknown.get(digest, 0.0) > self._clock_seconds() or not is_well_formed(secret):
            return None
        # Shielded: others may wait for the same answer.
        return await asyncio.shield(self._ask(digest))

    def _ask(self, digest: bytes) -> "asyncio.Future[_Known | None]":
        """Have a key read, together with all others that are asked for meanwhile."""
        future = self._asked.get(digest)
        if future is None:
            future = self._asked[digest] = asyncio.get_running_loop().create_future()
            # Nobody may be there to hear of a failure: then asyncio must not take it for forgotten.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            if self._reader is None:
                self._reader = asyncio.create_task(self._read_all(), name="api-keys")
        return future

    async def _read_all(self) -> None:
        try:
            while self._asked:
                await self._read(list(self._asked))
        finally:
            self._reader = None

    async def _read(self, digests: list[bytes]) -> None:
        changes, read_at = self._changes, self._clock_seconds()
        try:
            with unavailable_raised():
                found = {row["secret_hash"]: _known(row, read_at) for row in await self._pool.fetch(_READ, digests)}
        except Exception as error:
            for digest in digests:
                self._asked.pop(digest).set_exception(error)
            return
        if changes != self._changes:
            return  # what was read may be from before the change: it is read once more
        for digest in digests:
            known = found.get(digest)
            if known is None:
                self._known.pop(digest, None)
                _keep(self._unknown, digest, read_at + REREAD_SECONDS, _UNKNOWN_MAX)
            else:
                _keep(self._known, digest, known, _KNOWN_MAX)
            self._asked.pop(digest).set_result(known)


def _keep(entries: dict[bytes, Any], digest: bytes, entry: object, entries_max: int) -> None:
    """Put an entry last; where there are too many, the first goes."""
    entries.pop(digest, None)
    if len(entries) >= entries_max:
        del entries[next(iter(entries))]
    entries[digest] = entry


def _known(row: Any, read_at: float) -> _Known:
    key_limit = (row["id"].int, Allowance(row["requests_per_second"], row["requests_burst"]).quota())
    identity: Caller | Operator
    if row["merchant_id"] is None:
        operator_scopes = frozenset(scope for scope in OperatorScope if scope in row["scopes"])
        identity = Operator(row["id"].int, operator_scopes, (key_limit,), row["name"])
    else:
        tenant = Tenant(row["merchant_id"].int, row["live"])
        allowance = Allowance(row["merchant_per_second"], row["merchant_burst"])
        scopes = frozenset(scope for scope in Scope if scope in row["scopes"])
        identity = Caller(tenant, row["id"].int, scopes, (key_limit, (_limited_id(tenant), allowance.quota())))
    return _Known(
        identity=identity,
        secret_hash=row["secret_hash"],
        networks=tuple(ip_network(network) for network in row["allowed_networks"]),
        good_until_ns=_good_until_ns(row["expires_at"], row["revoked_at"]),
        is_enabled=row["merchant_id"] is None or row["status"] == "active",
        read_at=read_at,
    )


def _good_until_ns(expires_at: int | None, revoked_at: int | None) -> int:
    """Return when a key ends. That it was revoked is a fact, whatever the clock says of the time."""
    if revoked_at is not None:
        return 0
    return _FOREVER if expires_at is None else expires_at


def _limited_id(tenant: Tenant) -> int:
    """Return the id a merchant is counted under: one for each mode, so that tests never slow down real business."""
    return tenant.merchant_id ^ (not tenant.live)


def _is_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    # An IPv4 caller at a door that listens on IPv6.
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)
