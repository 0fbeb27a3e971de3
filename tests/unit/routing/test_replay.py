"""Replaying past traffic: what is learned, what is compared, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from pycore.errors import ConfigurationError
from pycore.routing import Price, Route, Router, RouterOptions, RuleTextError, Tally, Terms, load_routes, read_traffic
from pycore.routing import replay as run_replay
from pycore.routing.replay import Replay

ATTEMPT = {
    "time": "2026-03-01T12:00:00+08:00",
    "merchant": "m1",
    "method": "qr",
    "bank": None,
    "amount": 10_000,
    "currency": "CNY",
    "channel": "wechat",
    "outcome": "succeeded",
    "cost": 60,
}


def traffic(folder: Path, *changes: dict[str, Any]) -> Path:
    file = folder / "traffic.jsonl"
    file.write_text("\n".join(json.dumps(ATTEMPT | change) for change in changes))
    return file


def router() -> Router:
    def route(channel: str, basis_points: int, bank: str | None = None) -> Route:
        terms = (Terms(currency="CNY", price=Price(basis_points=basis_points)),)
        return Route(channel=channel, method="qr", bank=bank, terms=terms)

    routes = [route("wechat", 60), route("unionpay", 38), route("unionpay", 20, "icbc")]
    return Router(routes, RouterOptions(exploration_ppm=0))


def replayed(file: Path, changed: str, current: str = "", merchant: str | None = None) -> Replay:
    return run_replay(router(), read_traffic(file), current, changed, merchant=merchant)


def test_a_rule_moves_payments_and_the_report_says_what_that_comes_to(tmp_path: Path) -> None:
    file = traffic(tmp_path, *[{}] * 3, {"outcome": "failed"}, {"outcome": "refused"})
    found = replayed(file, "prefer wechat", current="prefer unionpay")
    comparison = found.comparisons["CNY"]
    assert (found.attempts, found.decided, found.unknown_routes) == (5, 5, 0)
    assert comparison.past == Tally(payments=4, amount=40_000, success_ppm_sum=3_000_000, cost=240)
    assert (comparison.past.success_ppm, comparison.past.cost_basis_points) == (750_000, 60)
    assert (comparison.current.cost, comparison.changed.cost) == (5 * 38, 5 * 60)
    [move] = found.moves
    assert (move.current, move.changed, move.payments, move.amount) == ("unionpay/qr", "wechat/qr", 5, 50_000)
    # Nothing is known of unionpay but what is believed at first; wechat is learned: 9/10, 10/11, 11/12, 12/13, 12/14.
    rates = [9 / 10, 10 / 11, 11 / 12, 12 / 13, 12 / 14]
    assert move.success_ppm_before == 900_000
    assert move.success_ppm_after == sum(int(rate * 1_000_000) for rate in rates) // 5
    assert (move.cost_before, move.cost_after) == (190, 300)


def test_rules_that_change_nothing_move_nothing(tmp_path: Path) -> None:
    found = replayed(traffic(tmp_path, {}, {}), "prefer wechat", current="avoid unionpay")
    assert found.moves == []
    assert found.comparisons["CNY"].current == found.comparisons["CNY"].changed


def test_payments_without_any_route_are_told(tmp_path: Path) -> None:
    changed = "when amount > 5 and currency is CNY only unionpay\nonly wechat"
    found = replayed(traffic(tmp_path, {}, {"amount": 5}), changed, current="avoid wechat")
    assert found.comparisons["CNY"].changed.unroutable == 1
    assert [(move.changed, move.payments) for move in found.moves] == [(None, 1), ("wechat/qr", 1)]


def test_one_merchants_payments_are_decided_and_everybodys_are_learned_from(tmp_path: Path) -> None:
    file = traffic(tmp_path, {"merchant": "m2"}, {})
    found = replayed(file, "prefer wechat", "prefer unionpay", merchant="m1")
    assert (found.attempts, found.decided) == (2, 1)
    assert found.moves[0].success_ppm_after == 10 * 1_000_000 // 11


def test_labels_banks_currencies_and_unknown_routes(tmp_path: Path) -> None:
    file = traffic(
        tmp_path,
        {"labels": ["vip"]},
        {"bank": "icbc", "channel": "unionpay", "time": "2026-03-08T12:00:00Z"},
        {"currency": "USD", "channel": "visa"},
    )
    found = replayed(file, "when label is vip prefer wechat")
    assert [(move.current, move.changed) for move in found.moves] == [("unionpay/qr", "wechat/qr")]
    assert found.moves[0].payments == 1
    assert found.unknown_routes == 1
    assert found.comparisons["USD"].current == Tally(unroutable=1)
    assert found.comparisons["CNY"].current.cost == 38 + 20


def test_the_same_replay_twice_is_the_same(tmp_path: Path) -> None:
    file = traffic(tmp_path, *[{"outcome": "failed"}, {}, {"bank": "icbc"}] * 20)
    assert replayed(file, "prefer wechat") == replayed(file, "prefer wechat")


def test_rules_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(RuleTextError, match="line 1, column 6"):
        replayed(tmp_path / "missing", "only visa")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: "),
        ("[]", "line 2: "),
        (json.dumps(ATTEMPT | {"outcome": "won"}), "line 2: outcome is one of succeeded, failed, refused, unknown"),
        (json.dumps(ATTEMPT | {"amount": -1}), "line 2: amount and cost"),
        (json.dumps(ATTEMPT | {"cost": 2**64}), "line 2: "),
        (json.dumps(ATTEMPT | {"amount": 1.5}), "line 2: "),
        (json.dumps(ATTEMPT | {"amount": "1"}), "line 2: "),
        (json.dumps(ATTEMPT | {"time": "2026-03-01T12:00:00"}), "line 2: time needs a zone"),
        (json.dumps(ATTEMPT | {"surprise": 1}), "line 2: "),
        ("x" * 100_000, "line 2: "),
        ("\x00", "line 2: "),
    ],
)
def test_a_line_that_is_no_attempt_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "traffic.jsonl"
    file.write_text(json.dumps(ATTEMPT) + "\n" + line + "\n")
    with pytest.raises(ConfigurationError, match=message):
        list(read_traffic(file))


def test_routes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text(
        '[[route]]\nchannel = "wechat"\nmethod = "qr"\n'
        '[[route.terms]]\ncurrency = "CNY"\namount_max = 500\nprice = { basis_points = 60 }\n'
    )
    terms = (Terms(currency="CNY", amount_max=500, price=Price(basis_points=60)),)
    assert load_routes(file) == (Route(channel="wechat", method="qr", terms=terms),)
    for text, message in (("[[route]", "routes.toml"), ("route = 1", "routes.toml"), ("[[route]]\nx = 1", "x")):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match=message):
            load_routes(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_routes(tmp_path / "missing")
