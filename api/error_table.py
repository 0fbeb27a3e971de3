"""``python -m api.error_table``: write docs/errors.md, the errors of both doors as a table (``make docs``)."""

from pathlib import Path
from typing import Final

from api.errors import OUTSIDE
from pycore.errors import PycoreError, RetryLaterError

FILE: Final = Path(__file__).parents[1] / "docs" / "errors.md"

_TOP: Final = """\
# Errors

Every error a request can end with. Made by `make docs` from `api/errors.py`; a test compares.

Reasons are stable; gRPC writes them in capitals. *Again* says whether the same request, sent again unchanged, can
succeed: after the error's own hint, after so many milliseconds, or at once. How errors travel: [API](api.md#errors).

| reason | gRPC | HTTP | again | meaning | 含义 |
|---|---|---|---|---|---|
"""


def table() -> str:
    """Return the document."""
    rows = sorted(OUTSIDE, key=lambda kind: (OUTSIDE[kind].http, kind.code))
    return _TOP + "".join(_row(kind) for kind in rows)


def _row(kind: type[PycoreError]) -> str:
    outside = OUTSIDE[kind]
    cells = (
        f"`{kind.code}`",
        outside.rpc.name,
        str(outside.http.value),
        _again(kind),
        kind.meaning,
        outside.chinese,
    )
    return f"| {' | '.join(cells)} |\n"


def _again(kind: type[PycoreError]) -> str:
    retry_after_ms = OUTSIDE[kind].retry_after_ms
    if issubclass(kind, RetryLaterError):
        return "after its hint"
    if retry_after_ms is None:
        return "yes" if kind.retryable else "no"
    return f"after {retry_after_ms} ms" if retry_after_ms else "yes"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
