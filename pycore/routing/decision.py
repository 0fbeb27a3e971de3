"""What was decided for a payment, and why."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Reason(IntEnum):
    """Why a route was kept at its place (below 32), or dropped. A test compares the list with the core's."""

    SCORED_BY_VALUE = 1
    ON_US = 2
    PREFERRED_BY_RULE = 3
    AVOIDED_BY_RULE = 4
    PROBE = 5
    LAST_RESORT = 6
    METHOD_NOT_OFFERED = 32
    BANK_NOT_SERVED = 33
    BANK_HAS_OWN_ROUTE = 34
    CURRENCY_NOT_TAKEN = 35
    AMOUNT_BELOW_LIMIT = 36
    AMOUNT_ABOVE_LIMIT = 37
    DOWN = 38
    DENIED_TO_MERCHANT = 39
    NOT_ALLOWED_TO_MERCHANT = 40
    EXCLUDED_BY_RULE = 41
    COOLING_DOWN = 42
    PROBE_UNDER_WAY = 43


class Outcome(IntEnum):
    """What became of a try, as far as routing cares.

    ``REFUSED`` is the payer's refusal or lack of money: the channel works. ``UNKNOWN`` is no answer in time: the
    channel failed to answer, which says nothing about the payment.
    """

    SUCCEEDED = 1
    FAILED = 2
    REFUSED = 3
    UNKNOWN = 4


class Considered(msgspec.Struct, frozen=True):
    """A line of the decision log. What was dropped has no rate, cost or score (zero).

    Attributes:
        route: the route's position among the router's routes.
        reason: why it was kept or dropped.
        rule_line: the line of the rule that decided; 0 where none did.
        success_ppm: the success rate it was scored with, in parts per million.
        cost_minor: what it costs, in minor units.
        score: value × success − cost, in millionths of a minor unit.
    """

    route: int
    reason: Reason
    rule_line: int
    success_ppm: int
    cost_minor: int
    score: int


class Decision(msgspec.Struct, frozen=True):
    """The routes to try, best first, and why the others were dropped.

    Attributes:
        explored: the success rates were drawn, to learn, and not the most probable ones.
        kept: the routes to try, best first.
        dropped: the other routes, in the catalogue's order.
    """

    explored: bool
    kept: tuple[Considered, ...]
    dropped: tuple[Considered, ...]


class Standing(msgspec.Struct, frozen=True):
    """What is known of a route now.

    Attributes:
        success_ppm: the most probable success rate, in parts per million.
        is_up: it was not reported as down.
        is_set_aside: it failed too often in a row and cools down, or a probe is under way.
    """

    success_ppm: int
    is_up: bool
    is_set_aside: bool
