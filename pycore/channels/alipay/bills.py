"""Bills: a link that lives half a minute, a ZIP of GBK files, head lines with ``#``, totals at the end.

Business (``trade``) bills are read. The archive is never unpacked to disk and never beyond its limits.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from pycore.channels import archive, strict_json
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import AlipayReply
from pycore.channels.bill import BillKind, BillLink, BillOrder, Differences, LineKind, TradeBill, TradeLine
from pycore.channels.clock import WORDS, read_time
from pycore.channels.failure import BillRefusedError, NotTrustedError, require
from pycore.channels.message import BILL_BYTES_MAX, HttpRequest
from pycore.channels.outcome import Failed, Unknown
from pycore.channels.strict_json import Link
from pycore.money import CNY, minor_units

QUERY: Final = "alipay.data.dataservice.bill.downloadurl.query"
COLUMNS: Final = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)

_KINDS: Final = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
_DAY: Final = re.compile(r"#起始日期：\[([0-9]{4})[年-]([0-9]{2})[月-]([0-9]{2})日? 00:00:00\]")
_END: Final = re.compile(r"#-*业务明细列表结束-*")
_PAID: Final = re.compile(r"#交易合计：([0-9]{1,9})笔，商家实收共(-?[0-9.]+)元，商家优惠共(-?[0-9.]+)元")
_BACK: Final = re.compile(r"#退款合计：([0-9]{1,9})笔，商家实收退款共(-?[0-9.]+)元，商家优惠退款共(-?[0-9.]+)元")


class _Link(Struct):
    bill_download_url: Link


def content(order: BillOrder) -> dict[str, str]:
    """Return the question as ``biz_content``. Raises UnsupportedOperationError for a fund bill."""
    require(order.kind is BillKind.TRADE)
    return {"bill_type": "trade", "bill_date": order.day.isoformat()}


def link(order: BillOrder, reply: AlipayReply) -> BillLink | Failed | Unknown:
    """Return where the bill lies. Raises NotTrustedError."""
    if reply.succeeded:
        return BillLink(order=order, url=strict_json.convert(reply.fields, _Link).bill_download_url)
    refusal = reply.refusal()
    return refusal if isinstance(refusal, Failed | Unknown) else Unknown(reply.code)


def download(merchant: AlipayMerchant, found: BillLink) -> HttpRequest:
    """Return the call that fetches the bill. Raises NotTrustedError for a link to a server that is not configured."""
    parts, gateway = urlsplit(found.url), urlsplit(merchant.gateway)
    if parts.netloc not in merchant.bill_hosts and (parts.scheme, parts.netloc) != (gateway.scheme, gateway.netloc):
        raise NotTrustedError("other_server")
    return HttpRequest(method="GET", url=found.url, reply_bytes_max=BILL_BYTES_MAX)


def read_bill(day: date, packed: bytes) -> TradeBill:
    """Return the business bill in the ZIP. Raises BillRefusedError with every difference."""
    texts = [_decoded(content) for content in archive.members(packed, names="gbk").values()]
    details = [text for text in texts if "业务明细列表" in text]
    if len(details) != 1:
        raise BillRefusedError((f"the archive holds {len(details)} lists of business details instead of 1",))
    return _detail(day, details[0].splitlines())


def _decoded(content: bytes) -> str:
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        raise BillRefusedError(("a file is not GBK",)) from None


def _detail(day: date, text: Sequence[str]) -> TradeBill:
    differences = Differences()
    head = next((number for number, line in enumerate(text) if not line.startswith("#")), len(text))
    end = next((number for number, line in enumerate(text) if _END.fullmatch(line.strip())), len(text))
    days = [date(*map(int, found.groups())) for line in text[:head] if (found := _DAY.match(line))]
    if days != [day]:
        differences.add("it is of another day, or does not say of which")
    if head == len(text) or _columns(text[head]) != _columns(COLUMNS):
        differences.add("its head line is not the known one", head + 1)
    if end == len(text):
        differences.add("the end of the list is missing")
    differences.refuse()
    lines: list[TradeLine] = []
    received: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    discounts: dict[LineKind, int] = dict.fromkeys(LineKind, 0)
    for number, row in enumerate(_rows(text[head + 1 : end]), head + 2):
        try:
            line = _line(number, [field.strip() for field in row])
            received[line.kind] += _fen(row[12].strip())
            discounts[line.kind] += _fen(row[16].strip())
        except (ValueError, IndexError):
            differences.add("a field is not what its column holds", number)
        else:
            lines.append(line)
    differences.repeated((line.number, (line.kind, line.transaction_id, line.refund_id)) for line in lines)
    if not differences:
        _compare(text[end:], lines, received, discounts, differences)
    differences.refuse()
    return TradeBill(day=day, currency=CNY.code, lines=tuple(lines))


def _rows(text: Sequence[str]) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO("\n".join(text)), strict=True))
    except csv.Error:
        raise BillRefusedError(("the list is not whole CSV",)) from None


def _line(number: int, row: Sequence[str]) -> TradeLine:
    if len(row) != COLUMNS.count(",") + 1 or row[2] not in _KINDS or not row[0] or not row[1]:
        raise ValueError("not a whole line")
    kind = _KINDS[row[2]]
    amount = _fen(row[11])
    if (amount < 0) is (kind is LineKind.PAYMENT) and amount:
        raise ValueError("a refund takes away, a payment adds")
    return TradeLine(
        number=number,
        kind=kind,
        payment_attempt_id=row[1],
        transaction_id=row[0],
        refund_id=row[21] if kind is LineKind.REFUND else "",
        amount_minor=abs(amount),
        fee_minor=-_fen(row[22]),  # the bill shows what is taken from us as negative
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
            counts = int(stated[1]), abs(_fen(stated[2])), abs(_fen(stated[3]))
        except ValueError:
            differences.add("the totals are not numbers")
            continue
        differences.compare(f"{kind} lines", counts[0], sum(line.kind is kind for line in lines))
        differences.compare(f"{kind} sum", counts[1], abs(received[kind]))
        differences.compare(f"{kind} discounts", counts[2], abs(discounts[kind]))


def _columns(line: str) -> list[str]:
    # Brackets come in both widths.
    return [name.strip() for name in line.replace("(", "（").replace(")", "）").rstrip(",\t").split(",")]


def _fen(text: str) -> int:
    return minor_units(text or "0", CNY, signed=True)
