"""What a measurement leaves behind, and the file all of them are kept in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

LATEST = Path(__file__).parent / "results" / "latest.json"


class Result(msgspec.Struct, kw_only=True):
    """One figure.

    ``baseline`` is what it was compared with in the same run, in the same unit; ``ratio`` is value / baseline.
    ``cpu`` is CPU seconds of the processes involved, apart.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    parameters: dict[str, Any] = {}
    commit: str = ""
    cpu: dict[str, float] = {}


def compared(name: str, value: float, unit: str, baseline: float, **more: Any) -> Result:
    """Return a result with its ratio to what it was compared with."""
    return Result(name=name, value=value, unit=unit, baseline=baseline, ratio=value / baseline, **more)


def read(path: Path = LATEST) -> list[Result]:
    """Return the results in ``path``; none where there is no such file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Result]) if path.exists() else []


def write(results: Iterable[Result], path: Path = LATEST) -> None:
    """Put results into the file; those of the same name are replaced, the others stay."""
    by_name = {result.name: result for result in read(path)}
    commit = current_commit()
    for result in results:
        result.commit = commit
        by_name[result.name] = result
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.encode(sorted(by_name.values(), key=lambda result: result.name))
    path.write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")


def current_commit() -> str:
    """Return the commit that is measured, marked where the working tree differs from it."""
    root = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        ).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
