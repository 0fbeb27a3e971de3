"""The list every file of Alipay's is: head lines with ``#``, columns, rows of CSV, an end line, totals with ``#``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from pycore.channels import archive
from pycore.channels.bill import Differences
from pycore.channels.failure import BillRefusedError
from pycore.money import CNY, minor_units

_DAY: Final = re.compile(r"#起始日期：\[([0-9]{4})[年-]([0-9]{2})[月-]([0-9]{2})日? 00:00:00\]")


class BillList(Struct, frozen=True):
    """The rows of a file with their line numbers, and the lines after them; fields without spaces and tabs around."""

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    trailer: tuple[str, ...]


def read_list(packed: bytes, title: str, columns: str, day: date) -> BillList:
    """Return the list called ``title`` (业务明细 or 账务明细) of the ZIP, whole and of ``day``.

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
    if not any(_begins(line, day) for line in text[:head]):
        differences.add("it is of another day, or does not say of which")
    if head == len(text) or _names(text[head]) != _names(columns):
        differences.add("its head line is not the known one", head + 1)
    if end == len(text):
        differences.add("the end of the list is missing")
    differences.refuse()
    rows = [tuple(field.strip() for field in row) for row in _rows(text[head + 1 : end])]
    return BillList(tuple(enumerate(rows, head + 2)), tuple(text[end + 1 :]))


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


def _rows(text: Sequence[str]) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO("\n".join(text)), strict=True))
    except csv.Error:
        raise BillRefusedError(("the list is not whole CSV",)) from None


def _names(line: str) -> list[str]:
    # Brackets come in both widths.
    return [name.strip() for name in line.replace("(", "（").replace(")", "）").rstrip(",\t").split(",")]
