"""House rules as a test: it names the file, the line and the better form."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("core_rs", "pycore", "api", "bench", "tests")
LINES_MAX = 500
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base", "types", "misc", "grpc", "http"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|unimplemented!|todo!\(|NotImplementedError")
FLOAT_NEAR_MONEY = re.compile(r"float\([^)]*(amount|balance|debits|credits)")


def _sources() -> list[Path]:
    found = [path for room in ROOMS for kind in ("*.py", "*.rs") for path in (ROOT / room).rglob(kind)]
    return [path for path in found if path != Path(__file__) and "_generated" not in path.parts]


def test_files_hold_one_noun() -> None:
    long = {str(path.relative_to(ROOT)): size for path in _sources() if (size := _lines(path)) > LINES_MAX}
    assert not long, f"split these by noun: {long}"


def test_names_say_what_is_inside() -> None:
    vague = [str(path.relative_to(ROOT)) for path in _sources() if path.stem in FORBIDDEN_NAMES]
    assert not vague, f"name these by what is inside: {vague}"


def test_nothing_is_left_unfinished() -> None:
    found = _matches(UNFINISHED)
    assert not found, f"finish or delete: {found}"


def test_money_is_counted_in_integers() -> None:
    found = _matches(FLOAT_NEAR_MONEY)
    assert not found, f"count in minor units: {found}"


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in _sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
