"""Refunds: asked for, asked about."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from api.sandbox.core.desk import NewRefund
from api.sandbox.core.fault import Operation
from api.sandbox.core.order import Order, Refund, RefundState
from api.sandbox.core.refusal import Reason
from api.sandbox.keys import MCHID
from api.sandbox.wechat import PROTOCOL
from api.sandbox.wechat.call import Answer, Call, Interface, Work, World
from api.sandbox.wechat.error import parameter_error, refused
from api.sandbox.wechat.transaction import AMOUNT_MAX, moment

_TAKES_MS: Final = 3000
"""How long a refund to a balance takes; to a card it would be days."""
_PATH: Final = "/v3/refund/domestic/refunds"


class _Amount(Struct):
    refund: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    total: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    currency: str


class _NewRefund(Struct):
    out_refund_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
    amount: _Amount
    transaction_id: str = ""
    out_trade_no: str = ""
    reason: Annotated[str, Meta(max_length=80)] = ""
    notify_url: Annotated[str, Meta(pattern="^(https?://[^?]+)?$", max_length=255)] = ""


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
            takes_ms=_TAKES_MS,
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
