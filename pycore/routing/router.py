"""The router: learns from outcomes, decides for each payment which routes to try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from pycore import _core
from pycore._core import RoutingPolicy
from pycore.errors import ConfigurationError
from pycore.routing.decision import Considered, Decision, Outcome, Reason, Standing
from pycore.routing.route import Route

__all__ = ["RouteRequest", "Router", "RouterOptions", "RoutingPolicy", "RuleTextError"]

_SECOND = 10**9


class RuleTextError(ConfigurationError):
    """A text that is no routing rules; nothing was changed."""

    code: ClassVar[str] = "routing_rules"

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"routing rules, line {line}, column {column}: {reason}; the rules in force stay as they were")
        self.line = line
        """The line of the mistake, from 1."""
        self.column = column
        """Its column in characters, from 1."""
        self.reason = reason
        """What was expected or is wrong."""


class RouterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a router learns and forgets.

    Attributes:
        half_life_ns: nanoseconds after which an outcome counts half.
        prior_succeeded: what is believed of a route before anything is known: as many successes, 1 or more.
        prior_failed: and as many failures, 1 or more.
        failures_max: consecutive failures after which a route is set aside, 1 or more.
        cool_down_ns: nanoseconds for which it is set aside the first time, and for which a probe without outcome counts
            as under way.
        cool_down_ns_max: the most it is set aside at once: each failed probe doubles the time.
        exploration_ppm: the share of decisions that explore, in parts per million.
        utc_offset_s: seconds by which the business day's clock is ahead of UTC (Asia/Shanghai).
    """

    half_life_ns: int = 300 * _SECOND
    prior_succeeded: int = 9
    prior_failed: int = 1
    failures_max: int = 5
    cool_down_ns: int = 30 * _SECOND
    cool_down_ns_max: int = 600 * _SECOND
    exploration_ppm: int = 50_000
    utc_offset_s: int = 8 * 3600


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One payment.

    Attributes:
        methods: the methods the payer can use now.
        currency: the amount's currency.
        amount_minor: what is paid, in minor units.
        bank: the payer's bank, where it is known.
        value_minor: what it is worth to the merchant that the payment succeeds, in minor units. None: the amount.
    """

    methods: tuple[str, ...]
    currency: str
    amount_minor: int
    bank: str | None = None
    value_minor: int | None = None


class Router:
    """Decides which routes to try. Safe to share between threads; a route is known by its position in ``routes``.

    Raises ConfigurationError where routes or options contradict themselves.
    """

    def __init__(self, routes: Sequence[Route], options: RouterOptions | None = None) -> None:
        self.routes = tuple(routes)
        """The catalogue."""
        try:
            catalogue = [_core_route(route) for route in self.routes]
            self._router = _core.Router(catalogue, msgspec.structs.astuple(options or RouterOptions()))
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"the router cannot be made: {error}") from error

    def policy(
        self,
        rules: str = "",
        *,
        allowed: Sequence[str] | None = None,
        denied: Sequence[str] = (),
        labels: Sequence[str] = (),
    ) -> RoutingPolicy:
        """Return what a merchant may and wants to use.

        Args:
            rules: its rules (``docs/routing.md`` has the grammar).
            allowed: the only channels it may use; None: all.
            denied: channels it may not use, even if allowed.
            labels: what rules can say ``label is`` of.

        Raises:
            RuleTextError: the text is no rules, or names what the catalogue lacks.
        """
        try:
            return self._router.policy(None if allowed is None else list(allowed), list(denied), list(labels), rules)
        except _core.RuleTextError as error:
            raise RuleTextError(*error.args) from None

    def decide(self, request: RouteRequest, policy: RoutingPolicy, *, now_ns: int, seed: int) -> Decision:
        """Return the routes to try, best first, and why each route was kept or dropped.

        Args:
            request: the payment.
            policy: the merchant's.
            now_ns: nanoseconds since 1970.
            seed: 64 random bits; the same state, arguments and seed give the same decision on every machine.

        Raises OverflowError where a number is negative or has more than 64 bits.
        """
        value_minor = request.amount_minor if request.value_minor is None else request.value_minor
        asked = (request.methods, request.bank, request.currency, request.amount_minor, value_minor)
        explored, kept, found = self._router.decide(asked, policy, now_ns, seed)
        considered = [Considered(route, Reason(reason), *figures) for route, reason, *figures in found]
        return Decision(explored, tuple(considered[:kept]), tuple(considered[kept:]))

    def begin(self, route: int, *, now_ns: int) -> None:
        """Note that a try on a route begins, when its intention is recorded. Raises IndexError."""
        self._router.begin(route, now_ns)

    def record(self, route: int, outcome: Outcome, *, now_ns: int) -> None:
        """Note how a try ended, or that it was not answered in time; what becomes of it later is not recorded again.

        Raises IndexError.
        """
        self._router.record(route, outcome, now_ns)

    def set_up(self, route: int, *, is_up: bool) -> None:
        """Note that a route is reported as up or down. Raises IndexError."""
        self._router.set_up(route, is_up)

    def standing(self, route: int, *, now_ns: int) -> Standing:
        """Return what is known of a route. Raises IndexError."""
        return Standing(*self._router.standing(route, now_ns))


def _core_route(route: Route) -> _core._Route:
    terms = [
        (
            each.currency,
            each.amount_min,
            each.amount_max,
            each.price.basis_points,
            each.price.fixed_minor,
            each.price.min_minor,
            each.price.max_minor,
        )
        for each in route.terms
    ]
    return (route.channel, route.method, route.bank, route.on_us, terms)
