"""The router as Python sees it; its rules are proved beside the core."""

from typing import Any

import msgspec
import pytest

from pycore import _core
from pycore.errors import ConfigurationError
from pycore.routing import (
    Outcome,
    Price,
    Reason,
    Route,
    Router,
    RouteRequest,
    RouterOptions,
    RuleTextError,
    Standing,
    Terms,
)

NOON_NS = 1_700_020_800 * 10**9
"""In Shanghai."""


def route(channel: str, basis_points: int, **more: Any) -> Route:
    terms = Terms(currency="CNY", amount_max=1_000_000, price=Price(basis_points=basis_points))
    return Route(channel=channel, method="qr", terms=(terms,), **more)


ROUTES = (route("wechat", 60), route("unionpay", 38), route("balance", 0, on_us=True), route("alipay", 55, bank="icbc"))
REQUEST = RouteRequest(methods=("qr",), currency="CNY", amount_minor=10_000)


@pytest.fixture
def router() -> Router:
    return Router(ROUTES, RouterOptions(exploration_ppm=0))


def test_a_decision_has_every_route_with_its_reason(router: Router) -> None:
    decision = router.decide(REQUEST, router.policy(), now_ns=NOON_NS, seed=1)
    assert not decision.explored
    assert [(each.route, each.reason) for each in decision.kept] == [
        (2, Reason.ON_US),
        (1, Reason.SCORED_BY_VALUE),
        (0, Reason.SCORED_BY_VALUE),
    ]
    assert [(each.route, each.reason) for each in decision.dropped] == [(3, Reason.BANK_NOT_SERVED)]
    cheaper = decision.kept[1]
    assert (cheaper.cost_minor, cheaper.success_ppm) == (38, 900_000)
    assert cheaper.score == 10_000 * 900_000 - 38 * 1_000_000


def test_rules_and_lists_of_a_merchant(router: Router) -> None:
    rules = "# ours\nwhen label is vip prefer wechat\nwhen hour from 12 to 13 avoid balance"
    policy = router.policy(rules, allowed=["wechat", "balance", "unionpay"], denied=["unionpay"], labels=["vip"])
    decision = router.decide(REQUEST, policy, now_ns=NOON_NS, seed=1)
    assert [(each.route, each.reason, each.rule_line) for each in decision.kept] == [
        (0, Reason.PREFERRED_BY_RULE, 2),
        (2, Reason.AVOIDED_BY_RULE, 3),
    ]
    assert {each.reason for each in decision.dropped} == {Reason.DENIED_TO_MERCHANT, Reason.BANK_NOT_SERVED}


def test_a_mistake_in_rules_is_told_with_its_place(router: Router) -> None:
    with pytest.raises(RuleTextError, match="line 2, column 8: `visa` is not a channel") as caught:
        router.policy("prefer wechat\nprefer visa")
    assert (caught.value.line, caught.value.column, caught.value.code) == (2, 8, "routing_rules")
    assert isinstance(caught.value, ConfigurationError)


def test_the_worth_of_a_success_weighs_against_the_cost(router: Router) -> None:
    for _ in range(90):
        router.record(0, Outcome.SUCCEEDED, now_ns=NOON_NS)
    policy = router.policy(denied=["balance"])

    def first(value_minor: int | None) -> int:
        request = RouteRequest(methods=("qr",), currency="CNY", amount_minor=10_000, value_minor=value_minor)
        return router.decide(request, policy, now_ns=NOON_NS, seed=1).kept[0].route

    # 99 % against 90 %, 60 against 38: the better rate is worth it from 22 / 0.09 = 244 on.
    assert (first(None), first(10_000), first(250), first(240), first(0)) == (0, 0, 0, 1, 1)


def test_failures_in_a_row_set_a_route_aside_until_a_probe_answers(router: Router) -> None:
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN) * 3:
        router.record(1, outcome, now_ns=NOON_NS)
    assert router.standing(1, now_ns=NOON_NS) == Standing(562_500, is_up=True, is_set_aside=True)
    later = NOON_NS + 60 * 10**9
    assert not router.standing(1, now_ns=later).is_set_aside
    router.begin(1, now_ns=later)
    assert router.standing(1, now_ns=later).is_set_aside
    router.record(1, Outcome.REFUSED, now_ns=later)
    assert not router.standing(1, now_ns=later).is_set_aside


def test_what_is_reported_as_down_is_dropped(router: Router) -> None:
    router.set_up(2, is_up=False)
    decision = router.decide(REQUEST, router.policy(), now_ns=NOON_NS, seed=1)
    assert Reason.DOWN in {each.reason for each in decision.dropped}
    assert not router.standing(2, now_ns=NOON_NS).is_up


def test_the_seed_decides_and_nothing_else() -> None:
    router = Router(ROUTES, RouterOptions(exploration_ppm=1_000_000))
    policy = router.policy("avoid balance")
    once, again = ([router.decide(REQUEST, policy, now_ns=NOON_NS, seed=seed) for seed in range(100)] for _ in range(2))
    assert once == again
    assert {decision.kept[0].route for decision in once} == {0, 1}


@pytest.mark.parametrize(
    ("routes", "options", "message"),
    [
        ((route("a b", 1),), RouterOptions(), "route 0: a name is"),
        ((route("a", 1), route("a", 2)), RouterOptions(), "route 1: there is another"),
        ((route("a", 10_001),), RouterOptions(), "basis points"),
        ((route("a", -1),), RouterOptions(), "out of range"),
        ((route("a", 1),), RouterOptions(prior_failed=0), "prior"),
    ],
)
def test_what_makes_no_router(routes: tuple[Route, ...], options: RouterOptions, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Router(routes, options)


@pytest.mark.parametrize("amount", [-1, 2**64])
def test_amounts_have_64_bits(router: Router, amount: int) -> None:
    request = RouteRequest(methods=("qr",), currency="CNY", amount_minor=amount)
    with pytest.raises(OverflowError):
        router.decide(request, router.policy(), now_ns=NOON_NS, seed=1)


def test_a_route_that_is_not_there(router: Router) -> None:
    for call in (
        lambda: router.begin(4, now_ns=0),
        lambda: router.record(4, Outcome.FAILED, now_ns=0),
        lambda: router.set_up(4, is_up=True),
        lambda: router.standing(4, now_ns=0),
    ):
        with pytest.raises(IndexError, match="no route 4"):
            call()


def test_reasons_are_the_cores() -> None:
    assert {reason.name.lower(): int(reason) for reason in Reason} == _core.routing_reason_names()


def test_outcomes_are_the_cores() -> None:
    core = _core.Router([], msgspec.structs.astuple(RouterOptions()))
    with pytest.raises(IndexError):
        core.record(0, max(Outcome), 0)
    with pytest.raises(ValueError, match="no outcome"):
        core.record(0, max(Outcome) + 1, 0)
