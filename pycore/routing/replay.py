"""Past traffic, decided again: what a changed rule set would have changed, before it is activated.

The router learns from every past try in order, and is asked twice before each one: with the rules in force and with the
changed ones. It never explores, so rules are the only difference. What a route that was not used would have brought is
an estimate: the success rate known at that moment, and the cost its price gives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pycore.errors import ConfigurationError
from pycore.moment import EPOCH, nanoseconds
from pycore.routing.decision import Considered, Outcome
from pycore.routing.route import AMOUNT_MAX
from pycore.routing.router import Router, RouteRequest, RoutingPolicy

_LINE_BYTES_MAX = 65_536
_OUTCOMES = {outcome.name.lower(): outcome for outcome in Outcome}


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One past try, as a line of the traffic file has it. Amounts are minor units; ``time`` is RFC 3339 with a zone."""

    time: datetime
    merchant: str
    method: str
    amount: int
    currency: str
    channel: str
    outcome: str
    cost: int
    bank: str | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.time.tzinfo is None or self.time < EPOCH:
            raise ValueError("time needs a zone, and is not before 1970")
        if self.outcome not in _OUTCOMES:
            raise ValueError(f"outcome is one of {', '.join(_OUTCOMES)}, not {self.outcome!r}")
        if not (0 <= self.amount <= AMOUNT_MAX and 0 <= self.cost <= AMOUNT_MAX):
            raise ValueError("amount and cost have at most 64 bits and no sign")

    @property
    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return nanoseconds(self.time)


class Tally(msgspec.Struct, kw_only=True):
    """What one set of decisions comes to, in one currency (minor units).

    Attributes:
        payments: decisions with a route to try.
        unroutable: decisions without one.
        amount: of those with a route.
        success_ppm_sum: their success rates in parts per million, added up; what happened counts 0 or a million.
        cost: what they cost.
    """

    payments: int = 0
    unroutable: int = 0
    amount: int = 0
    success_ppm_sum: int = 0
    cost: int = 0

    @property
    def success_ppm(self) -> int:
        """The mean success rate, in parts per million."""
        return self.success_ppm_sum // max(self.payments, 1)

    @property
    def cost_basis_points(self) -> int:
        """The cost in ten thousandths of the amount, rounded down."""
        return self.cost * 10_000 // max(self.amount, 1)

    def add(self, amount: int, success_ppm: int, cost: int) -> None:
        """Count a payment that has a route."""
        self.payments += 1
        self.amount += amount
        self.success_ppm_sum += success_ppm
        self.cost += cost

    def fields(self) -> dict[str, int]:
        """Return what is counted and what follows from it."""
        return {
            "payments": self.payments,
            "unroutable": self.unroutable,
            "amount": self.amount,
            "success_ppm": self.success_ppm,
            "cost": self.cost,
            "cost_basis_points": self.cost_basis_points,
        }


