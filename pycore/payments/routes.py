"""Which channel a payment is tried at first, decided by the router and remembered with its reasons."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog

from pycore.channels import ChannelConnection
from pycore.channels.capability import known_capabilities
from pycore.channels.clock import SHANGHAI
from pycore.payments.record import PaymentRecord
from pycore.payments.routing_rules import routes_of
from pycore.routing import (
    Considered,
    Decision,
    Outcome,
    Reason,
    Route,
    Router,
    RouteRequest,
    RoutingPolicy,
    RuleTextError,
)
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

log = structlog.get_logger(__name__)

_POLICY_SECONDS: Final = 10.0
_POLICIES_MAX: Final = 10_000
_REMEMBERED_NS: Final = 30 * 60 * 10**9
_POLICY: Final = """
SELECT coalesce((SELECT rules FROM routing_rules WHERE merchant_id = merchants.id AND live = $2
    ORDER BY version DESC LIMIT 1), ''), labels
FROM merchants WHERE id = $1
"""
_NO_NEWS: Final = frozenset({Reason.METHOD_NOT_OFFERED, Reason.NOT_ALLOWED_TO_MERCHANT})
_RECENT: Final = """
SELECT channel, method, live, routed_as, updated_at FROM payment_attempts
WHERE updated_at > $1 AND routed_as IS NOT NULL ORDER BY updated_at LIMIT 100000
"""


class Choice(NamedTuple):
    """The channels to try, best first, and the decision for the timeline."""

    channels: list[str]
    decision: dict[str, Any]


class _World(NamedTuple):
    """What is learned in live or in test mode."""

    channels: frozenset[str]
    router: Router
    positions: dict[tuple[str, str], int]
    policies: dict[int, tuple[float, RoutingPolicy]]


class ChannelRoutes:
    """The routes of both modes. What one learns says nothing about the other.

    Args:
        store: where the merchants' rules and the recent outcomes are.
        clock_ns: nanoseconds since 1970.
    """

    def __init__(self, store: Store, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._clock_ns = clock_ns
        self._worlds: dict[bool, _World] = {}

    async def choose(
        self, record: PaymentRecord, methods: Sequence[str], connections: Mapping[str, ChannelConnection]
    ) -> Choice:
        """Return the channels to try for a payment. Raises LedgerUnavailableError."""
        live = record.tenant.live
        world = await self._world(connections, live=live)
        policy = await self._policy(world, record.tenant)
        request = RouteRequest(methods=tuple(methods), currency=record.currency, amount_minor=record.amount)
        decision = world.router.decide(request, policy, now_ns=self._clock_ns(), seed=secrets.randbits(64))
        channels = [world.router.routes[each.route].channel for each in decision.kept]
        return Choice(channels, _described(world.router.routes, decision))

    def forget(self, tenant: Tenant) -> None:
        """Read a merchant's rules anew; those that another process changes count within ten seconds."""
        world = self._worlds.get(tenant.live)
        if world is not None:
            world.policies.pop(tenant.merchant_id, None)

    def begin(self, channel: str, method: str, *, live: bool) -> None:
        """Note that a try begins."""
        self._note(channel, method, live, lambda router, route: router.begin(route, now_ns=self._clock_ns()))

    def record(self, channel: str, method: str, outcome: Outcome, *, live: bool) -> None:
        """Note how a try ended."""
        self._note(channel, method, live, lambda router, route: router.record(route, outcome, now_ns=self._clock_ns()))

    def _note(self, channel: str, method: str, live: bool, note: Callable[[Router, int], None]) -> None:
        world = self._worlds.get(live)
        position = None if world is None else world.positions.get((channel, method))
        if world is not None and position is not None:
            note(world.router, position)

    async def _world(self, connections: Mapping[str, ChannelConnection], *, live: bool) -> _World:
        channels = frozenset(connections)
        world = self._worlds.get(live)
        if world is None or world.channels != channels:
            day = datetime.fromtimestamp(self._clock_ns() / 1e9, SHANGHAI).date()
            # Rules may name channels that have no account here: their routes are known, and never allowed.
            capabilities = {each.channel: each for each in known_capabilities()}
            capabilities |= {channel: each.capability for channel, each in connections.items()}
            routes = [route for each in capabilities.values() for route in routes_of(each, day)]
            positions = {(route.channel, route.method): place for place, route in enumerate(routes)}
            world = _World(channels, Router(routes), positions, {})
            await self._relearn(world, live=live)
            self._worlds[live] = world
        return world

    async def _relearn(self, world: _World, *, live: bool) -> None:
        """Tell a new router what happened lately, each outcome at its time."""
        with unavailable_raised():
            rows = await self._store.pool.fetch(_RECENT, self._clock_ns() - _REMEMBERED_NS)
        for row in rows:
            position = world.positions.get((row["channel"], row["method"]))
            if row["live"] == live and position is not None:
                world.router.record(position, Outcome[row["routed_as"].upper()], now_ns=row["updated_at"])

    async def _policy(self, world: _World, tenant: Tenant) -> RoutingPolicy:
        merchant_id = tenant.merchant_id
        known = world.policies.get(merchant_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        with unavailable_raised():
            row = await self._store.pool.fetchrow(_POLICY, UUID(int=merchant_id), tenant.live)
        rules, labels = ("", []) if row is None else row
        allowed = sorted(world.channels)
        try:
            policy = world.router.policy(rules, allowed=allowed, labels=labels)
        except RuleTextError as error:
            # They were right when they were set: a channel was taken out of the software since. Payments go on.
            log.warning("routing rules cannot be used", merchant=f"{merchant_id:032x}", reason=error.reason)
            policy = world.router.policy(allowed=allowed, labels=labels)
        if len(world.policies) >= _POLICIES_MAX:
            world.policies.clear()
        world.policies[merchant_id] = (time.monotonic() + _POLICY_SECONDS, policy)
        return policy


def _described(routes: Sequence[Route], decision: Decision) -> dict[str, Any]:
    def line(each: Considered) -> dict[str, Any]:
        shown: dict[str, Any] = {"route": routes[each.route].name, "reason": each.reason.name.lower()}
        if each.rule_line:
            shown["rule_line"] = each.rule_line
        if each.success_ppm:
            shown |= {"success_ppm": each.success_ppm, "cost_minor": each.cost_minor, "score": each.score}
        return shown

    return {
        "explored": decision.explored,
        "kept": [line(each) for each in decision.kept],
        # That a channel's other methods are not this one, and that we have no account there, is no news.
        "dropped": [line(each) for each in decision.dropped if each.reason not in _NO_NEWS],
    }
