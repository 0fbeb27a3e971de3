"""Bills: a link that lives half a minute, to a ZIP of GBK files.

The archive is never unpacked to disk and never beyond its limits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from pycore.channels import strict_json
from pycore.channels.alipay.fund_bill import read_fund_bill
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import AlipayReply
from pycore.channels.alipay.trade_bill import read_trade_bill
from pycore.channels.bill import BillKind, BillLink, BillNotReady, BillOrder, FundBill, NoBill, TradeBill
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import BILL_BYTES_MAX, HttpRequest
from pycore.channels.outcome import Failed, Unknown
from pycore.channels.strict_json import Link

QUERY: Final = "alipay.data.dataservice.bill.downloadurl.query"
_NOT_EXIST: Final = frozenset({"isp.bill_not_exist", "bill_not_exist", "BILL_NOT_EXIST"})
_TYPES: Final = {BillKind.TRADE: "trade", BillKind.FUND: "signcustomer"}


class _Link(Struct):
    bill_download_url: Link


def content(order: BillOrder) -> dict[str, str]:
    """Return the question as ``biz_content``."""
    return {"bill_type": _TYPES[order.kind], "bill_date": order.day.isoformat()}


def link(
    order: BillOrder, reply: AlipayReply, ready_at: datetime, now: datetime
) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
    """Return where the bill lies. Raises NotTrustedError.

    Alipay has one answer for a bill that is not made yet and for a day of which there is none: ``ready_at`` tells them
    apart.
    """
    if reply.succeeded:
        return BillLink(order=order, url=strict_json.convert(reply.fields, _Link).bill_download_url)
    if reply.code in _NOT_EXIST:
        return NoBill(reply.code) if now >= ready_at else BillNotReady(reply.code)
    refusal = reply.refusal()
    return refusal if isinstance(refusal, Failed | Unknown) else Unknown(reply.code)


def download(merchant: AlipayMerchant, found: BillLink) -> HttpRequest:
    """Return the call that fetches the bill. Raises NotTrustedError for a link to a server that is not configured."""
    parts, gateway = urlsplit(found.url), urlsplit(merchant.gateway)
    known = parts.scheme == "https" and parts.netloc in merchant.bill_hosts
    if not known and (parts.scheme, parts.netloc) != (gateway.scheme, gateway.netloc):
        raise NotTrustedError("other_server")
    return HttpRequest(method="GET", url=found.url, reply_bytes_max=BILL_BYTES_MAX)


def read_bill(order: BillOrder, packed: bytes) -> TradeBill | FundBill:
    """Return the bill in the ZIP. Raises BillRefusedError with every difference."""
    read = read_trade_bill if order.kind is BillKind.TRADE else read_fund_bill
    return read(order.day, packed)
