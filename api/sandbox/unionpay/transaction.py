"""Transactions: a message says by type and subtype what it wants; the answer to a payment is that it was accepted.

| type, subtype | what |
|---|---|
| 01 07 | apply for a code that the payer scans |
| 01 06 | charge a code that the merchant scanned; query or callback tell the outcome |
| 01 01 | quick pay, in the payer's browser; at the app's address: a number that the payer's app opens |
| 00 00 | query by order number and time: a payment, or a refund |
| 04 00, 31 00 | refund; cancel, a refund of the whole |
| 99 01 | reverse: nobody pays any more, what was paid goes back |
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from api.sandbox.core.clock import SHANGHAI, Clock, in_shanghai
from api.sandbox.core.desk import Desk, NewRefund
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder, Order, OrderState, Refund, RefundState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.core.store import Store
from api.sandbox.keys import UNIONPAY_MER_ID
from api.sandbox.unionpay import PROTOCOL
from api.sandbox.unionpay.signature import Signer

Fields = dict[str, str]

QUERY_ID_DIGITS: Final = 21
_CODE: Final = re.compile(r"62[0-9]{17}")
_TIME: Final = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
_ADDRESS: Final = re.compile(r"https?://[!-~]{1,248}")
_SHAPES: Final = {
    "orderId": re.compile(r"[0-9A-Za-z]{8,32}"),
    "txnTime": _TIME,
    "txnAmt": re.compile(r"[1-9][0-9]{0,11}"),
    "origQryId": re.compile(r"[0-9]{21}"),
    "backUrl": _ADDRESS,
    "frontUrl": _ADDRESS,
    "channelType": re.compile(r"0[5-8]"),
    "termId": re.compile(r"[0-9A-Za-z]{8}"),
    "settleDate": re.compile(r"(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"),
    "fileType": re.compile(r"[0-9]{2}"),
}
_WHERE_TOLD: Final = {
    "payTimeout": _TIME,
    "frontUrl": _ADDRESS,
    "backUrl": _ADDRESS,
    "reqReserved": re.compile(r".{1,1024}", re.DOTALL),
    "orderDesc": re.compile(r".{1,32}", re.DOTALL),
}
"""Fields a message may leave out, and what they are where it does not."""
_OF_EVERY_MESSAGE: Final = {
    "version": re.compile(r"5\.1\.0"),
    "encoding": re.compile(r"UTF-8"),
    "bizType": re.compile(r"[0-9]{6}"),
    "accessType": re.compile(r"[012]"),
}
_REFUND_TAKES_MS: Final = 3000
ACCEPTED: Final = ("00", "成功[0000000]")
CODES: Final = {
    Reason.ORDER_UNKNOWN: ("34", "查无此交易"),
    Reason.ORDER_PAID: ("12", "重复交易"),
    Reason.ORDER_CLOSED: ("01", "订单已关闭"),
    Reason.ORDER_REVERSED: ("01", "订单已撤销"),
    Reason.ORDER_NOT_PAID: ("01", "原交易未成功"),
    Reason.ORDER_DIFFERS: ("12", "重复交易"),
    Reason.PAYMENT_REFUSED: ("01", "交易失败"),
    Reason.CODE_UNUSABLE: ("10", "二维码有误"),
    Reason.REFUND_UNKNOWN: ("34", "查无此交易"),
    Reason.REFUND_DIFFERS: ("12", "重复交易"),
    Reason.REFUND_TOO_LARGE: ("36", "交易金额超限"),
    Reason.REFUND_TOO_MANY: ("01", "退货次数超限"),
    Reason.BILL_UNKNOWN: ("98", "文件不存在"),
    Reason.REFUND_TOO_LATE: ("01", "超过退货期限"),
}
"""The channel's no as a response code and its text."""


class World(Struct, frozen=True):
    """What the transactions stand on."""

    desk: Desk
    store: Store
    clock: Clock
    signer: Signer
    base_url: str


