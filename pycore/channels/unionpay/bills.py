"""Bills: the file-transfer call, its packed content, and the fixed-width format of ``INN…ZM_`` files.

A line has 42 fields of fixed width in GBK bytes with one separator between two; the last may lack its line feed. There
are no totals: what makes a bill whole is that every line has its width and that the archive holds its checksum.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final

from pycore.channels import archive
from pycore.channels.bill import (
    BillKind,
    BillLink,
    BillNotReady,
    BillOrder,
    Differences,
    LineKind,
    NoBill,
    SetAside,
    TradeBill,
    TradeLine,
)
from pycore.channels.clock import SHANGHAI
from pycore.channels.failure import BillRefusedError, NotTrustedError, require
from pycore.channels.message import BILL_BYTES_MAX, HttpRequest, HttpResponse, Stamp
from pycore.channels.outcome import Failed, Unknown
from pycore.channels.unionpay import exchange
from pycore.channels.unionpay.merchant import UnionPayMerchant
from pycore.channels.unionpay.payments import time_near
from pycore.channels.unionpay.reasons import SUCCESS, refusal
from pycore.money import CNY

WIDTHS: Final = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 32, 98,
)  # fmt: skip
LINE_BYTES: Final = sum(WIDTHS) + len(WIDTHS) - 1
_STARTS: Final = tuple(accumulate((width + 1 for width in WIDTHS[:-1]), initial=0))

# Positions of the fields that are read, from 0; names as in the file rules.
_TIME, _AMOUNT, _QUERY_ID, _ORDER_ID, _FEE, _KIND, _MERCHANT_ID = 4, 6, 9, 11, 15, 19, 27

_FILE_TRANSFER: Final = ("76", "01", "000000")
_NAME: Final = re.compile(r"INN[0-9]{8}ZM_[0-9A-Za-z]{15}(\.[A-Za-z]{1,4})?")
_KINDS: Final = {"01": LineKind.PAYMENT, "04": LineKind.REFUND, "31": LineKind.REVERSAL, "99": LineKind.REVERSAL}
_KIND_SHOWN: Final = re.compile(rb"[0-9]{2}")
_FILE_UNKNOWN: Final = "98"
_SIGNED: Final = re.compile(rb"([CD])([0-9]{12})")


def bill_request(merchant: UnionPayMerchant, order: BillOrder, stamp: Stamp) -> HttpRequest:
    """Return the call that fetches a settlement day's file. Raises UnsupportedOperationError for a fund bill."""
    require(order.kind is BillKind.TRADE)
    fields = {"settleDate": order.day.strftime("%m%d"), "fileType": "00"}
    signed = exchange.signed_fields(merchant, _FILE_TRANSFER, "", stamp.at, fields)
    return exchange.post(merchant.file_server + "/", signed, reply_bytes_max=BILL_BYTES_MAX)


def bill_link(
    merchant: UnionPayMerchant, order: BillOrder, ready_at: datetime, response: HttpResponse, stamp: Stamp
) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
    """Return the packed file, which comes with the reply.

    One code says that there is no such file. Before ``ready_at``, when the day's file is made, it means: not yet.
    """

    def judge(fields: Mapping[str, str]) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
        code = fields.get("respCode", "")
        if code == _FILE_UNKNOWN:
            return BillNotReady(code) if stamp.at < ready_at else NoBill(code)
        if code not in SUCCESS:
            found = refusal(code, fields.get("respMsg", ""))
            return found if isinstance(found, Failed | Unknown) else Unknown(code)
        return BillLink(order=order, content=_inflated(fields.get("fileContent", "")))

    return exchange.judged(merchant, response, stamp, judge)


def read_bill(merchant: UnionPayMerchant, day: date, packed: bytes) -> TradeBill:
    """Return the bill in the ZIP. Raises BillRefusedError with every difference."""
    found = [content for name, content in archive.members(packed, names="gbk").items() if _NAME.fullmatch(name)]
    if len(found) != 1:
        raise BillRefusedError((f"the archive holds {len(found)} files INN…ZM_ instead of 1",))
    return read_lines(found[0], day, merchant.merchant_id)


def read_lines(content: bytes, day: date, merchant_id: str) -> TradeBill:
    """Return the bill in an ``INN…ZM_`` file. Raises BillRefusedError with every difference."""
    differences = Differences()
    lines: list[TradeLine] = []
    set_aside: list[SetAside] = []
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n") if content else (), 1):
        try:
            read = _line(number, line.removesuffix(b"\r"), day, merchant_id)
        except ValueError as error:
            differences.add(str(error), number)
        else:
            (set_aside if isinstance(read, SetAside) else lines).append(read)  # type: ignore[arg-type]
    if set_aside and not lines:
        differences.add("the kind of no line is known")
    differences.repeated((line.number, (line.kind, line.transaction_id)) for line in lines)
    differences.refuse()
    return TradeBill(day=day, currency=CNY.code, lines=tuple(lines), set_aside=tuple(set_aside))


def _line(number: int, line: bytes, day: date, merchant_id: str) -> TradeLine | SetAside:
    if len(line) != LINE_BYTES:
        raise ValueError(f"{len(line)} bytes instead of {LINE_BYTES}")
    fields = [line[start : start + width].strip() for start, width in zip(_STARTS, WIDTHS, strict=True)]
    if fields[_MERCHANT_ID].decode("ascii", "replace") != merchant_id:
        raise ValueError("it is another merchant's")
    if fields[_KIND].decode("ascii", "replace") not in _KINDS:
        if not _KIND_SHOWN.fullmatch(fields[_KIND]):
            raise ValueError("its kind is not known")
        return SetAside(number, f"its kind is {fields[_KIND].decode()}: no payment, refund or reversal")
    if not fields[_AMOUNT].isdigit() or not fields[_QUERY_ID].isdigit() or not fields[_ORDER_ID].isalnum():
        raise ValueError("a field is not what its column holds")
    kind = _KINDS[fields[_KIND].decode()]
    order_id = fields[_ORDER_ID].decode("ascii", "replace")
    return TradeLine(
        number=number,
        kind=kind,
        # A refund has an order number of its own; the payment's is behind its original query number.
        payment_attempt_id="" if kind is LineKind.REFUND else order_id,
        transaction_id=fields[_QUERY_ID].decode(),
        refund_id=order_id if kind is LineKind.REFUND else "",
        amount_minor=int(fields[_AMOUNT]),
        fee_minor=_fee(fields[_FEE]),
        at=_time(fields, day),
    )


def _fee(text: bytes) -> int:
    """Return the merchant's fee in fen: D (debit) is taken from us, C (credit) given back."""
    signed = _SIGNED.fullmatch(text)
    if signed is None:
        raise ValueError("a field is not what its column holds")
    return int(signed[2]) if signed[1] == b"D" else -int(signed[2])


def _time(fields: Sequence[bytes], day: date) -> datetime:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)
    try:
        at = time_near(fields[_TIME].decode("ascii", "replace"), noon)
    except NotTrustedError:
        raise ValueError("a field is not what its column holds") from None
    # A settlement day begins the evening before; holidays may add days.
    if not noon - timedelta(days=10) < at < noon + timedelta(days=1):
        raise ValueError("it is of another day")
    return at


def _inflated(text: str) -> bytes:
    try:
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(base64.b64decode(text, validate=True), archive.UNPACKED_BYTES_MAX)
    except (zlib.error, binascii.Error, ValueError):
        raise NotTrustedError("bad_file") from None
    if not unpacker.eof:
        raise NotTrustedError("bad_file")
    return plain
