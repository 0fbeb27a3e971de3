"""Reads the semantics tables: Markdown files a bookkeeper can read, one scenario per heading.

The notation is explained in ``tests/unit/ledger/tables/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EVENT_VERBS = frozenset({"account", "accounts", "transfer", "post", "void", "again"})
VERBS = EVENT_VERBS | {"clock", "wait"}


@dataclass(frozen=True)
class Row:
    """One line of a table: what happens, the code it must get, and what the books must say after it."""

    line: int
    joined: bool
    """Whether the event belongs to the request of the row above."""
    words: tuple[str, ...]
    code: str
    checks: tuple[str, ...]

    @property
    def verb(self) -> str:
        """What kind of row it is."""
        return self.words[0]


@dataclass(frozen=True)
class Scenario:
    """A named story: rows that are applied to an empty ledger, in order."""

    file: str
    name: str
    rows: tuple[Row, ...]

    @property
    def label(self) -> str:
        """A short name for test reports."""
        return f"{self.file}: {self.name}"


class TableError(ValueError):
    """A table cannot be read; the message names file and line."""


def read_tables(folder: Path) -> list[Scenario]:
    """Return every scenario of every table in the folder. Raises TableError."""
    scenarios: list[Scenario] = []
    for path in sorted(folder.glob("*.md")):
        if path.name != "README.md":
            scenarios += read_table(path)
    return scenarios


def read_table(path: Path) -> list[Scenario]:
    """Return the scenarios of one file. Raises TableError."""
    scenarios: list[Scenario] = []
    name, rows = "", list[Row]()
    for line, text in enumerate([*path.read_text(encoding="utf-8").splitlines(), "## "], start=1):
        if text.startswith("## "):
            if rows:
                scenarios.append(Scenario(path.stem, name, tuple(rows)))
            name, rows = text.removeprefix("## ").strip(), []
        elif text.startswith("|"):
            row = _read_row(path, line, text)
            if row is not None:
                if row.joined and not rows:
                    raise TableError(f"{path.name}:{line}: nothing above to join")
                rows.append(row)
    return scenarios


def _read_row(path: Path, line: int, text: str) -> Row | None:
    cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
    if len(cells) != 3:
        raise TableError(f"{path.name}:{line}: three cells are needed, not {len(cells)}")
    event, code, checks = cells
    if event == "event" or not event.strip("-: "):
        return None
    joined = event.startswith("& ")
    words = tuple(event.removeprefix("& ").split())
    if words[0] not in VERBS:
        raise TableError(f"{path.name}:{line}: unknown event {words[0]!r}")
    if (words[0] in EVENT_VERBS) != bool(code):
        raise TableError(f"{path.name}:{line}: an event needs a code, and nothing else has one")
    return Row(line, joined, words, code, tuple(check.strip() for check in checks.split(";") if check.strip()))
