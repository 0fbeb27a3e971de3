"""The list every file of Alipay's is: head lines with ``#``, columns, rows, an end line, totals with ``#``.

Rows look like CSV but know no quoting: a mark that stands in a name stands in the file. Values end with a tab before
their comma, which tells a comma between values from one in a name. Columns are found by their names: new ones come at
the end from time to time, and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from msgspec import Struct

from pycore.channels import archive
from pycore.channels.bill import DIFFERENCES_MAX, Differences, SetAside
from pycore.channels.failure import BillRefusedError
from pycore.money import CNY, minor_units

_DAY: Final = re.compile(r"#起始日期：\[([0-9]{4})[年-]([0-9]{2})[月-]([0-9]{2})日? 00:00:00\]")

Row = Mapping[str, str]
"""A row's values by the name of their column, without spaces and tabs around."""


class BillList(Struct, frozen=True):
    """The rows of a file with their line numbers, the rows that are none, and the lines after them."""

    rows: tuple[tuple[int, Row], ...]
    set_aside: tuple[SetAside, ...]
    trailer: tuple[str, ...]


def read_list(packed: bytes, title: str, columns: str, day: date) -> BillList:
    """Return the list called ``title`` (业务明细 or 账务明细) of the ZIP, whole, of ``day``, with ``columns`` at least.

    Raises BillRefusedError.
    """
    texts = [_decoded(content) for content in archive.members(packed, names="gbk").values()]
    found = [text for text in texts if f"{title}列表" in text]
    if len(found) != 1:
        raise BillRefusedError((f"the archive holds {len(found)} lists {title} instead of 1",))
    # Not splitlines: a text may hold one of the other characters that end a line in Unicode.
    text = [line.rstrip("\r") for line in found[0].split("\n")]
    differences = Differences()
    end_line = re.compile(rf"#-*{title}列表结束-*")
    head = next((number for number, line in enumerate(text) if not line.startswith("#")), len(text))
    end = next((number for number, line in enumerate(text) if end_line.fullmatch(line.strip())), len(text))
    names = _names(text[head]) if head < len(text) else []
    if not any(_begins(line, day) for line in text[:head]):
        differences.add("it is of another day, or does not say of which")
    if not set(_names(columns)) <= set(names) or len(set(names)) != len(names):
        differences.add("its head line does not name the known columns, each once", head + 1)
    if end == len(text):
        differences.add("the end of the list is missing")
    differences.refuse()
    # Where the head line ends with a comma, so do the rows.
    extra = "," if text[head].rstrip().endswith(",") else ""
    lines = [(number, line.rstrip().removesuffix(extra)) for number, line in enumerate(text[:end], 1) if line.strip()]
    rows = [(number, _row(line, names)) for number, line in lines if number > head + 1]
    return BillList(
        rows=tuple((number, row) for number, row in rows if row is not None),
        set_aside=set_aside((number, "it has not one value for each column") for number, row in rows if row is None),
        trailer=tuple(text[end + 1 :]),
    )


def set_aside(lines: Iterable[tuple[int, str]]) -> tuple[SetAside, ...]:
    """Return lines to be set aside. Raises BillRefusedError where they are so many that it is no bill we know."""
    found = tuple(SetAside(*line) for line in lines)
    if len(found) > DIFFERENCES_MAX:
        raise BillRefusedError(tuple(f"line {line.number}: {line.why}" for line in found[:DIFFERENCES_MAX]))
    return found


def fen(text: str) -> int:
    """Return an amount of a bill, which may be negative or absent. Raises ValueError."""
    return minor_units(text or "0", CNY, signed=True)


def _begins(line: str, day: date) -> bool:
    found = _DAY.match(line)
    return found is not None and "-".join(found.groups()) == day.isoformat()


def _decoded(content: bytes) -> str:
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        raise BillRefusedError(("a file is not GBK",)) from None


def _row(line: str, names: list[str]) -> Row | None:
    """Return a line's values, None where it has more or fewer than columns and its tabs do not tell why."""
    for mark in ("\t,", ","):
        values = [value.strip() for value in line.split(mark)]
        if len(values) == len(names):
            return dict(zip(names, values, strict=True))
    return None


def _names(line: str) -> list[str]:
    # Brackets come in both widths.
    return [name.strip() for name in line.replace("(", "（").replace(")", "）").rstrip(",\t").split(",")]
