"""``pycore route simulate``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pycore.command_line import command

ROUTES = """
[[route]]
channel = "wechat"
method = "qr"
[[route.terms]]
currency = "CNY"
price = { basis_points = 60 }

[[route]]
channel = "unionpay"
method = "qr"
[[route.terms]]
currency = "CNY"
price = { basis_points = 38 }
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    attempt = {
        "time": "2026-03-01T12:00:00Z", "merchant": "m1", "method": "qr", "amount": 1_000_000, "currency": "CNY",
        "channel": "wechat", "outcome": "succeeded", "cost": 6_000,
    }  # fmt: skip
    lines = [attempt, attempt | {"merchant": "m2", "outcome": "failed"}, attempt | {"channel": "visa"}]
    (tmp_path / "traffic.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (tmp_path / "routes.toml").write_text(ROUTES)
    (tmp_path / "new.rules").write_text("only wechat\n")
    (tmp_path / "old.rules").write_text("prefer unionpay\n")
    return tmp_path


def simulate(files: Path, *more: str, rules: str = "new.rules") -> tuple[int, str]:
    arguments = ["route", "simulate", str(files / "traffic.jsonl"), "--routes", str(files / "routes.toml")]
    found = CliRunner().invoke(command, [*arguments, "--rules", str(files / rules), *more])
    return found.exit_code, found.output


def test_a_table_for_people(files: Path) -> None:
    code, output = simulate(files, "--current", str(files / "old.rules"))
    assert code == 0
    assert "3 of 3 tries decided again" in output
    assert "unionpay/qr" in output
    assert "90.00" in output
    assert "1 tries were on routes that are not in" in output


def test_json_for_programs(files: Path) -> None:
    code, output = simulate(files, "--json", "--merchant", "m2", "--current", str(files / "old.rules"))
    found = json.loads(output)
    assert code == 0
    assert (found["attempts"], found["decided"], found["unknown_routes"]) == (3, 1, 1)
    assert found["currencies"]["CNY"]["current"] == {
        "payments": 1, "unroutable": 0, "amount": 1_000_000, "success_ppm": 900_000, "cost": 3_800,
        "cost_basis_points": 38,
    }  # fmt: skip
    assert found["currencies"]["CNY"]["past"]["success_ppm"] == 0
    assert [(move["current"], move["changed"]) for move in found["moves"]] == [("unionpay/qr", "wechat/qr")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("new.rules", "only visa", "line 1, column 6"),
        ("new.rules", None, "cannot be read"),
        ("routes.toml", "[[route]]", "routes.toml"),
        ("traffic.jsonl", "{}", "line 1"),
    ],
)
def test_what_is_wrong_is_said_and_ends_with_1(files: Path, name: str, text: str | None, message: str) -> None:
    if text is None:
        (files / name).unlink()
    else:
        (files / name).write_text(text)
    code, output = simulate(files)
    assert code == 1
    assert output.startswith("pycore: ")
    assert message in output
    code, output = simulate(files, "--json")
    assert code == 1
    assert message in json.loads(output)["error"]["message"]
