"""The business bill (业务明细): orders and refunds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from pycore.channels.alipay.bill_list import fen, read_list
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
    differences = Differences()
    lines: list[TradeLine] = []
    received: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    discounts: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    for number, row in found.rows:
        try:
            line = _line(number, row)
            received[line.kind] += fen(row[12])
            discounts[line.kind] += fen(row[16])
        except ValueError:
            differences.add("a field is not what its column holds", number)
        else:
            lines.append(line)
    differences.repeated((line.number, (line.kind, line.transaction_id, line.refund_id)) for line in lines)
    if not differences:
        _compare(found.trailer, lines, received, discounts, differences)
    differences.refuse()
    return TradeBill(day=day, currency=CNY.code, lines=tuple(lines))


def _line(number: int, row: Sequence[str]) -> TradeLine:
    if len(row) != COLUMNS.count(",") + 1 or row[2] not in _KINDS or not row[0] or not row[1]:
        raise ValueError("not a whole line")
    kind = _KINDS[row[2]]
    amount = fen(row[11])
    if (amount < 0) is (kind is LineKind.PAYMENT) and amount:
        raise ValueError("a refund takes away, a payment adds")
    return TradeLine(
        number=number,
        kind=kind,
        payment_attempt_id=row[1],
        transaction_id=row[0],
        refund_id=row[21] if kind is LineKind.REFUND else "",
        amount_minor=abs(amount),
        fee_minor=-fen(row[22]),  # the bill shows what is taken from us as negative
        at=read_time(row[5], WORDS),
    )


def _compare(
    trailer: Sequence[str],
    lines: Sequence[TradeLine],
    received: Mapping[LineKind, int],
    discounts: Mapping[LineKind, int],
    differences: Differences,
) -> None:
    for kind, form in ((LineKind.PAYMENT, _PAID), (LineKind.REFUND, _BACK)):
        stated = next((found for line in trailer if (found := form.match(line))), None)
        if stated is None:
            differences.add("the totals at the end are missing")
            continue
        try:
            counts = int(stated[1]), abs(fen(stated[2])), abs(fen(stated[3]))
        except ValueError:
            differences.add("the totals are not numbers")
            continue
        differences.compare(f"{kind} lines", counts[0], sum(line.kind is kind for line in lines))
        differences.compare(f"{kind} sum", counts[1], abs(received[kind]))
        differences.compare(f"{kind} discounts", counts[2], abs(discounts[kind]))
