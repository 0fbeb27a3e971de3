"""Bills of APIv3: the link, the download, and the two formats.

A bill is CSV in which every field begins with a back-tick, so that fields are parted by comma and back-tick and a comma
inside one does no harm. The last two lines name and give the totals.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from pycore.channels import strict_json
from pycore.channels.bill import (
    BillKind,
    BillLink,
    BillNotReady,
    BillOrder,
    Differences,
    FundBill,
    FundLine,
    LineKind,
    LineState,
    NoBill,
    TradeBill,
    TradeLine,
)
from pycore.channels.clock import WORDS, read_time
from pycore.channels.failure import BillRefusedError, NotTrustedError
from pycore.channels.message import BILL_BYTES_MAX, HttpRequest, HttpResponse, Stamp
from pycore.channels.outcome import Failed, Pending, RequiresAction, Succeeded, Unknown, unknown
from pycore.channels.strict_json import Link
from pycore.channels.wechat import exchange
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.signature import verify
from pycore.money import CNY, minor_units

TRADE_COLUMNS: Final = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
TRADE_TOTALS: Final = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_TOTALLED: Final = (12, 16, 17, 22, 24, 25)
"""Columns of the totals after the count, in their order."""

FUND_COLUMNS: Final = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_TOTALS: Final = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"

_STATES: Final = {"SUCCESS": LineKind.PAYMENT, "REFUND": LineKind.REFUND, "REVOKED": LineKind.REVERSAL}
_REFUND_STATES: Final = {
    "SUCCESS": LineState.DONE,
    "PROCESSING": LineState.ACCEPTED,
    "FAIL": LineState.REFUSED,
    "CHANGE": LineState.BY_HAND,
}
"""What 退款状态 says of the money: only the first has gone back."""
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = "\ufeff"

Line = TypeVar("Line", TradeLine, FundLine)


class _Link(Struct):
    hash_type: Literal["SHA1"]
    hash_value: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{40}\Z")]
    download_url: Link


def bill_request(merchant: WeChatMerchant, order: BillOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that asks for a day's bill."""
    path = "tradebill?bill_type=ALL&" if order.kind is BillKind.TRADE else "fundflowbill?account_type=BASIC&"
    return exchange.request(merchant, stamp, "GET", f"/v3/bill/{path}bill_date={order.day.isoformat()}")


def bill_link(
    merchant: WeChatMerchant, order: BillOrder, response: HttpResponse, stamp: Stamp
) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
    """Return where the bill lies and what it hashes to."""
    if response.status == 200:
        try:
            verify(response.headers, response.body, merchant.platform_keys, stamp.at)
            link = strict_json.read(response.body, _Link)
        except NotTrustedError as error:
            return unknown(error.code)
        return BillLink(order=order, url=link.download_url, sha1=link.hash_value.lower())
    found = exchange.outcome(merchant, response, stamp, exchange.Nothing, lambda _: Unknown("unexpected_reply"))
    assert not isinstance(found, Succeeded | Pending | RequiresAction), "a question for a bill makes no payment"
    if isinstance(found, Failed) and found.code == "NO_STATEMENT_EXIST":
        return NoBill(found.code)
    if isinstance(found, Failed) and found.code == "STATEMENT_CREATING":
        return BillNotReady(found.code)
    return found


def bill_download(merchant: WeChatMerchant, link: BillLink, stamp: Stamp) -> HttpRequest:
    """Return the signed call that fetches the bill. Raises NotTrustedError for a link to another server."""
    ours, theirs = urlsplit(merchant.base_url), urlsplit(link.url)
    if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
        raise NotTrustedError("other_server")
    uri = theirs.path + (f"?{theirs.query}" if theirs.query else "")
    headers = exchange.signed_headers(merchant, stamp, "GET", uri)
    url = f"{theirs.scheme}://{theirs.netloc}{uri}"
    return HttpRequest(method="GET", url=url, headers=headers, reply_bytes_max=BILL_BYTES_MAX)


def read_bill(merchant: WeChatMerchant, link: BillLink, content: bytes) -> TradeBill | FundBill:
    """Return the bill; the reply is not signed, so it counts only by the hash of the signed link.

    Raises BillRefusedError.
    """
    content = _unpacked(content)
    # SHA-1 is the channel's choice.
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if link.sha1 is None or not hmac.compare_digest(digest, link.sha1):
        raise BillRefusedError(("its hash is not the one of the link",))
    try:
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise BillRefusedError(("it is not UTF-8",)) from None
    if link.order.kind is BillKind.TRADE:
        return read_trade_bill(text, link.order.day, merchant.merchant_id)
    return read_fund_bill(text, link.order.day)


def read_trade_bill(text: str, day: date, merchant_id: str) -> TradeBill:
    """Return the trade bill in ``text``. Raises BillRefusedError with every difference."""
    differences = Differences()
    rows, stated = _rows(text, TRADE_COLUMNS, TRADE_TOTALS, differences)
    lines = _lines(rows, lambda number, row: _trade_line(number, row, merchant_id), differences)
    _check_day([(line.number, line.at.date()) for line in lines], day, differences)
    differences.repeated((line.number, (line.kind, line.transaction_id, line.refund_transaction_id)) for line in lines)
    if stated and not differences:
        differences.compare("总交易单数", _count(stated[0]), len(lines))
        for name, value, column in zip(TRADE_TOTALS.split(",")[1:], stated[1:], _TOTALLED, strict=True):
            differences.compare(name, _fen(value), sum(_fen(row[column]) for _, row in rows))
    differences.refuse()
    return TradeBill(day=day, currency=CNY.code, lines=tuple(lines))