class Comparison(msgspec.Struct, kw_only=True):
    """One currency: what happened, what the rules in force decide, what the changed rules decide.

    ``past`` leaves out payers' refusals, which say nothing about a route.
    """

    past: Tally = msgspec.field(default_factory=Tally)
    current: Tally = msgspec.field(default_factory=Tally)
    changed: Tally = msgspec.field(default_factory=Tally)

    def tallies(self) -> dict[str, Tally]:
        """Return them by name, in this order."""
        return {"past": self.past, "current": self.current, "changed": self.changed}


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Payments that go elsewhere by the changed rules. Routes by name; None: there is none to try."""

    currency: str
    current: str | None
    changed: str | None
    payments: int
    amount: int
    success_ppm_before: int
    success_ppm_after: int
    cost_before: int
    cost_after: int


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found.

    Attributes:
        attempts: tries read.
        unknown_routes: tries on routes that the catalogue does not have: decided again, but not learned from.
        decided: tries decided again (those of the merchant asked for).
        comparisons: by currency.
        moves: the greatest first.
    """

    attempts: int
    unknown_routes: int
    decided: int
    comparisons: dict[str, Comparison]
    moves: list[Move]

    def fields(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return {
            "attempts": self.attempts,
            "unknown_routes": self.unknown_routes,
            "decided": self.decided,
            "currencies": {
                currency: {name: tally.fields() for name, tally in comparison.tallies().items()}
                for currency, comparison in sorted(self.comparisons.items())
            },
            "moves": [msgspec.structs.asdict(move) for move in self.moves],
        }


def read_traffic(file: Path) -> Iterator[Attempt]:
    """Yield the tries of a JSON-lines file.

    Raises ConfigurationError, naming the line, where one cannot be read.
    """
    decoder = msgspec.json.Decoder(Attempt)
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_LINE_BYTES_MAX), b""), start=1):
                if not line.strip():
                    continue
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise ConfigurationError(f"the traffic {file}, line {number}: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"the traffic {file} cannot be read: {error.strerror}") from error


def replay(
    router: Router, traffic: Iterable[Attempt], current: str, changed: str, *, merchant: str | None = None
) -> Replay:
    """Return what the changed rules would have changed.

    Args:
        router: one that knows nothing yet and does not explore.
        traffic: past tries, in order.
        current: the rules in force.
        changed: the rules to be tried.
        merchant: decide this merchant's payments only; the router learns from everybody's.

    Raises:
        RuleTextError: one of the texts is no rules.
    """
    texts = (current, changed)
    policies: dict[tuple[str, ...], list[RoutingPolicy]] = {(): [router.policy(text) for text in texts]}
    positions = {(route.channel, route.method, route.bank): at for at, route in enumerate(router.routes)}
    comparisons: defaultdict[str, Comparison] = defaultdict(Comparison)
    moved: defaultdict[tuple[str, str | None, str | None], list[int]] = defaultdict(lambda: [0] * 6)
    attempts = unknown_routes = decided = 0
    for attempt in traffic:
        attempts += 1
        if merchant is None or attempt.merchant == merchant:
            decided += 1
            if attempt.labels not in policies:
                policies[attempt.labels] = [router.policy(text, labels=attempt.labels) for text in texts]
            before, after = (_first(router, attempt, policy) for policy in policies[attempt.labels])
            _count(comparisons[attempt.currency], attempt, before, after)
            from_route, to_route = _name(router, before), _name(router, after)
            if from_route != to_route:
                _count_move(moved[attempt.currency, from_route, to_route], attempt, before, after)
        position = _route_of(attempt, positions)
        if position is None:
            unknown_routes += 1
        else:
            router.begin(position, now_ns=attempt.time_ns)
            router.record(position, _OUTCOMES[attempt.outcome], now_ns=attempt.time_ns)
    moves = [_move(key, sums) for key, sums in moved.items()]
    moves.sort(key=lambda move: (-move.payments, move.currency, move.current or "", move.changed or ""))
    return Replay(
        attempts=attempts,
        unknown_routes=unknown_routes,
        decided=decided,
        comparisons=dict(comparisons),
        moves=moves,
    )


def _first(router: Router, attempt: Attempt, policy: RoutingPolicy) -> Considered | None:
    request = RouteRequest(
        methods=(attempt.method,), currency=attempt.currency, amount_minor=attempt.amount, bank=attempt.bank
    )
    kept = router.decide(request, policy, now_ns=attempt.time_ns, seed=0).kept
    return kept[0] if kept else None


def _name(router: Router, found: Considered | None) -> str | None:
    return None if found is None else router.routes[found.route].name


def _count(comparison: Comparison, attempt: Attempt, before: Considered | None, after: Considered | None) -> None:
    if attempt.outcome != "refused":
        comparison.past.add(attempt.amount, 1_000_000 if attempt.outcome == "succeeded" else 0, attempt.cost)
    for tally, found in ((comparison.current, before), (comparison.changed, after)):
        if found is None:
            tally.unroutable += 1
        else:
            tally.add(attempt.amount, found.success_ppm, found.cost_minor)


def _count_move(sums: list[int], attempt: Attempt, before: Considered | None, after: Considered | None) -> None:
    figures = (
        1,
        attempt.amount,
        before.success_ppm if before else 0,
        after.success_ppm if after else 0,
        before.cost_minor if before else 0,
        after.cost_minor if after else 0,
    )
    for position, figure in enumerate(figures):
        sums[position] += figure


def _move(key: tuple[str, str | None, str | None], sums: list[int]) -> Move:
    currency, current, changed = key
    payments, amount, success_before, success_after, cost_before, cost_after = sums
    return Move(
        currency=currency,
        current=current,
        changed=changed,
        payments=payments,
        amount=amount,
        success_ppm_before=success_before // payments,
        success_ppm_after=success_after // payments,
        cost_before=cost_before,
        cost_after=cost_after,
    )


def _route_of(attempt: Attempt, positions: dict[tuple[str, str, str | None], int]) -> int | None:
    """Return the route a try was made on: the bank's own, where it has one."""
    own = positions.get((attempt.channel, attempt.method, attempt.bank))
    return positions.get((attempt.channel, attempt.method, None)) if own is None else own
