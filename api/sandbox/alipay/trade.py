"""Trades: pre-created codes, pages, apps and scanned codes; asked for, closed, cancelled.

A trade that its payer has not opened yet does not exist for queries, as at the real one: a pre-created code only
becomes a trade when it is scanned.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from api.sandbox.alipay import PROTOCOL
from api.sandbox.alipay.error import ApiError, refused
from api.sandbox.alipay.field import Named, NewTrade, refusal
from api.sandbox.alipay.method import Answer, Call, Method, Work, World, cents, moment
from api.sandbox.core.bill import yuan
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import NewOrder, Order, OrderState
from api.sandbox.core.refusal import Reason, RefusalError
from api.sandbox.keys import ALIPAY_APP_ID

BUYER_ID: Final = "2088000000000001"
BUYER_LOGON_ID: Final = "san***@example.com"

_CODE: Final = re.compile(r"(2[5-9]|30)[0-9]{14,22}")
_PRODUCTS: Final = {
    "precreate": frozenset({"QR_CODE_OFFLINE", "FACE_TO_FACE_PAYMENT", "OFFLINE_PAYMENT"}),
    "bar_code": frozenset({"FACE_TO_FACE_PAYMENT", "OFFLINE_PAYMENT"}),
    "page": frozenset({"FAST_INSTANT_TRADE_PAY"}),
    "wap": frozenset({"QUICK_WAP_WAY", "QUICK_WAP_PAY"}),
    "app": frozenset({"QUICK_MSECURITY_PAY"}),
}
_NEED_THEIR_PRODUCT: Final = frozenset({"page", "wap"})


def trade_status(order: Order) -> str:
    """Return the state in this protocol's words."""
    if order.state is OrderState.OPEN:
        return "WAIT_BUYER_PAY"
    if order.state is OrderState.PAID and order.refunded < order.amount:
        return "TRADE_SUCCESS"
    return "TRADE_CLOSED"


def is_trade(order: Order) -> bool:
    """Return whether the order has become a trade: its payer has opened it, or was scanned."""
    return order.is_merchant_scan or order.scanned_at > 0


def find(world: World, named: Named) -> Order:
    """Return the merchant's trade by either number. Raises ApiError, RefusalError."""
    if not (named.out_trade_no or named.trade_no):
        raise ApiError("ACQ.INVALID_PARAMETER", "参数无效：out_trade_no和trade_no不能同时为空")
    reference = "" if named.trade_no else named.out_trade_no
    return world.desk.find(PROTOCOL, ALIPAY_APP_ID, reference=reference, number=named.trade_no)


def paid_fields(order: Order) -> dict[str, Any]:
    """Return what is known of a payment."""
    amount = yuan(order.told_amount)
    return {
        "buyer_logon_id": BUYER_LOGON_ID,
        "buyer_user_id": order.payer,
        "receipt_amount": amount,
        "buyer_pay_amount": amount,
        "invoice_amount": amount,
        "point_amount": "0.00",
        "fund_bill_list": [{"fund_channel": "ALIPAYACCOUNT", "amount": amount}],
    }


def _read_new(method: str) -> Callable[[World, Call], Work]:
    def read(world: World, call: Call) -> Work:
        new = call.content(NewTrade)
        order = _new_order(world, call, new, method)
        if method == "page" and call.is_phone:
            raise ApiError("ACQ.INVALID_PARAMETER", "参数无效：电脑网站支付不支持手机浏览器，请使用手机网站支付")

        def perform() -> Answer:
            made = world.desk.create(order)
            fields = {"out_trade_no": made.reference}
            if method == "precreate":
                return Answer({**fields, "qr_code": f"https://qr.alipay.com/bax{made.token}"})
            return Answer({**fields, "payer_url": f"{world.base_url}/payer/?token={made.token}"})

        return Work(new.out_trade_no, perform)

    return read