def read_fund_bill(text: str, day: date) -> FundBill:
    """Return the fund bill in ``text``. Raises BillRefusedError with every difference."""
    differences = Differences()
    rows, stated = _rows(text, FUND_COLUMNS, FUND_TOTALS, differences)
    lines = _lines(rows, _fund_line, differences)
    _check_day([(line.number, line.at.date()) for line in lines], day, differences)
    differences.repeated((line.number, (line.flow_id, line.kind)) for line in lines)
    if stated and not differences:
        came = [line.amount_minor for line in lines if line.amount_minor >= 0]
        went = [-line.amount_minor for line in lines if line.amount_minor < 0]
        differences.compare("资金流水总笔数", _count(stated[0]), len(lines))
        differences.compare("收入笔数", _count(stated[1]), len(came))
        differences.compare("收入金额", _fen(stated[2]), sum(came))
        differences.compare("支出笔数", _count(stated[3]), len(went))
        differences.compare("支出金额", _fen(stated[4]), sum(went))
    differences.refuse()
    return FundBill(day=day, currency=CNY.code, lines=tuple(lines))


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(content, BILL_BYTES_MAX)
    except zlib.error:
        raise BillRefusedError(("it is not whole gzip",)) from None
    if not unpacker.eof or unpacker.unused_data:
        raise BillRefusedError(("it is not whole gzip, or too long",))
    return plain


def _rows(
    text: str, columns: str, totals: str, differences: Differences
) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Return the data lines with their numbers, and the totals; empty with a difference where the frame is broken."""
    lines = [line.rstrip("\r") for line in text.rstrip("\r\n").split("\n")]
    # Brackets come in both widths.
    if len(lines) < 3 or lines[0].replace("(", "（").replace(")", "）") != columns:
        differences.add("its head line is not the known one", 1)
    elif lines[-2] != totals:
        differences.add("the totals at the end are missing")
    else:
        rows = [(number, _fields(line)) for number, line in enumerate(lines[1:-2], 2)]
        stated = _fields(lines[-1])
        width = columns.count(",") + 1
        for number, row in rows:
            if len(row) != width:
                differences.add(f"{len(row)} fields instead of {width}", number)
        if len(stated) != totals.count(",") + 1 or not all(_is_number(value) for value in stated):
            differences.add("the totals are not numbers", len(lines))
        return rows, stated
    return [], []


def _fields(line: str) -> list[str]:
    return line[1:].split(",`") if line.startswith("`") else []


def _lines(
    rows: Sequence[tuple[int, list[str]]], read: Callable[[int, list[str]], Line], differences: Differences
) -> list[Line]:
    if differences:
        return []
    lines: list[Line] = []
    for number, row in rows:
        try:
            lines.append(read(number, row))
        except ValueError:
            differences.add("a field is not what its column holds", number)
    return lines


def _trade_line(number: int, row: Sequence[str], merchant_id: str) -> TradeLine:
    kind = _STATES.get(row[9])
    if kind is None or row[11] != CNY.code or row[2] != merchant_id:
        raise ValueError("not a line of ours")
    for column in _TOTALLED:
        _fen(row[column])
    amount = _fen(row[24] if kind is LineKind.PAYMENT else row[25])
    if amount < 0 or not row[5] or not row[6] or (kind is LineKind.REFUND and not row[15]):
        raise ValueError("not a whole line")
    state = LineState.DONE if kind is LineKind.PAYMENT else _REFUND_STATES.get(row[19])
    if state is None:
        raise ValueError("a state of a refund nobody knows")
    return TradeLine(
        number=number,
        kind=kind,
        state=state,
        payment_attempt_id=row[6],
        transaction_id=row[5],
        refund_id="" if kind is LineKind.PAYMENT else _absent_as_empty(row[15]),
        refund_transaction_id="" if kind is LineKind.PAYMENT else _absent_as_empty(row[14]),
        amount_minor=amount,
        fee_minor=_fen(row[22]),
        at=read_time(row[0], WORDS),
    )


def _fund_line(number: int, row: Sequence[str]) -> FundLine:
    sign: Mapping[str, int] = {"收入": 1, "支出": -1}
    if row[5] not in sign:
        raise ValueError("neither in nor out")
    return FundLine(
        number=number,
        flow_id=row[2],
        transaction_id=row[1],
        name=row[3],
        kind=row[4],
        amount_minor=sign[row[5]] * minor_units(row[6], CNY),
        balance_minor=_fen(row[7]),
        document_id=row[10],
        at=read_time(row[0], WORDS),
    )


def _check_day(days: Sequence[tuple[int, date]], day: date, differences: Differences) -> None:
    for number, found in days:
        if found != day:
            differences.add("it is of another day", number)


def _absent_as_empty(value: str) -> str:
    return "" if value == "0" else value


def _fen(text: str) -> int:
    # Fees are written with five decimals, of which the last three are zeros.
    return minor_units(text, CNY, signed=True, extra_zeros=True)


def _count(text: str) -> int:
    # Counts are written as `12` or as `12.0`.
    return minor_units(text, CNY, extra_zeros=True) // 100


def _is_number(text: str) -> bool:
    try:
        _fen(text)
    except ValueError:
        return False
    return True
