"""Where a merchant wants to be told of events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

import msgspec

from pycore.errors import InvalidRequestError, InvalidStateError, NotFoundError
from pycore.events.event import checked_types
from pycore.events.secret import WebhookSecret
from pycore.events.target import TargetGuard
from pycore.ids import new_id
from pycore.printable import unprintable_in
from pycore.store import Made, Once, Pool, changing, unavailable_raised
from pycore.tenant import Tenant
from pycore.vault import Context, Vault, secret_in

if TYPE_CHECKING:
    import asyncpg

ID_PREFIX: Final = "whe"
ENDPOINTS_MAX: Final = 16
"""Endpoints of one merchant and mode."""
DESCRIPTION_LENGTH_MAX: Final = 200
OVERLAP_SECONDS_MAX: Final = 7 * 86_400
"""How long the secret before may still sign after a change."""

Status = Literal["enabled", "disabled"]

_OF_TENANT: Final = "WHERE merchant_id = $1 AND live = $2"
_LIST: Final = f"SELECT * FROM webhook_endpoints {_OF_TENANT} ORDER BY id DESC"
_GET: Final = f"SELECT * FROM webhook_endpoints {_OF_TENANT} AND id = $3"
_COUNT: Final = f"SELECT count(*) FROM webhook_endpoints {_OF_TENANT}"
# Two requests at once must not both find room for the last endpoint.
_LOCK_TENANT: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_INSERT: Final = """
INSERT INTO webhook_endpoints (id, merchant_id, live, url, description, event_types, status, secret_sealed,
    last_sequence, created_at)
SELECT $1, $2, $3, $4, $5, $6, 'enabled', $7, coalesce(max(sequence), 0), $8 FROM events
RETURNING *
"""
_UPDATE: Final = f"""
UPDATE webhook_endpoints SET url = $4, description = $5, event_types = $6, status = $7,
    disabled_reason = CASE WHEN $7 = 'enabled' THEN NULL ELSE coalesce(disabled_reason, 'by_merchant') END,
    failing_since = CASE WHEN $7 = 'enabled' AND status = 'disabled' THEN NULL ELSE failing_since END,
    version = version + 1
{_OF_TENANT} AND id = $3 AND version = $8 RETURNING *
"""
_ROTATE: Final = f"""
UPDATE webhook_endpoints SET previous_secret_sealed = secret_sealed, previous_secret_until = $5, secret_sealed = $4,
    version = version + 1
{_OF_TENANT} AND id = $3 RETURNING *
"""
_DELETE: Final = f"DELETE FROM webhook_endpoints {_OF_TENANT} AND id = $3"


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint, without its secrets.

    Attributes:
        id: shown as ``whe_…``.
        tenant: whose it is.
        url: where it is.
        description: the merchant's own words.
        event_types: which events it is told of; none: all.
        status: whether anything is sent to it.
        disabled_reason: ``by_merchant``; ``gone``: it answered 410; ``failing``: nothing was accepted for days.
        previous_secret_until: until when the secret before signs too, in nanoseconds since 1970.
        failing_since: the first failure after the last success, in nanoseconds since 1970.
        created_at: nanoseconds since 1970.
        version: grows with every change.
    """

    id: int
    tenant: Tenant
    url: str
    description: str
    event_types: tuple[str, ...]
    status: Status
    disabled_reason: str | None
    previous_secret_until: int | None
    failing_since: int | None
    created_at: int
    version: int


class EndpointChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of an endpoint; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    event_types: Sequence[str] | None = None
    status: Status | None = None