class MessageError(Exception):
    """A field is missing or is not what it has to be; the text is its name."""


class Kind(Struct, frozen=True):
    """One kind of transaction: the operation, the fields it needs, and what performs it."""

    operation: Operation
    needs: tuple[str, ...]
    perform: Callable[[World, Fields], Fields]


def check(kind: Kind, fields: Fields) -> None:
    """Check the fields a kind needs. Raises MessageError."""
    if fields.get("merId") != UNIONPAY_MER_ID:
        raise MessageError("merId")
    needed = _OF_EVERY_MESSAGE | {name: _SHAPES[name] for name in kind.needs}
    for name, shape in needed.items():
        if not shape.fullmatch(fields.get(name, "")):
            raise MessageError(name)
    for name, shape in _WHERE_TOLD.items():
        if name in fields and not shape.fullmatch(fields[name]):
            raise MessageError(name)
    if fields.get("payTimeout", "9") <= fields.get("txnTime", ""):
        raise MessageError("payTimeout")
    if "txnAmt" in kind.needs and fields.get("currencyCode") != "156":
        raise MessageError("currencyCode")


def query_id(record: Order | Refund) -> str:
    """Return the channel's number of a payment or a refund."""
    return record.number[-QUERY_ID_DIGITS:]


def outcome(record: Order | Refund) -> tuple[str, str]:
    """Return the response code of what became of it: 00 done, 05 not known yet, 01 failed."""
    if isinstance(record, Refund):
        return ACCEPTED if record.state is RefundState.DONE else ("05", "交易已受理，请稍后查询交易结果")
    if record.state is OrderState.PAID:
        return ACCEPTED
    if record.state is OrderState.OPEN:
        return "05", "交易已受理，请稍后查询交易结果"
    return "01", "交易失败"


def _new_order(world: World, fields: Fields, method: str) -> NewOrder:
    return NewOrder(
        protocol=PROTOCOL,
        merchant=UNIONPAY_MER_ID,
        reference=fields["orderId"],
        method=method,
        amount=int(fields["txnAmt"]),
        description=fields.get("orderDesc", ""),
        attach=fields.get("reqReserved", ""),
        notify_url=fields.get("backUrl", ""),
        payer="6226000000000001",
        is_merchant_scan=method == "scanned",
        expires_at=_end(fields.get("payTimeout", ""), world.clock),
        details={name: fields.get(name, "") for name in ("txnTime", "bizType", "txnSubType")},
    )


def _end(text: str, clock: Clock) -> int:
    """Return when an order ends, milliseconds; 0 where the merchant left it to the channel. Raises MessageError."""
    if not text:
        return 0
    try:
        end = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        raise MessageError("payTimeout") from None
    return clock.from_merchant(int(end.timestamp()) * 1000)


def _apply(world: World, fields: Fields) -> Fields:
    order = world.desk.create(_new_order(world, fields, "qr"))
    return {"qrCode": f"https://qr.95516.com/00010000/{order.token}"}


def _charge(world: World, fields: Fields) -> Fields:
    if not _CODE.fullmatch(fields.get("qrNo", "")):
        raise RefusalError(Reason.CODE_UNUSABLE)
    return {"queryId": query_id(world.desk.charge(_new_order(world, fields, "scanned")))}


def _quick_pay(world: World, fields: Fields) -> Fields:
    order = world.desk.create(_new_order(world, fields, "quick"))
    return {"payerUrl": f"{world.base_url}/payer/?token={order.token}"}


def _app_order(world: World, fields: Fields) -> Fields:
    return {"tn": world.desk.create(_new_order(world, fields, "app")).token[:21]}


def _query(world: World, fields: Fields) -> Fields:
    record = _named(world, fields)
    code, text = outcome(record)
    shown = {"origRespCode": code, "origRespMsg": text, "queryId": query_id(record)}
    return {**shown, **details(record)}


