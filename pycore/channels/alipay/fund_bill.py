"""The account bill (账务明细, ``signcustomer``): what moved on our account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from pycore.channels.alipay.bill_list import fen, read_list
from pycore.channels.bill import Differences, FundBill, FundLine
from pycore.channels.clock import WORDS, read_time
from pycore.money import CNY

COLUMNS: Final = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,"
    "交易渠道,业务类型,备注"
)
_TOTALS: Final = re.compile(r"#(收入|支出)合计：([0-9]{1,9})笔，共(-?[0-9.]+)元")


def read_fund_bill(day: date, packed: bytes) -> FundBill:
    """Return the account bill in the ZIP; totals are compared where it states them.

    Raises BillRefusedError with every difference.
    """
    found = read_list(packed, "账务明细", COLUMNS, day)
    differences = Differences()
    lines: list[FundLine] = []
    for number, row in found.rows:
        try:
            lines.append(_line(number, row))
        except ValueError:
            differences.add("a field is not what its column holds", number)
    for line in lines:
        if line.at.date() != day:
            differences.add("it is of another day", line.number)
    differences.repeated((line.number, (line.flow_id,)) for line in lines)
    if not differences:
        _compare(found.trailer, [line.amount_minor for line in lines], differences)
    differences.refuse()
    return FundBill(day=day, currency=CNY.code, lines=tuple(lines))


def _line(number: int, row: Sequence[str]) -> FundLine:
    if len(row) != COLUMNS.count(",") + 1 or not row[0]:
        raise ValueError("not a whole line")
    came, went = fen(row[6]), abs(fen(row[7]))
    if came < 0 or (came and went):
        raise ValueError("a line is either in or out")
    return FundLine(
        number=number,
        flow_id=row[0],
        transaction_id=row[1],
        name=row[3],
        kind=row[10],
        amount_minor=came - went,
        balance_minor=fen(row[8]),
        document_id=row[2],
        at=read_time(row[4], WORDS),
    )


def _compare(trailer: Sequence[str], amounts: Sequence[int], differences: Differences) -> None:
    came, went = [each for each in amounts if each > 0], [-each for each in amounts if each < 0]
    for stated in filter(None, map(_TOTALS.match, trailer)):
        counted = came if stated[1] == "收入" else went
        try:
            total = abs(fen(stated[3]))
        except ValueError:
            differences.add("the totals are not numbers")
            continue
        differences.compare(f"{stated[1]}笔数", int(stated[2]), len(counted))
        differences.compare(f"{stated[1]}合计", total, sum(counted))
