"""API keys: made, listed, rolled, revoked. The secret is returned once, when the key is made, and stored as a hash."""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from time import time_ns
from typing import Any, Final
from uuid import UUID

import msgspec

from pycore.errors import InvalidRequestError, InvalidStateError, NotFoundError
from pycore.ids import new_id
from pycore.merchants.allowance import Allowance
from pycore.merchants.page import Page, checked_limit
from pycore.merchants.scope import OperatorScope, Scope
from pycore.merchants.secret import KeyPrefix, new_secret, secret_hash, secret_hint
from pycore.merchants.text import checked_name
from pycore.store import Made, Once, Pool, changing, unavailable_raised
from pycore.tenant import Tenant
from pycore.vault import Context, Vault

KEY_PREFIX: Final = "key"
DEFAULT_KEY_ALLOWANCE: Final = Allowance(requests_per_second=1000, requests_burst=2000)
"""What a key may send where nothing else is said."""
OVERLAP_SECONDS_MAX: Final = 30 * 86_400
NETWORKS_MAX: Final = 32

_COLUMNS: Final = (
    "id, merchant_id, live, name, hint, scopes, allowed_networks, requests_per_second, requests_burst, replaced_by,"
    " created_at, expires_at, revoked_at"
)

_FIND: Final = f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1"

_IS_OF: Final = "merchant_id IS NOT DISTINCT FROM $2 AND live = $3"


class KeyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is for.

    Attributes:
        name: for people.
        scopes: what it allows.
        allowed_networks: addresses (``203.0.113.7``) and networks (``203.0.113.0/24``) it may be used from; none:
            from anywhere.
        allowance: what it may send.
        expires_at: nanoseconds since 1970 from which it works no more; None: it does not expire.
    """

    name: str
    scopes: Sequence[Scope | OperatorScope]
    allowed_networks: Sequence[str] = ()
    allowance: Allowance = DEFAULT_KEY_ALLOWANCE
    expires_at: int | None = None


class ApiKey(msgspec.Struct, frozen=True):
    """A key, without its secret.

    Attributes:
        id: its id; ``key_…`` outside.
        tenant: whose it is; None: an operator's.
        terms: what it is for.
        hint: the end of its secret.
        replaced_by: the key it was rolled into.
        created_at: nanoseconds since 1970.
        revoked_at: when it was revoked, nanoseconds since 1970: it works no more, whatever the clock says.
    """

    id: int
    tenant: Tenant | None
    terms: KeyTerms
    hint: str
    replaced_by: int | None
    created_at: int
    revoked_at: int | None


class ApiKeys:
    """The keys of all merchants and of the operators, in the platform's database."""

    def __init__(
        self,
        pool: Pool,
        changed: Callable[[], None] = lambda: None,
        *,
        vault: Vault | None = None,
        clock_ns: Callable[[], int] = time_ns,
    ) -> None:
        """``changed`` is called after each change that takes something away.

        ``vault`` keeps secrets for those who ask for a key ``once`` and lose the answer.
        """
        self._pool = pool
        self._vault = vault
        self._changed = changed
        self._clock_ns = clock_ns

    async def create(self, tenant: Tenant | None, terms: KeyTerms, once: Once | None = None) -> tuple[ApiKey, str]:
        """Return a new key and its secret, which nobody can be told again but who asks with the same ``once``.

        Args:
            tenant: whose it is; None: an operator's.
            terms: what it is for.
            once: the request; where it made a key before, that one is returned.

        Raises:
            InvalidRequestError: a term is not allowed.
            IdempotencyMismatchError: another request came with the key.
            NotFoundError: there is no such merchant.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        checked = _checked(tenant, terms, self._clock_ns())
        id, secret = new_id(), new_secret(_prefix(tenant))
        async with changing(self._pool) as connection:
            if earlier := await self._earlier(connection, once, id, secret):
                return earlier
            return await self._insert(connection, tenant, checked, id, secret), secret

    async def get(self, tenant: Tenant | None, key_id: int) -> ApiKey:
        """Return a key. Raises LedgerUnavailableError, and NotFoundError also where it is another tenant's."""
        with unavailable_raised():
            row = await self._pool.fetchrow(
                f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1 AND {_IS_OF}", UUID(int=key_id), *_owner(tenant)
            )
        return _found(row)

    async def find(self, key_id: int) -> ApiKey:
        """Return a key, whoever's it is: for operators. Raises NotFoundError, LedgerUnavailableError."""
        with unavailable_raised():
            return _found(await self._pool.fetchrow(_FIND, UUID(int=key_id)))

    async def list(self, tenant: Tenant | None, limit: int = 20, starting_after: int | None = None) -> Page[ApiKey]:
        """Return keys, newest first, also those that work no more.

        Raises InvalidRequestError, LedgerUnavailableError, and NotFoundError where there is no ``starting_after``.
        """
        if starting_after is not None:
            await self.get(tenant, starting_after)
        with unavailable_raised():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM api_keys WHERE ($1::uuid IS NULL OR id < $1) AND {_IS_OF}"
                " ORDER BY id DESC LIMIT $4",
                None if starting_after is None else UUID(int=starting_after),
                *_owner(tenant),
                checked_limit(limit) + 1,
            )
        return Page([_key(row) for row in rows[:limit]], len(rows) > limit)

    async def roll(
        self,
        tenant: Tenant | None,
        key_id: int,
        *,
        overlap_seconds: int,
        expires_at: int | None = None,
        once: Once | None = None,
    ) -> tuple[ApiKey, str]:
        """Return a key in the place of another, on the same terms, and its secret.

        Args:
            tenant: whose it is; None: an operator's.
            key_id: the old key. It works for ``overlap_seconds`` more, then never again.
            overlap_seconds: 0 to 30 days.
            expires_at: when the new key expires, in nanoseconds since 1970; None: it does not.
            once: the request; where it made a key before, that one is returned.

        Raises:
            IdempotencyMismatchError: another request came with the key.
            InvalidRequestError: ``overlap_seconds`` or ``expires_at`` is not allowed.
            InvalidStateError: the old key works no more, or was rolled before.
            NotFoundError: there is no such key, or it is another tenant's.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        if not 0 <= overlap_seconds <= OVERLAP_SECONDS_MAX:
            raise InvalidRequestError(f"overlap_seconds must be 0 to {OVERLAP_SECONDS_MAX}; nothing was recorded")
        now = self._clock_ns()
        id, secret = new_id(), new_secret(_prefix(tenant))
        async with changing(self._pool) as connection:
            if earlier := await self._earlier(connection, once, id, secret):
                return earlier
            old = _found(
                await connection.fetchrow(
                    f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1 AND {_IS_OF} FOR UPDATE",
                    UUID(int=key_id),
                    *_owner(tenant),
                )
            )
            if old.replaced_by is not None or not _works(old, now):
                raise InvalidStateError("the key was rolled before, or works no more; nothing was recorded: make a key")
            terms = _checked(tenant, msgspec.structs.replace(old.terms, expires_at=expires_at), now)
            key = await self._insert(connection, tenant, terms, id, secret)
            end = "expires_at = least(expires_at, $3)" if overlap_seconds else "revoked_at = $3"
            await connection.execute(
                f"UPDATE api_keys SET replaced_by = $2, {end} WHERE id = $1",
                UUID(int=key_id),
                UUID(int=key.id),
                now + overlap_seconds * 10**9,
            )
        self._changed()
        return key, secret

    async def revoke(self, tenant: Tenant | None, key_id: int) -> ApiKey:
        """Return the key, which works no more; one that worked no more before stays as it was.

        Raises LedgerUnavailableError, OutcomeUnknownError, and NotFoundError also where it is another tenant's.
        """
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                f"UPDATE api_keys SET revoked_at = coalesce(revoked_at, $4) WHERE id = $1 AND {_IS_OF}"
                f" RETURNING {_COLUMNS}",
                UUID(int=key_id),
                *_owner(tenant),
                self._clock_ns(),
            )
        self._changed()
        return _found(row)

    async def _earlier(self, connection: Any, once: Once | None, id: int, secret: str) -> tuple[ApiKey, str] | None:
        """Return the key that the same request made before, and its secret; else note the new one."""
        if once is None:
            return None
        assert self._vault is not None, "who takes requests with keys has a vault"
        sealed = self._vault.seal(secret.encode(), _context(once.tenant, id))
        earlier = await once.first(connection, Made(id, sealed))
        if earlier is None:
            return None
        row = await connection.fetchrow(_FIND, UUID(int=earlier.id))
        return _found(row), self._vault.open_value(earlier.sealed, _context(once.tenant, earlier.id)).decode()

    async def _insert(self, connection: Any, tenant: Tenant | None, terms: KeyTerms, id: int, secret: str) -> ApiKey:
        merchant_id, live = _owner(tenant)
        if merchant_id is not None and not await connection.fetchval(
            "SELECT true FROM merchants WHERE id = $1 FOR KEY SHARE", merchant_id
        ):
            raise NotFoundError("there is no such merchant")
        row = await connection.fetchrow(
            "INSERT INTO api_keys (id, merchant_id, live, name, hint, secret_hash, scopes, allowed_networks,"
            " requests_per_second, requests_burst, created_at, expires_at)"
            f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {_COLUMNS}",
            UUID(int=id),
            merchant_id,
            live,
            terms.name,
            secret_hint(secret),
            secret_hash(secret),
            terms.scopes,
            terms.allowed_networks,
            *terms.allowance.checked(),
            self._clock_ns(),
            terms.expires_at,
        )
        return _key(row)


def _context(tenant: Tenant, id: int) -> Context:
    return Context(tenant.label, "api_key_secret", f"{id:032x}")


def _owner(tenant: Tenant | None) -> tuple[UUID | None, bool]:
    return (None, True) if tenant is None else (UUID(int=tenant.merchant_id), tenant.live)


def _prefix(tenant: Tenant | None) -> KeyPrefix:
    if tenant is None:
        return KeyPrefix.OPERATOR
    return KeyPrefix.LIVE if tenant.live else KeyPrefix.TEST


def _checked(tenant: Tenant | None, terms: KeyTerms, now: int) -> KeyTerms:
    """Return the terms as they are stored. Raises InvalidRequestError."""
    kind: type[Scope | OperatorScope] = OperatorScope if tenant is None else Scope
    if not terms.scopes or not all(isinstance(scope, kind) for scope in terms.scopes):
        raise InvalidRequestError(f"scopes must be some of: {', '.join(kind)}; nothing was recorded")
    if terms.expires_at is not None and not now < terms.expires_at < 2**63:
        raise InvalidRequestError("expires_at must lie ahead; nothing was recorded")
    return msgspec.structs.replace(
        terms,
        name=checked_name(terms.name, "name"),
        scopes=sorted(set(terms.scopes)),
        allowed_networks=_networks(terms.allowed_networks),
    )


def _networks(texts: Sequence[str]) -> list[str]:
    if len(texts) > NETWORKS_MAX:
        raise InvalidRequestError(f"allowed_networks must be at most {NETWORKS_MAX}; nothing was recorded")
    try:
        return [str(ip_network(text)) for text in texts]
    except ValueError:
        raise InvalidRequestError(
            "allowed_networks must be addresses and networks as in 203.0.113.0/24 and 2001:db8::/32, whose host bits"
            " are zero; nothing was recorded"
        ) from None


def _works(key: ApiKey, now: int) -> bool:
    return key.revoked_at is None and (key.terms.expires_at is None or now < key.terms.expires_at)


def _found(row: Any) -> ApiKey:
    if row is None:
        raise NotFoundError("there is no such key")
    return _key(row)


def _key(row: Any) -> ApiKey:
    tenant = None if row["merchant_id"] is None else Tenant(row["merchant_id"].int, row["live"])
    kind: type[Scope | OperatorScope] = OperatorScope if tenant is None else Scope
    return ApiKey(
        id=row["id"].int,
        tenant=tenant,
        terms=KeyTerms(
            name=row["name"],
            scopes=[scope for scope in kind if scope in row["scopes"]],
            allowed_networks=row["allowed_networks"],
            allowance=Allowance(row["requests_per_second"], row["requests_burst"]),
            expires_at=row["expires_at"],
        ),
        hint=row["hint"],
        replaced_by=None if row["replaced_by"] is None else row["replaced_by"].int,
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
