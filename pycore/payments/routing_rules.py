"""A merchant's routing rules: put in force, read back, and every version kept with who made it and when.

Live and test mode have rules of their own. Rules may name every channel there is, also one without an account here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from time import time_ns
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from pycore.channels import Method
from pycore.channels.capability import Capability, in_force, known_capabilities
from pycore.channels.clock import SHANGHAI
from pycore.errors import InvalidRequestError, NotFoundError
from pycore.merchants.page import Page, checked_limit
from pycore.moment import moment
from pycore.payments.request import refuse_secrets
from pycore.routing import Price, Route, Router, RuleTextError, Terms
from pycore.store import Pool, changing, unavailable_raised
from pycore.tenant import Tenant

_COLUMNS: Final = "version, rules, set_by, set_at"
_OF_TENANT: Final = "FROM routing_rules WHERE merchant_id = $1 AND live = $2"
_CURRENT: Final = f"SELECT {_COLUMNS} {_OF_TENANT} ORDER BY version DESC LIMIT 1"
_HISTORY: Final = f"SELECT {_COLUMNS} {_OF_TENANT} AND version < $3 ORDER BY version DESC LIMIT $4"
_VERSION_MAX: Final = 2**31 - 1


class RulesVersion(Struct, frozen=True, kw_only=True):
    """One version of a merchant's rules in one mode.

    Attributes:
        version: from 1; 0 where none were ever set.
        rules: the text (``docs/routing.md`` has the grammar).
        set_by: the key that set it (``key_…``), or who did at the command line.
        set_at: nanoseconds since 1970.
    """

    version: int = 0
    rules: str = ""
    set_by: str = ""
    set_at: int = 0


class RoutingRules:
    """The rules of all merchants, in the platform's database."""

    def __init__(
        self, pool: Pool, changed: Callable[[Tenant], None] = lambda _: None, *, clock_ns: Callable[[], int] = time_ns
    ) -> None:
        """``changed`` is called after each change, so that the router reads the rules anew."""
        self._pool = pool
        self._changed = changed
        self._clock_ns = clock_ns

    async def set(self, tenant: Tenant, rules: str, *, by: str) -> RulesVersion:
        """Put rules in force and return their version; those in force already stay as they are.

        Raises:
            InvalidRequestError: the text is no rules, with the line and column of the mistake.
            NotFoundError: there is no such merchant.
            LedgerUnavailableError, OutcomeUnknownError: see there.
        """
        self._check(rules)
        key = (UUID(int=tenant.merchant_id), tenant.live)
        async with changing(self._pool) as connection:
            # One change at a time, so that each has a version of its own.
            if not await connection.fetchval("SELECT true FROM merchants WHERE id = $1 FOR NO KEY UPDATE", key[0]):
                raise NotFoundError("there is no such merchant")
            current = _version(await connection.fetchrow(_CURRENT, *key))
            if current.version and current.rules == rules:
                return current
            row = await connection.fetchrow(
                "INSERT INTO routing_rules (merchant_id, live, version, rules, set_by, set_at)"
                f" VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}",
                *key,
                current.version + 1,
                rules,
                by,
                self._clock_ns(),
            )
        self._changed(tenant)
        return _version(row)

    async def current(self, tenant: Tenant) -> RulesVersion:
        """Return the rules in force. Raises LedgerUnavailableError."""
        with unavailable_raised():
            return _version(await self._pool.fetchrow(_CURRENT, UUID(int=tenant.merchant_id), tenant.live))

    async def history(self, tenant: Tenant, limit: int = 20, before_version: int = _VERSION_MAX) -> Page[RulesVersion]:
        """Return versions, newest first. Raises InvalidRequestError, LedgerUnavailableError."""
        wanted = checked_limit(limit)
        with unavailable_raised():
            rows = await self._pool.fetch(
                _HISTORY, UUID(int=tenant.merchant_id), tenant.live, min(before_version, _VERSION_MAX), wanted + 1
            )
        return Page([_version(row) for row in rows[:wanted]], len(rows) > wanted)

    def _check(self, rules: str) -> None:
        if "\0" in rules:
            raise InvalidRequestError("rules: must have no U+0000; nothing was recorded")
        refuse_secrets(rules=rules)
        today = moment(self._clock_ns()).astimezone(SHANGHAI).date()
        routes = [route for each in known_capabilities() for route in routes_of(each, today)]
        try:
            Router(routes).policy(rules)
        except RuleTextError as error:
            raise InvalidRequestError(
                f"rules, line {error.line}, column {error.column}: {error.reason}; the rules in force stay as they were"
            ) from None


def routes_of(capability: Capability, day: date) -> list[Route]:
    """Return the routes a channel has: one for each of its methods, with the limits and prices of the day."""
    price = Price(basis_points=in_force(capability.prices, day).basis_points)

    def terms(method: Method) -> tuple[Terms, ...]:
        limits = (capability.amount_limit(method, currency, day) for currency in sorted(capability.currencies))
        return tuple(
            Terms(currency=limit.currency, amount_min=limit.minimum_minor, amount_max=limit.maximum_minor, price=price)
            for limit in limits
            if limit is not None
        )

    return [
        Route(channel=capability.channel, method=method, terms=terms(method)) for method in sorted(capability.methods)
    ]


def _version(row: Any) -> RulesVersion:
    return RulesVersion() if row is None else RulesVersion(**dict(row))
