"""The file of a settlement day: a ZIP with one line per payment and refund in columns of fixed width.

It travels inside a reply: the ZIP compressed once more and written as Base64.
"""

import base64
import io
import zipfile
import zlib
from datetime import datetime
from typing import Final

from api.sandbox.core.bill import Movement, movements
from api.sandbox.core.clock import DAY_MS, SHANGHAI, day_bounds, in_shanghai
from api.sandbox.core.fault import Operation
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.keys import UNIONPAY_MER_ID
from api.sandbox.unionpay import PROTOCOL
from api.sandbox.unionpay.transaction import Fields, Kind, MessageError, World, query_id

WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32),
    *(13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
)
"""The 42 columns; one space separates them."""
_DAYS_MAX: Final = 300


def _transfer(world: World, fields: Fields) -> Fields:
    now = world.clock.now_ms()
    day = _day(fields.get("settleDate", ""), now)
    start_ms, end_ms = day_bounds(f"{day:%Y-%m-%d}")
    if now < end_ms or now > start_ms + _DAYS_MAX * DAY_MS:
        raise RefusalError(Reason.BILL_UNKNOWN)
    moved = movements(world.store, PROTOCOL, UNIONPAY_MER_ID, start_ms, end_ms)
    if not moved:
        raise RefusalError(Reason.BILL_UNKNOWN)
    name = f"{UNIONPAY_MER_ID}_{day:%Y%m%d}.zip"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, lines in (("ZM", [_line(each) for each in moved]), ("ZME", [])):
            content = "".join(f"{line}\r\n" for line in lines).encode("gbk", errors="replace")
            archive.writestr(f"INN{day:%y%m%d}88{kind}_{UNIONPAY_MER_ID}", content)
    return {"fileName": name, "fileContent": base64.b64encode(zlib.compress(packed.getvalue())).decode()}


def _day(text: str, now_ms: int) -> datetime:
    """Return the latest day before now with this month and day. Raises MessageError."""
    now = in_shanghai(now_ms)
    for year in (now.year, now.year - 1):
        try:
            day = datetime.strptime(f"{year}{text}", "%Y%m%d").replace(tzinfo=SHANGHAI)
        except ValueError:
            continue
        if day <= now:
            return day
    raise MessageError("settleDate")


def _line(each: Movement) -> str:
    order, refund = each.order, each.refund
    amount, fee, sign = (order.amount, order.fee, "C") if refund is None else (refund.amount, refund.fee, "D")
    record = order if refund is None else refund
    net = amount - fee
    columns: dict[int, str] = {
        1: "S22" if refund is None else "S30",
        4: f"{record.id % 1_000_000:06d}",
        5: f"{in_shanghai(each.at_ms):%m%d%H%M%S}",
        6: order.payer,
        7: f"{amount:012d}",
        10: query_id(record),
        12: record.reference,
        16: f"{'D' if refund is None else 'C'}{fee:012d}",
        17: f"{sign}{net:012d}",
        20: "01" if refund is None else "04",
        21: order.details["txnSubType"] if refund is None else "00",
        22: order.details["bizType"],
        27: "" if refund is None else query_id(order),
        28: UNIONPAY_MER_ID,
        33: f"{sign}{net:012d}",
        41: "" if refund is None else order.reference,
    }
    return " ".join(columns.get(number, "").ljust(width) for number, width in enumerate(WIDTHS, 1))


FILE_TRANSFER: Final = Kind(Operation.BILL, ("txnTime", "settleDate", "fileType"), _transfer)
"""76 01, at an address of its own."""