def _read_pay(world: World, call: Call) -> Work:
    new = call.content(NewTrade)
    if not new.auth_code:
        raise refusal("auth_code")
    order = _new_order(world, call, new, "bar_code")

    def perform() -> Answer:
        if not _CODE.fullmatch(new.auth_code):
            raise RefusalError(Reason.CODE_UNUSABLE)
        made = world.desk.charge(order)
        if made.state is OrderState.REFUSED:
            raise refused(Reason.PAYMENT_REFUSED)
        fields = {"out_trade_no": made.reference, "trade_no": made.number, "total_amount": yuan(made.told_amount)}
        if made.state is OrderState.OPEN:
            return Answer(fields, is_waiting=True)
        return Answer({**fields, **paid_fields(made), "gmt_payment": moment(made.paid_at)})

    return Work(new.out_trade_no, perform)


def _new_order(world: World, call: Call, new: NewTrade, method: str) -> NewOrder:
    new.check(_PRODUCTS[method], is_product_needed=method in _NEED_THEIR_PRODUCT)
    return NewOrder(
        protocol=PROTOCOL,
        merchant=ALIPAY_APP_ID,
        reference=new.out_trade_no,
        method=method,
        amount=cents(new.total_amount),
        description=new.subject,
        attach=new.passback_params,
        notify_url=new.notify_url or call.notify_url,
        payer=BUYER_ID,
        is_merchant_scan=method == "bar_code",
        expires_at=new.ends_at(world.clock),
        details={"return_url": new.return_url or call.return_url, "charset": call.charset},
    )


def _read_query(world: World, call: Call) -> Work:
    named = call.content(Named)

    def perform() -> Answer:
        order = find(world, named)
        if not is_trade(order):
            raise RefusalError(Reason.ORDER_UNKNOWN)
        fields: dict[str, Any] = {
            "out_trade_no": order.reference,
            "trade_no": order.number,
            "trade_status": trade_status(order),
            "total_amount": yuan(order.told_amount),
            "buyer_logon_id": BUYER_LOGON_ID,
            "buyer_user_id": order.payer,
        }
        if order.paid_at:
            fields |= {**paid_fields(order), "send_pay_date": moment(order.paid_at)}
        return Answer(fields)

    return Work(named.out_trade_no or named.trade_no, perform)


def _read_close(world: World, call: Call) -> Work:
    named = call.content(Named)

    def perform() -> Answer:
        order = find(world, named)
        if not is_trade(order):
            raise RefusalError(Reason.ORDER_UNKNOWN)
        if order.state is not OrderState.OPEN:
            raise ApiError("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        world.desk.close(order)
        return Answer({"out_trade_no": order.reference, "trade_no": order.number})

    return Work(named.out_trade_no or named.trade_no, perform)


def _read_cancel(world: World, call: Call) -> Work:
    named = call.content(Named)

    def perform() -> Answer:
        order = find(world, named)
        was_paid = order.paid_at > 0
        world.desk.reverse(order)
        fields = {
            "out_trade_no": order.reference,
            "retry_flag": "N",
            "action": "refund" if was_paid else "close",
        }
        return Answer({**fields, "trade_no": order.number} if is_trade(order) else fields)

    return Work(named.out_trade_no or named.trade_no, perform)


METHODS: Final = (
    Method("alipay.trade.precreate", Operation.CREATE, _read_new("precreate")),
    Method("alipay.trade.pay", Operation.CHARGE, _read_pay),
    Method("alipay.trade.query", Operation.QUERY, _read_query),
    Method("alipay.trade.close", Operation.CLOSE, _read_close),
    Method("alipay.trade.cancel", Operation.REVERSE, _read_cancel),
)
PAGE_METHODS: Final = (
    Method("alipay.trade.page.pay", Operation.CREATE, _read_new("page")),
    Method("alipay.trade.wap.pay", Operation.CREATE, _read_new("wap")),
    Method("alipay.trade.app.pay", Operation.CREATE, _read_new("app")),
)
"""What a payer's browser or app calls with a text the merchant signed; the answer is a page, not an object."""
