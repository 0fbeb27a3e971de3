"""Refunds: asked for, asked about."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from api.sandbox.core.desk import NewRefund
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import Order, Refund, RefundState
from api.sandbox.core.refusal import Reason
from api.sandbox.keys import MCHID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World
from api.sandbox.wechat.error import parameter_error, refused
from api.sandbox.wechat.field import Fen, Text32, Text80, Text256, check_notify_url
from api.sandbox.wechat.transaction import moment

TAKES_MS: Final = 3000
"""How long a refund to a balance takes; to a card it would be days."""
_PATH: Final = "/v3/refund/domestic/refunds"


class _From(Struct):
    account: Literal["AVAILABLE", "UNAVAILABLE"]
    amount: Fen


class _Amount(Struct):
    refund: Fen
    total: Fen
    currency: Literal["CNY"]
    sources: Annotated[list[_From], Meta(max_length=50)] = field(default=[], name="from")


class _Goods(Struct):
    merchant_goods_id: Text32
    unit_price: Fen
    refund_amount: Fen
    refund_quantity: Annotated[int, Meta(ge=1)]
    wechatpay_goods_id: Text32 = ""
    goods_name: Text256 = ""


class _NewRefund(Struct):
    out_refund_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}\Z")]
    amount: _Amount
    transaction_id: Text32 = ""
    out_trade_no: Text32 = ""
    reason: Text80 = ""
    notify_url: Text256 = ""
    funds_account: Literal["AVAILABLE", "UNSETTLED"] | None = None
    goods_detail: Annotated[list[_Goods], Meta(max_length=6000)] = []


def refund_content(order: Order, refund: Refund) -> dict[str, Any]:
    """Return a refund as the interface shows it."""
    content: dict[str, Any] = {
        "refund_id": refund.number,
        "out_refund_no": refund.reference,
        "transaction_id": order.number,
        "out_trade_no": order.reference,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": moment(refund.created_at),
        "status": "SUCCESS" if refund.state is RefundState.DONE else "PROCESSING",
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order.amount,
            "refund": refund.amount,
            "payer_total": order.amount,
            "payer_refund": refund.amount,
            "settlement_refund": refund.amount,
            "settlement_total": order.amount,
            "discount_refund": 0,
            "currency": order.currency,
            "from": [],
        },
    }
    if refund.done_at:
        content["success_time"] = moment(refund.done_at)
    return content


def _read_new(world: World, call: Call) -> Work:
    new = call.content(_NewRefund)
    if bool(new.transaction_id) == bool(new.out_trade_no):
        raise parameter_error("out_trade_no", "transaction_id和out_trade_no必须二选一")
    if new.notify_url:
        check_notify_url(new.notify_url)
    if new.amount.sources and sum(each.amount for each in new.amount.sources) != new.amount.refund:
        raise parameter_error("amount.from", "退款出资金额之和须等于退款金额")

    def perform() -> Answer:
        order = world.desk.find(PROTOCOL, MCHID, reference=new.out_trade_no, number=new.transaction_id)
        if (new.amount.total, new.amount.currency) != (order.amount, order.currency):
            raise refused(Reason.REFUND_DIFFERS)
        wanted = NewRefund(
            scope=MCHID,
            reference=new.out_refund_no,
            amount=new.amount.refund,
            reason=new.reason,
            notify_url=new.notify_url,
            takes_ms=TAKES_MS,
        )
        refund, _ = world.desk.refund(order, wanted)
        return Answer(refund_content(order, refund))

    return Work(new.out_refund_no, perform)


def _read_query(world: World, call: Call) -> Work:
    reference = call.path["out_refund_no"]

    def perform() -> Answer:
        refund = world.desk.find_refund(PROTOCOL, MCHID, reference)
        return Answer(refund_content(world.desk.order(refund.order_id), refund))

    return Work(reference, perform)


INTERFACES: Final = (
    Interface("POST", _PATH, Operation.REFUND, _read_new),
    Interface("GET", f"{_PATH}/{{out_refund_no}}", Operation.QUERY_REFUND, _read_query),
)