class WebhookEndpoints:
    """The endpoints of all merchants. Their secrets are sealed in the table and opened to sign."""

    def __init__(self, pool: Pool, vault: Vault, guard: TargetGuard) -> None:
        self._pool = pool
        self._vault = vault
        self._guard = guard

    async def create(
        self,
        tenant: Tenant,
        *,
        url: str,
        event_types: Sequence[str] = (),
        description: str = "",
        once: Once | None = None,
    ) -> tuple[WebhookEndpoint, WebhookSecret]:
        """Return a new endpoint, told of what happens from now on, and its secret, which is never shown again.

        With ``once``, the endpoint that the same request made before is returned, with the secret it had then.

        Raises:
            IdempotencyMismatchError: another request came with the key.
            InvalidRequestError: the URL may not be used, or a type is none.
            InvalidStateError: the merchant has as many as there may be.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        checked = await self._checked_url(url, live=tenant.live)
        types, words = checked_types(event_types, "event_types"), _checked_description(description)
        secret, id = WebhookSecret.new(), new_id()
        sealed = self._seal(secret, tenant, id)
        async with changing(self._pool) as connection:
            if once is not None and (earlier := await once.first(connection, Made(id, sealed))):
                row = await connection.fetchrow(_GET, *_key(tenant), UUID(int=earlier.id))
                return endpoint_of(row), self._opened(earlier, tenant)
            await connection.execute(_LOCK_TENANT, f"webhook_endpoints {tenant.label}")
            if await connection.fetchval(_COUNT, *_key(tenant)) >= ENDPOINTS_MAX:
                raise InvalidStateError(f"a merchant has at most {ENDPOINTS_MAX} webhook endpoints: delete one")
            row = await connection.fetchrow(
                _INSERT, UUID(int=id), *_key(tenant), checked, words, types, sealed, time.time_ns()
            )
        return endpoint_of(row), secret

    async def of(self, tenant: Tenant) -> list[WebhookEndpoint]:
        """Return the endpoints of a tenant, the newest first. Raises LedgerUnavailableError."""
        with unavailable_raised():
            return [endpoint_of(row) for row in await self._pool.fetch(_LIST, *_key(tenant))]

    async def get(self, tenant: Tenant, id: int) -> WebhookEndpoint:
        """Return one endpoint. Raises NotFoundError, LedgerUnavailableError."""
        with unavailable_raised():
            return endpoint_of(await self._pool.fetchrow(_GET, *_key(tenant), UUID(int=id)))

    async def update(self, tenant: Tenant, id: int, change: EndpointChange) -> WebhookEndpoint:
        """Return the endpoint as changed. Once enabled again it is told of everything since it was disabled.

        Raises:
            InvalidRequestError: the URL may not be used, or a type is none.
            NotFoundError: there is no such endpoint.
            InvalidStateError: somebody else changed it at the same moment.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        before = await self.get(tenant, id)
        url = before.url if change.url is None else await self._checked_url(change.url, live=tenant.live)
        words = before.description if change.description is None else _checked_description(change.description)
        types = before.event_types if change.event_types is None else checked_types(change.event_types, "event_types")
        status = change.status or before.status
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                _UPDATE, *_key(tenant), UUID(int=id), url, words, types, status, before.version
            )
        if row is None:
            raise InvalidStateError("the endpoint was changed at the same moment: look at it again")
        return endpoint_of(row)

    async def rotate_secret(
        self, tenant: Tenant, id: int, *, overlap_seconds: int = 86_400, once: Once | None = None
    ) -> WebhookSecret:
        """Return a new secret; until the overlap ends every message carries a signature with the one before too.

        With ``once``, the secret that the same request made before is returned.

        Raises:
            IdempotencyMismatchError: another request came with the key.
            InvalidRequestError: the overlap is not from 0 to seven days.
            NotFoundError: there is no such endpoint.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        if not 0 <= overlap_seconds <= OVERLAP_SECONDS_MAX:
            raise InvalidRequestError(f"overlap_seconds: must be from 0 to {OVERLAP_SECONDS_MAX}")
        secret = WebhookSecret.new()
        until = time.time_ns() + overlap_seconds * 10**9
        sealed = self._seal(secret, tenant, id)
        async with changing(self._pool) as connection:
            if once is not None and (earlier := await once.first(connection, Made(id, sealed))):
                return self._opened(earlier, tenant)
            endpoint_of(await connection.fetchrow(_ROTATE, *_key(tenant), UUID(int=id), sealed, until))
        return secret

    async def delete(self, tenant: Tenant, id: int) -> None:
        """Remove an endpoint, and what was to be sent to it.

        Raises NotFoundError, LedgerUnavailableError, OutcomeUnknownError.
        """
        async with changing(self._pool) as connection:
            if await connection.execute(_DELETE, *_key(tenant), UUID(int=id)) == "DELETE 0":
                raise NotFoundError("there is no such webhook endpoint")

    def secrets_of(self, row: asyncpg.Record, at_ns: int) -> list[WebhookSecret]:
        """Return what signs for the endpoint in a row at that time, the current secret first.

        Raises SealedValueError: the vault's key is not the one they were sealed with.
        """
        sealed = [row["secret_sealed"]]
        if row["previous_secret_sealed"] is not None and row["previous_secret_until"] > at_ns:
            sealed.append(row["previous_secret_sealed"])
        context = _context(Tenant(row["merchant_id"].int, row["live"]), row["id"].int)
        return [WebhookSecret(value.decode()) for value in self._vault.open_many([(each, context) for each in sealed])]

    def _seal(self, secret: WebhookSecret, tenant: Tenant, id: int) -> bytes:
        return self._vault.seal(secret.reveal().encode(), _context(tenant, id))

    def _opened(self, made: Made, tenant: Tenant) -> WebhookSecret:
        return WebhookSecret(self._vault.open_value(made.sealed, _context(tenant, made.id)).decode())

    async def _checked_url(self, text: str, *, live: bool) -> str:
        url = self._guard.checked(text, live=live)
        await self._guard.check_reachable(url, live=live)
        return str(url)


def endpoint_of(row: asyncpg.Record | None) -> WebhookEndpoint:
    """Return the endpoint in a row. Raises NotFoundError where there is no row."""
    if row is None:
        raise NotFoundError("there is no such webhook endpoint")
    return WebhookEndpoint(
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        url=row["url"],
        description=row["description"],
        event_types=tuple(row["event_types"]),
        status=row["status"],
        disabled_reason=row["disabled_reason"],
        previous_secret_until=row["previous_secret_until"],
        failing_since=row["failing_since"],
        created_at=row["created_at"],
        version=row["version"],
    )


def _key(tenant: Tenant) -> tuple[UUID, bool]:
    return UUID(int=tenant.merchant_id), tenant.live


def _context(tenant: Tenant, id: int) -> Context:
    return Context(tenant.label, "webhook_secret", f"{id:032x}")


def _checked_description(text: str) -> str:
    if len(text) > DESCRIPTION_LENGTH_MAX:
        raise InvalidRequestError(f"description: at most {DESCRIPTION_LENGTH_MAX} characters")
    if unprintable := unprintable_in(text):
        raise InvalidRequestError(f"description: holds {unprintable}; nothing was recorded: leave it out")
    if secret := secret_in(text):
        raise InvalidRequestError(f"description: holds {secret}; nothing was recorded: never send one in clear")
    return text
