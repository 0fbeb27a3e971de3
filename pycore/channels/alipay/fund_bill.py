"""The account bill (账务明细, ``signcustomer``): what moved on our account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from pycore.channels.alipay.bill_list import Row, fen, read_list, set_aside
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
    lines: list[FundLine] = []
    unread: list[tuple[int, str]] = []
    for number, row in found.rows:
        try:
            lines.append(_line(number, row))
        except ValueError:
            unread.append((number, "a field is not what its column holds"))
    aside = (*found.set_aside, *set_aside(unread))
    differences = Differences()
    for line in lines:
        if line.at.date() != day:
            differences.add("it is of another day", line.number)
    differences.repeated((line.number, (line.flow_id,)) for line in lines)
    if not differences and not aside:
        _compare(found.trailer, [line.amount_minor for line in lines], differences)
    differences.refuse()
    return FundBill(day=day, currency=CNY.code, lines=tuple(lines), set_aside=aside)


def _line(number: int, row: Row) -> FundLine:
    if not row["账务流水号"]:
        raise ValueError("not a whole line")
    came, went = fen(row["收入金额（+元）"]), abs(fen(row["支出金额（-元）"]))
    if came < 0 or (came and went):
        raise ValueError("a line is either in or out")
    return FundLine(
        number=number,
        flow_id=row["账务流水号"],
        transaction_id=row["业务流水号"],
        name=row["商品名称"],
        kind=row["业务类型"],
        amount_minor=came - went,
        balance_minor=fen(row["账户余额（元）"]),
        document_id=row["商户订单号"],
        at=read_time(row["发生时间"], WORDS),
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