def details(record: Order | Refund) -> Fields:
    """Return what queries and callbacks tell of a payment or a refund."""
    amount = record.amount if isinstance(record, Refund) else record.told_amount
    done_at = record.done_at if isinstance(record, Refund) else record.paid_at
    shown = {"txnAmt": str(amount), "currencyCode": "156"}
    if not done_at:
        return shown
    day = in_shanghai(done_at)
    settled = {"settleAmt": str(amount), "settleCurrencyCode": "156", "settleDate": f"{day:%m%d}"}
    return {**shown, **settled, "traceNo": f"{record.id % 1_000_000:06d}", "traceTime": f"{day:%m%d%H%M%S}"}


def _refund(world: World, fields: Fields) -> Fields:
    order = _original(world, fields)
    amount = int(fields["txnAmt"])
    if fields["txnType"] == "31" and amount != order.amount:
        raise RefusalError(Reason.REFUND_DIFFERS)
    wanted = NewRefund(
        scope=UNIONPAY_MER_ID,
        reference=fields["orderId"],
        amount=amount,
        reason=fields["txnTime"],  # there are no reasons here, but a refund is named by its time too
        notify_url=fields.get("backUrl", ""),
        takes_ms=_REFUND_TAKES_MS,
    )
    refund, _ = world.desk.refund(order, wanted)
    return {"queryId": query_id(refund), "origQryId": query_id(order)}


def _reverse(world: World, fields: Fields) -> Fields:
    order = _named(world, fields)
    if isinstance(order, Refund):
        raise RefusalError(Reason.ORDER_UNKNOWN)
    return {"queryId": query_id(world.desk.reverse(order))}


def _named(world: World, fields: Fields) -> Order | Refund:
    """Return what the merchant's number and time name. Raises RefusalError."""
    reference, time = fields["orderId"], fields["txnTime"]
    order = world.store.find(Order, protocol=PROTOCOL, merchant=UNIONPAY_MER_ID, reference=reference)
    if order is not None and order.details["txnTime"] == time:
        return order
    refund = world.store.find(Refund, protocol=PROTOCOL, scope=UNIONPAY_MER_ID, reference=reference)
    if refund is not None and refund.reason == time:
        return refund
    raise RefusalError(Reason.ORDER_UNKNOWN)


def _original(world: World, fields: Fields) -> Order:
    """Return the payment that a refund's ``origQryId`` names. Raises RefusalError."""
    order = world.desk.order(int(fields["origQryId"][-16:]))
    if order.protocol != PROTOCOL or query_id(order) != fields["origQryId"]:
        raise RefusalError(Reason.ORDER_UNKNOWN)
    return order


_PAYMENT: Final = ("orderId", "txnTime", "txnAmt", "channelType", "backUrl")
_NAMED: Final = ("orderId", "txnTime")
QUERY: Final = Kind(Operation.QUERY, _NAMED, _query)
"""00 00, at an address of its own."""
KINDS: Final = {
    ("01", "07"): Kind(Operation.CREATE, _PAYMENT, _apply),
    ("01", "06"): Kind(Operation.CHARGE, (*_PAYMENT, "termId"), _charge),
    ("00", "00"): QUERY,
    ("04", "00"): Kind(Operation.REFUND, (*_PAYMENT, "origQryId"), _refund),
    ("31", "00"): Kind(Operation.REFUND, (*_PAYMENT, "origQryId"), _refund),
    ("99", "01"): Kind(Operation.REVERSE, (*_NAMED, "channelType"), _reverse),
}
QUICK_PAY: Final = Kind(Operation.CREATE, (*_PAYMENT, "frontUrl"), _quick_pay)
"""01 01: comes as a form from the payer's browser, and the answer is a page."""

APP: Final = Kind(Operation.CREATE, _PAYMENT, _app_order)
"""01 01 at the app's address: the answer is the number the app's kit opens."""
