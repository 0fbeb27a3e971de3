"""The business bill (业务明细): orders and refunds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from pycore.channels.alipay.bill_list import Row, fen, read_list, set_aside
from pycore.channels.bill import Differences, LineKind, TradeBill, TradeLine
from pycore.channels.clock import WORDS, read_time
from pycore.money import CNY

COLUMNS: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)

_KINDS: Final = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
_PAID: Final = re.compile(r"#交易合计：([0-9]{1,9})笔，商家实收共(-?[0-9.]+)元，商家优惠共(-?[0-9.]+)元")
_BACK: Final = re.compile(r"#退款合计：([0-9]{1,9})笔，商家实收退款共(-?[0-9.]+)元，商家优惠退款共(-?[0-9.]+)元")


def read_trade_bill(day: date, packed: bytes) -> TradeBill:
    """Return the business bill in the ZIP. Raises BillRefusedError with every difference."""
    found = read_list(packed, "业务明细", COLUMNS, day)
    lines: list[TradeLine] = []
    unread: list[tuple[int, str]] = []
    received: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    discounts: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    for number, row in found.rows:
        try:
            line, came, discount = _line(number, row), fen(row["商家实收（元）"]), fen(row["商家优惠（元）"])
        except ValueError:
            unread.append((number, "a field is not what its column holds"))
        else:
            lines.append(line)
            received[line.kind] += came
            discounts[line.kind] += discount
    aside = (*found.set_aside, *set_aside(unread))
    differences = Differences()
    differences.repeated((line.number, (line.kind, line.transaction_id, line.refund_id)) for line in lines)
    stated = _stated(found.trailer, differences)
    if not differences and aside:
        differences.compare("lines", sum(each[0] for each in stated.values()), len(lines) + len(aside))
    elif not differences:
        for kind, (count, sum_minor, discounts_minor) in stated.items():
            differences.compare(f"{kind} lines", count, sum(line.kind is kind for line in lines))
            differences.compare(f"{kind} sum", sum_minor, abs(received[kind]))
            differences.compare(f"{kind} discounts", discounts_minor, abs(discounts[kind]))
    differences.refuse()
    return TradeBill(day=day, currency=CNY.code, lines=tuple(lines), set_aside=aside)


def _line(number: int, row: Row) -> TradeLine:
    if row["业务类型"] not in _KINDS or not row["支付宝交易号"] or not row["商户订单号"]:
        raise ValueError("not a whole line")
    kind = _KINDS[row["业务类型"]]
    amount = fen(row["订单金额（元）"])
    if (amount < 0) is (kind is LineKind.PAYMENT) and amount:
        raise ValueError("a refund takes away, a payment adds")
    return TradeLine(
        number=number,
        kind=kind,
        payment_attempt_id=row["商户订单号"],
        transaction_id=row["支付宝交易号"],
        refund_id=row["退款批次号/请求号"] if kind is LineKind.REFUND else "",
        amount_minor=abs(amount),
        fee_minor=-fen(row["服务费（元）"]),  # the bill shows what is taken from us as negative
        at=read_time(row["完成时间"], WORDS),
    )


def _stated(trailer: Sequence[str], differences: Differences) -> dict[LineKind, tuple[int, int, int]]:
    """Return what the totals state of each kind: lines, what was received, discounts."""
    stated: dict[LineKind, tuple[int, int, int]] = {}
    for kind, form in ((LineKind.PAYMENT, _PAID), (LineKind.REFUND, _BACK)):
        found = next((found for line in trailer if (found := form.match(line))), None)
        if found is None:
            differences.add("the totals at the end are missing")
            continue
        try:
            stated[kind] = int(found[1]), abs(fen(found[2])), abs(fen(found[3]))
        except ValueError:
            differences.add("the totals are not numbers")
    return stated
